// What the articles' samples do. Each test holds the lines at fault, shortened.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket, { WebSocketServer } from "ws";
import { EventParser } from "../../examples/fetch-events.mjs";
import { chromium, open, site, until } from "./site.mjs";

test("000: its SSEClient delivers an unnamed event twice", async (t) => {
  const { origin, close } = await site((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: once\n\n");
  });
  t.after(close);
  const page = await open(await chromium(t), origin);
  const seen = await page.evaluate(async () => {
    const seen = [];
    // ANCHOR: twice
    const listeners = new Map([["message", (data) => seen.push(data)]]);
    const eventSource = new EventSource("/api/events");
    eventSource.onmessage = (event) => listeners.get("message")(event.data);
    listeners.forEach((callback, eventName) => {
      eventSource.addEventListener(eventName, (event) => callback(event.data));
    });
    // ANCHOR_END: twice
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    return seen;
  });
  assert.deepEqual(seen, ["once", "once"]);
});

test("000, 001: send() right after the constructor throws", async (t) => {
  const { origin, server, close } = await site();
  t.after(close);
  new WebSocketServer({ server });
  const page = await open(await chromium(t), origin);
  const name = await page.evaluate((url) => {
    // ANCHOR: early
    const interactive = new WebSocket(url);
    try {
      interactive.send(JSON.stringify({ action: "subscribe", room: "lobby" }));
    } catch (error) {
      return error.name;
    }
    // ANCHOR_END: early
  }, origin.replace("http", "ws"));
  assert.equal(name, "InvalidStateError");
});

test("000: its broadcast turns text into bytes", async (t) => {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => wss.close());
  await once(wss, "listening");
  // ANCHOR: bytes
  wss.on("connection", (ws) => {
    ws.on("message", (message) => {
      wss.clients.forEach((client) => {
        if (client.readyState === WebSocket.OPEN) client.send(message);
      });
    });
  });
  // ANCHOR_END: bytes
  const socket = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);
  await once(socket, "open");
  socket.send("text");
  const [, isBinary] = await once(socket, "message");
  assert.equal(isBinary, true);
  socket.terminate();
});

test("000: one bad frame ends its server", async () => {
  const server = `
    import { WebSocketServer } from "ws";
    const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    wss.on("connection", (ws) => ws.on("message", () => {}));
    wss.on("listening", () => console.log(wss.address().port));`;
  const packages = fileURLToPath(new URL("packages.mjs", import.meta.url));
  const arguments_ = ["--import", packages, "--input-type=module", "--eval", server];
  const program = spawn(process.execPath, arguments_, { stdio: ["ignore", "pipe", "ignore"] });
  const [port] = await once(program.stdout, "data");
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(socket, "data");
  socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  const [status] = await once(program, "exit");
  assert.equal(status, 1);
});

test("000: its handler of websockets has a parameter too many", () => {
  const program = `
import asyncio, logging
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

logging.disable()

async def websocket_handler(websocket, path):
    async for message in websocket:
        pass

async def main():
    async with serve(websocket_handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            await socket.wait_closed()
            print(socket.close_code)

asyncio.run(main())`;
  const python = `${process.env.LONGWIRE_PYTHON}/bin/python`;
  const { stdout, stderr } = spawnSync(python, ["-c", program], { encoding: "utf8" });
  assert.equal(stdout, "1011\n", stderr);
});

test("000: its cure for iOS starts one timer more each time the page is seen", async (t) => {
  const { origin, close } = await site();
  t.after(close);
  const page = await open(await chromium(t), origin);
  const started = await page.evaluate(() => {
    let started = 0;
    const setInterval = () => (started += 1);
    const clearInterval = () => {};
    // ANCHOR: timers
    let keepAliveInterval;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) {
        keepAliveInterval = setInterval(() => fetch("/keepalive"), 30_000);
      } else {
        clearInterval(keepAliveInterval);
      }
    });
    // ANCHOR_END: timers
    for (let n = 0; n < 3; n++) document.dispatchEvent(new Event("visibilitychange"));
    return started;
  });
  assert.equal(started, 3);
});

test("001: its server counts for each connection, and replays nothing", async (t) => {
  let clients = 0;
  let published = 0;
  // ANCHOR: counter
  const answer = (req, res) => {
    const lastId = req.headers["last-event-id"];
    let count = lastId ? parseInt(lastId) : 0;
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    res.write("retry: 3000\n\n");
    const interval = setInterval(() => {
      count++;
      res.write(`id: ${count}\n`);
      res.write(`data: {"seq": ${count}}\n\n`);
      published++;
    }, 10);
    req.on("close", () => clearInterval(interval));
  };
  // ANCHOR_END: counter
  const server = createServer((request, response) => {
    clients += 1;
    answer(request, response);
  }).listen(0, "127.0.0.1");
  t.after(() => (server.closeAllConnections(), server.close()));
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  const read = async (id) => {
    const response = await fetch(url, { headers: id ? { "Last-Event-ID": id } : {} });
    const parser = new EventParser();
    for await (const bytes of response.body) for (const event of parser.push(bytes)) return event;
  };
  // A second reader gets "event 1" as well, at another time: it is not the same event.
  assert.equal((await read()).lastEventId, "1");
  assert.equal((await read()).lastEventId, "1");
  // Nothing is known of what was published: any id is continued from.
  assert.equal((await read("1000")).data, '{"seq": 1001}');
  assert.equal((await read("abc")).data, '{"seq": NaN}');
  assert.equal(clients, 4);
  assert.ok(published < 1000);
});

test("001: its loop on fetch misses events, and ends at one that is not JSON", async () => {
  const read = async (text) => {
    const response = new Response(text);
    const seen = [];
    const handleEvent = (data) => seen.push(data);
    // ANCHOR: loop
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let buffer = "";
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      buffer += decoder.decode(value, { stream: true });
      const parts = buffer.split("\n\n");
      buffer = parts.pop();
      for (const part of parts) {
        const dataLine = part.split("\n").find((l) => l.startsWith("data: "));
        if (dataLine) handleEvent(JSON.parse(dataLine.slice(6)));
      }
    }
    // ANCHOR_END: loop
    return seen;
  };
  assert.deepEqual(await read("data: 1\n\n"), [1]);
  assert.deepEqual(await read("data:1\n\n"), [], "without the space");
  assert.deepEqual(await read("data: 1\r\n\r\n"), [], "CRLF");
  assert.deepEqual(await read("data: 1\r\r"), [], "CR");
  assert.deepEqual(await read("data: 1\ndata: 2\n\n"), [1], "the second line");
  await assert.rejects(read("data: [DONE]\n\n"), SyntaxError);
});

test("001: a WebSocket that is closed on purpose comes back", async (t) => {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => wss.close());
  await once(wss, "listening");
  let connections = 0;
  wss.on("connection", () => (connections += 1));
  // ANCHOR: undead
  let ws;
  let backoff = 10;
  const connect = () => {
    ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);
    ws.onclose = () => setTimeout(connect, backoff);
  };
  // ANCHOR_END: undead
  connect();
  await once(ws, "open");
  ws.close(1000, "User navigated away");
  // The server knows of it before the client does.
  await until(() => connections === 2 && ws.readyState === WebSocket.OPEN);
  ws.onclose = null;
  ws.terminate();
});

test("003: write() does not block, it keeps", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => (server.closeAllConnections(), server.close()));
  await once(server, "listening");
  const deaf = connect(server.address().port, "127.0.0.1");
  deaf.pause();
  deaf.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const [, res] = await once(server, "request");
  // ANCHOR: keeps
  const taken = [];
  for (let n = 0; n < 100; n++) taken.push(res.write("x".repeat(1 << 20)));
  // ANCHOR_END: keeps
  assert.equal(taken.at(-1), false);
  assert.ok(res.writableLength > 90 << 20, `${res.writableLength} bytes in memory`);
  deaf.destroy();
});

test("003: its server replays, and then says nothing more", async (t) => {
  const store = { events: [{ id: 1, type: "tick", data: 1 }] };
  store.getEventsAfter = async (id) => store.events.filter((event) => event.id > id);
  // ANCHOR: silent
  const server = createServer(async (req, res) => {
    let lastId = Number(req.headers["last-event-id"] ?? 0);
    const events = await store.getEventsAfter(lastId);
    for (const ev of events) {
      res.write(`id: ${ev.id}\n`);
      res.write(`event: ${ev.type}\n`);
      res.write(`data: ${JSON.stringify(ev.data)}\n\n`);
    }
  });
  // ANCHOR_END: silent
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const { body, headers } = await fetch(url);
  assert.equal(headers.get("Content-Type"), null, "which ends an EventSource for good");
  const reader = body.getReader();
  const first = await reader.read();
  assert.equal(Buffer.from(first.value).toString(), 'id: 1\nevent: tick\ndata: 1\n\n');
  const next = reader.read();
  store.events.push({ id: 2, type: "tick", data: 2 });
  // What is published later comes with the next connection, and not on this one.
  const again = await fetch(url, { headers: { "Last-Event-ID": "1" } });
  const second = await again.body.getReader().read();
  assert.match(Buffer.from(second.value).toString(), /^id: 2/);
  assert.equal(await Promise.race([next, "nothing"]), "nothing");
  next.catch(() => {});
});
