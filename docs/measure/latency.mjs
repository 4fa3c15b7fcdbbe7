// From a server's write to the handler of a page in Chromium, over both protocols in turn: median
// and 99th percentile of milliseconds, loopback, Node's http and the package ws.
// `node --import ./docs/tests/node/packages.mjs docs/measure/latency.mjs 2000`
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { launch } from "../tests/node/site.mjs";

const rounds = Number(process.argv[2] ?? 2_000);
let stream;
let socket;
const server = createServer((request, response) => {
  // Cross-origin isolated pages have clocks of 5 µs instead of 100.
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
  if (request.url === "/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(":\n\n");
    stream = response;
    stream.socket.setNoDelay(true);
  } else if (request.method === "POST") {
    // What a page that has an event stream does to answer.
    request.resume().on("end", () => {
      response.writeHead(204).end();
      stream.write("data: echo\n\n");
    });
  } else {
    response.end("<!doctype html>");
  }
}).listen(0, "127.0.0.1");
new WebSocketServer({ server }).on("connection", (opened) => {
  socket = opened;
  socket.on("message", () => socket.send("echo"));
});
await once(server, "listening");
const browser = await launch();
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const now = () => performance.timeOrigin + performance.now();

// Once a message is there, the page says when it came.
await page.evaluate(async () => {
  window.now = () => performance.timeOrigin + performance.now();
  window.came = { sse: [], ws: [] };
  const events = new EventSource("/events");
  events.onmessage = () => came.sse.push(now());
  window.socket = new WebSocket(`ws://${location.host}/`);
  window.socket.onmessage = () => came.ws.push(now());
  await Promise.all([events, window.socket].map((one) => new Promise((r) => (one.onopen = r))));
});
const sent = { sse: [], ws: [] };
const pause = () => new Promise((resolve) => setTimeout(resolve, 3));
const data = "x".repeat(100);
for (let n = 0; n < rounds; n++) {
  for (const way of n % 2 ? ["sse", "ws"] : ["ws", "sse"]) {
    sent[way].push(now());
    if (way === "sse") stream.write(`data: ${data}\n\n`);
    else socket.send(data);
    await pause();
  }
}
await pause();
const came = await page.evaluate(() => came);
const print = (name, times) => {
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(times.length * part)].toFixed(2);
  console.log(`${name}: median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, ${times.length} messages`);
};
for (const [way, name] of [["sse", "event stream"], ["ws", "WebSocket"]]) {
  print(`${name}, server to page`, came[way].map((time, n) => time - sent[way][n]));
}

// There and back: a frame each way, or a POST and an event.
const trips = await page.evaluate(async (rounds) => {
  const trips = { sse: [], ws: [] };
  const until = async (way, count) => {
    while (came[way].length < count) await new Promise((resolve) => { window.woken = resolve; });
  };
  for (const way of ["sse", "ws"]) {
    const push = came[way].push.bind(came[way]);
    came[way].push = (time) => (push(time), window.woken?.());
  }
  for (let n = 0; n < rounds; n++) {
    for (const way of n % 2 ? ["sse", "ws"] : ["ws", "sse"]) {
      const count = came[way].length + 1;
      const start = now();
      if (way === "ws") window.socket.send("ping");
      else fetch("/", { method: "POST", body: "ping" });
      await until(way, count);
      trips[way].push(now() - start);
    }
  }
  return trips;
}, rounds / 2);
print("POST and event, there and back", trips.sse);
print("WebSocket, there and back", trips.ws);
await browser.close();
process.exit();
