import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import WebSocket from "ws";
import { chat } from "../../examples/ws-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

async function start(t, options) {
  const { origin, server, close } = await site();
  t.after(close);
  const served = chat({ server, origins: [origin], ...options });
  t.after(() => served.sockets.close());
  return { ...served, origin, url: origin.replace("http", "ws"), port: server.address().port };
}

test("nothing is lost or repeated over broken connections, in either direction", async (t) => {
  const { publish, sockets, origin, url } = await start(t);
  const page = await open(await chromium(t), origin);
  await page.evaluate(async (url) => {
    const { connect } = await import("/web-socket.mjs");
    window.seen = [];
    window.states = [];
    const state = (now) => states.push(now);
    window.wire = connect(url, { on: (data) => seen.push(data), state });
    wire.send("from the page, before it is open");
  }, url);
  const seen = (count) => until(() => page.evaluate((count) => seen.length >= count, count));
  await seen(1);
  const expected = ["from the page, before it is open"];
  for (let round = 0; round < 3; round++) {
    publish(`live ${round}`);
    // The last one may be in flight when the connection breaks, and its answer too.
    await page.evaluate((text) => wire.send(text), `up ${round}`);
    sockets.clients.forEach((socket) => socket.terminate());
    publish(`away ${round}`);
    expected.push(`live ${round}`, `up ${round}`, `away ${round}`);
    await seen(expected.length);
  }
  assert.deepEqual((await page.evaluate(() => seen)).toSorted(), expected.toSorted());
  await page.evaluate(() => wire.close());
  await until(() => sockets.clients.size === 0);
  const states = await page.evaluate(() => states);
  assert.equal(states.at(-1), "closed");
  assert.ok(states.filter((state) => state === "waiting").length >= 3);
});

test("a message that comes again is answered again, and passed on once", async (t) => {
  const { origin, url } = await start(t);
  const socket = new WebSocket(url, { origin });
  await once(socket, "open");
  const received = [];
  socket.on("message", (text) => received.push(JSON.parse(text)));
  socket.send('{"type":"resume","after":0}');
  const message = '{"type":"message","id":"1","data":"hello"}';
  socket.send(message);
  socket.send(message);
  await until(() => received.filter(({ type }) => type === "answer").length === 2);
  const events = received.filter(({ type }) => type === "event");
  assert.deepEqual(events, [{ type: "event", seq: 1, data: "hello" }]);
  socket.terminate();
});

test("a silent server is left, a refusal is final", async (t) => {
  const { sockets, origin, url } = await start(t);
  const page = await open(await chromium(t), origin);
  const connections = [];
  sockets.on("connection", (socket) => {
    connections.push(socket);
    // Nothing ever comes, and the first connection is not closed either.
    if (connections.length === 2) socket.close(1008);
  });
  const last = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        import("/web-socket.mjs").then(({ connect }) => {
          const state = (now) => now === "closed" && resolve(now);
          connect(url, { on: () => {}, silence: 2_000, state });
        });
      }),
    url,
  );
  assert.equal(last, "closed");
  assert.equal(connections.length, 2);
});

test("other origins get no connection", async (t) => {
  const { origin, url } = await start(t);
  const status = async (origin) => {
    const socket = new WebSocket(url, { origin });
    const [what] = await Promise.race([once(socket, "open"), once(socket, "unexpected-response").then(([, response]) => [response.statusCode])]);
    socket.on("error", () => {});
    socket.terminate();
    return what ?? "open";
  };
  assert.equal(await status(origin), "open");
  assert.equal(await status("https://evil.example"), 401);
});

test("who breaks the protocol or does not read is gone, the others stay", async (t) => {
  const { publish, sockets, origin, url, port } = await start(t);
  t.mock.method(console, "error", () => {});
  const good = new WebSocket(url, { origin });
  await once(good, "open");
  good.send('{"type":"resume","after":0}');

  const raw = connect(port, "127.0.0.1");
  raw.write(
    `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: ${origin}\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(raw, "data");
  // A reserved opcode, masked.
  raw.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  const [close] = await once(raw, "data");
  assert.deepEqual([...close], [0x88, 0x02, 0x03, 0xea], "1002");
  await until(() => sockets.clients.size === 1);

  const deaf = new WebSocket(url, { origin });
  await once(deaf, "open");
  deaf.send('{"type":"resume","after":0}');
  await until(() => [...sockets.clients].every((socket) => socket.resumed));
  deaf.pause();
  await until(() => {
    for (let n = 0; n < 100; n++) publish("x".repeat(1_000));
    return sockets.clients.size === 1;
  });
  assert.equal(good.readyState, WebSocket.OPEN);
  for (const socket of [deaf, good]) socket.terminate();
});
