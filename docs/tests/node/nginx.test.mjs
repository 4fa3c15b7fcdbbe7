import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import WebSocket from "ws";
import { EventParser } from "../../examples/fetch-events.mjs";
import { eventLog } from "../../examples/sse-server.mjs";
import { chat } from "../../examples/ws-server.mjs";
import { until } from "./site.mjs";

const nginx = execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin; command -v nginx"], { encoding: "utf8" });

let next = 0;

/// A port for nginx, which cannot be asked which one it got: below those that the system gives to
/// outgoing connections, each process in a range of its own.
async function freePort() {
  for (;;) {
    const port = 10_240 + (process.pid % 600) * 32 + (next++ % 32);
    const probe = createServer().listen(port, "127.0.0.1");
    const free = await once(probe, "listening").then(() => true, () => false);
    probe.close();
    if (free) return port;
  }
}

/// Runs nginx with the sample's file, changed by `edit`, before an upstream.
async function start(t, answer, edit = (text) => text) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "longwire-book-"));
  mkdirSync(join(folder, "temp"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path temp;`);
  const text = edit(readFileSync(new URL("../../examples/nginx.conf", import.meta.url), "utf8"))
    .replace("127.0.0.1:8080", `127.0.0.1:${port}`)
    .replace("127.0.0.1:3000", `127.0.0.1:${server.address().port}`)
    .replace("http {", `http {\n${temp.join("\n")}`);
  writeFileSync(join(folder, "nginx.conf"), text);
  const foreground = ["-g", "daemon off; master_process off;"];
  const program = spawn(nginx.trim(), ["-p", folder, "-c", "nginx.conf", "-e", "stderr", ...foreground], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exit = once(program, "exit");
  t.after(async () => {
    program.kill();
    await exit;
    rmSync(folder, { recursive: true });
  });
  await until(async () => {
    assert.equal(program.exitCode, null, "nginx runs");
    const socket = connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(() => true, () => false);
    socket.destroy();
    return open;
  });
  return { address: `127.0.0.1:${port}`, server };
}

test("each event passes before the next is published", async (t) => {
  const log = eventLog();
  const { address } = await start(t, log.answer);
  const response = await fetch(`http://${address}/events`);
  const parser = new EventParser();
  let n = 0;
  await until(() => log.clients.size === 1);
  log.publish("message", String(n));
  for await (const bytes of response.body) {
    for (const { data } of parser.push(bytes)) {
      assert.equal(data, String(n));
      log.publish("message", String((n += 1)));
    }
    if (n > 20) break;
  }
});

test("without the header, and HTTP/1.0 upstream, nothing passes until the end", async (t) => {
  const sent = [];
  const { address } = await start(
    t,
    async (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      for (let n = 0; n < 5; n++) {
        response.write(`data: ${n}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        sent.push(n);
      }
      response.end();
    },
    // What the article's server and nginx's defaults do.
    (text) => text.replace("proxy_http_version 1.1;", "").replace(/proxy_set_header Connection.*/, ""),
  );
  const response = await fetch(`http://${address}/events`);
  const reader = response.body.getReader();
  await reader.read();
  assert.equal(sent.length, 5, "the first byte came after the last event was sent");
});

test("a WebSocket passes in both directions", async (t) => {
  const { address, server } = await start(t, (_, response) => response.end());
  const origin = "http://app.example";
  const { sockets } = chat({ server, origins: [origin] });
  t.after(() => sockets.close());
  const socket = new WebSocket(`ws://${address}/`, { origin });
  await once(socket, "open");
  socket.send('{"type":"resume","after":0}');
  socket.send('{"type":"message","id":"1","data":"hello"}');
  const [first] = await once(socket, "message");
  assert.deepEqual(JSON.parse(first), { type: "event", seq: 1, data: "hello" });
  socket.terminate();
});

test("what is silent for longer than proxy_read_timeout is cut, an event stream too", async (t) => {
  const shorter = (text) => text.replace("proxy_read_timeout 60s;", "proxy_read_timeout 3s;");
  const log = eventLog({ heartbeat: 60_000 });
  const { address, server } = await start(t, log.answer, shorter);
  const { sockets } = chat({ server, origins: ["http://app.example"], ping: 60_000 });
  t.after(() => sockets.close());
  const response = await fetch(`http://${address}/events`);
  await assert.rejects(response.text(), TypeError);
  const socket = new WebSocket(`ws://${address}/`, { origin: "http://app.example" });
  const [code] = await once(socket, "close");
  assert.equal(code, 1006);
});

test("with heartbeats neither is", async (t) => {
  const shorter = (text) => text.replace("proxy_read_timeout 60s;", "proxy_read_timeout 3s;");
  const log = eventLog({ heartbeat: 300 });
  const { address, server } = await start(t, log.answer, shorter);
  const { sockets } = chat({ server, origins: ["http://app.example"], ping: 300 });
  t.after(() => sockets.close());
  const response = await fetch(`http://${address}/events`);
  const socket = new WebSocket(`ws://${address}/`, { origin: "http://app.example" });
  let beats = 0;
  socket.on("ping", () => (beats += 1));
  let bytes = 0;
  const reader = response.body.getReader();
  // Twice as long as without them.
  while (bytes < 60 || beats < 20) {
    assert.notEqual(socket.readyState, WebSocket.CLOSED, "the WebSocket was cut");
    const { done, value } = await reader.read();
    assert.equal(done, false);
    bytes += value.length;
  }
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.terminate();
  await reader.cancel();
});
