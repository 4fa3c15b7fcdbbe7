// What wakes an idle Chromium: a page with an event stream of the hub and one with a WebSocket, each
// behind a proxy that counts. With the hub's program and seconds:
// `node --import ./docs/tests/node/packages.mjs docs/measure/idle.mjs target/debug/longwire 300`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { launch } from "../tests/node/site.mjs";

const [program, seconds] = process.argv.slice(2);

let port;

/// A proxy to the hub that counts what comes in each direction: pieces and bytes.
async function counting() {
  const counts = { down: [0, 0], up: [0, 0] };
  const pass = (from, to, count) =>
    from.on("data", (bytes) => {
      count[0] += 1;
      count[1] += bytes.length;
      to.write(bytes);
    });
  const server = createServer((client) => {
    const hub = connect(port, "127.0.0.1");
    pass(hub, client, counts.down);
    pass(client, hub, counts.up);
    client.on("close", () => hub.destroy()).on("error", () => {});
    hub.on("close", () => client.destroy()).on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { counts, port: server.address().port };
}

const proxies = [await counting(), await counting()];
const origins = proxies.flatMap(({ port }) => ["--origin", `http://127.0.0.1:${port}`]);
const hub = spawn(program, ["serve", "--memory", "--listen", "127.0.0.1:0", ...origins]);
for await (const line of createInterface({ input: hub.stdout })) {
  port = line.match(/http:\/\/127.0.0.1:(\d+)/)?.[1];
  if (port) break;
}
const browser = await launch();
const path = "/.well-known/mercure?topic=idle";
const carriers = {
  "event stream": `new Promise((r) => { window.s = new EventSource("${path}"); s.onopen = r; })`,
  WebSocket: `new Promise((r) => {
    window.s = new WebSocket("ws://" + location.host + "${path}", "longwire.v1"); s.onmessage = r; })`,
};
const watched = [];
for (const [nth, [name, open]] of Object.entries(carriers).entries()) {
  const proxy = proxies[nth];
  const page = await browser.newPage();
  // Only the origin is wanted, not the hub's page, which holds connections of its own.
  await page.goto(`http://127.0.0.1:${proxy.port}/nothing`);
  await page.evaluate(open);
  watched.push({ name, counts: proxy.counts });
}
// The first answers.
await new Promise((resolve) => setTimeout(resolve, 2_000));
const before = structuredClone(watched.map(({ counts }) => counts));
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
for (const [nth, { name, counts }] of watched.entries()) {
  const grown = (way) => counts[way].map((count, n) => count - before[nth][way][n]);
  const [down, up] = [grown("down"), grown("up")];
  console.log(`${name}: ${down[0]} times received (${down[1]} bytes), ${up[0]} sent (${up[1]} bytes) in ${seconds} s`);
}
await browser.close();
hub.kill();
