// How many WebSockets one Chromium opens: `node --import ./docs/tests/node/packages.mjs docs/measure/sockets.mjs`.
import { createServer } from "node:http";
import { once } from "node:events";
import { WebSocketServer } from "ws";
import { launch } from "../tests/node/site.mjs";

/// Opens `count` WebSockets on a page, `batch` at a time: how many were open at once, and how many
/// failed.
export async function openInChromium(browser, count, batch) {
  const server = createServer((_, response) => response.end("<!doctype html>"));
  const sockets = new WebSocketServer({ server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const ended = await page.evaluate(
    async ([count, batch, port]) => {
      const open = () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
        return new Promise((resolve) => {
          socket.onopen = () => resolve("open");
          socket.onclose = () => resolve("failed");
        });
      };
      const ended = [];
      while (ended.length < count) {
        const length = Math.min(batch, count - ended.length);
        ended.push(...(await Promise.all(Array.from({ length }, open))));
      }
      return ended;
    },
    [count, batch, port],
  );
  const seen = sockets.clients.size;
  await page.close();
  server.closeAllConnections();
  sockets.clients.forEach((socket) => socket.terminate());
  server.close();
  const open = ended.filter((state) => state === "open").length;
  return { asked: count, "at a time": batch, open, failed: count - open, "seen by the server": seen };
}

/// Opens `count` WebSockets to a server that does not answer: handshakes that it sees, sockets that
/// fail at once, and how many go on waiting.
export async function pendingInChromium(browser, count) {
  let handshakes = 0;
  const server = createServer((_, response) => response.end("<!doctype html>"));
  server.on("upgrade", () => (handshakes += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const failed = await page.evaluate(
    async ([count, port]) => {
      let failed = 0;
      for (let n = 0; n < count; n++) {
        new WebSocket(`ws://127.0.0.1:${port}/`).onclose = () => (failed += 1);
      }
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return failed;
    },
    [count, port],
  );
  const result = { asked: count, "handshakes seen": handshakes, failed, waiting: count - failed };
  await page.close();
  server.closeAllConnections();
  server.close();
  return result;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const browser = await launch();
  console.log(browser.version());
  for (const count of [100, 255, 256, 300]) {
    console.log(await openInChromium(browser, count, count));
  }
  for (const count of [255, 256, 600]) console.log(await openInChromium(browser, count, 50));
  for (const count of [100, 255, 256]) console.log(await pendingInChromium(browser, count));
  await browser.close();
}
