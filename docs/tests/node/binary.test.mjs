import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { eventLog } from "../../examples/sse-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

const bytes = Array.from({ length: 256 }, (_, n) => n);

test("bytes come back over a WebSocket as they went", async (t) => {
  const { origin, server, close } = await site();
  t.after(close);
  const sockets = new WebSocketServer({ server });
  t.after(() => sockets.close());
  sockets.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  const page = await open(await chromium(t), origin);
  const back = await page.evaluate(
    async ([url, bytes]) => {
      const { exchange } = await import("/binary.mjs");
      return [...(await exchange(url, new Uint8Array(bytes)))];
    },
    [origin.replace("http", "ws"), bytes],
  );
  assert.deepEqual(back, bytes);
});

test("bytes come over an event stream in base64", async (t) => {
  const log = eventLog();
  const { origin, close } = await site(log.answer);
  t.after(close);
  const page = await open(await chromium(t), origin);
  const read = page.evaluate(async () => {
    const { fromBase64 } = await import("/binary.mjs");
    const source = new EventSource("/api/events");
    const text = await new Promise((resolve) => (source.onmessage = ({ data }) => resolve(data)));
    source.close();
    const native = [...fromBase64(text)];
    Uint8Array.fromBase64 = undefined;
    return [native, [...fromBase64(text)]];
  });
  await until(() => log.clients.size === 1);
  log.publish("message", Buffer.from(bytes).toString("base64"));
  assert.deepEqual(await read, [bytes, bytes]);
});
