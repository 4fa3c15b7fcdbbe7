// What Chromium does, as *Measured* says.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { test } from "node:test";
import { chromium, open, site, until } from "./site.mjs";

test("six event streams to an origin: another port is another six", async (t) => {
  const streams = [0, 0];
  const servers = await Promise.all(
    streams.map((_, nth) =>
      site((_, response) => {
        streams[nth] += 1;
        response.writeHead(200, { "Content-Type": "text/event-stream", "Access-Control-Allow-Origin": "*" });
        response.write(":\n\n");
      }),
    ),
  );
  for (const { close } of servers) t.after(close);
  const page = await open(await chromium(t), servers[0].origin);
  const states = () => page.evaluate(() => sources.map((of) => of.map((source) => source.readyState)));
  await page.evaluate((origins) => {
    window.sources = origins.map((origin) =>
      Array.from({ length: 8 }, () => new EventSource(`${origin}/api/events`)),
    );
  }, servers.map(({ origin }) => origin));
  await until(() => streams.every((count) => count === 6));
  const opened = async () => (await states()).map((of) => of.filter((state) => state === 1).length);
  await until(async () => (await opened()).every((count) => count === 6));
  // Not even a page of that origin gets through while they are open.
  const fetched = page.evaluate(() => fetch("/").then(() => "fetched"));
  assert.equal(await Promise.race([fetched, page.waitForTimeout(500).then(() => "waits")]), "waits");
  await page.evaluate(() => sources[0].slice(0, 3).forEach((source) => source.close()));
  assert.equal(await fetched, "fetched");
});

test("a token in the URL of a stream is in no Referer and in no history", async (t) => {
  const referers = [];
  const { origin, close } = await site((request, response) => {
    referers.push([request.url, request.headers.referer]);
    response.writeHead(200, { "Content-Type": "text/event-stream" }).end("data: 1\n\n");
  });
  t.after(close);
  const browser = await chromium(t);
  const page = await open(browser, origin);
  await page.evaluate(async () => {
    const source = new EventSource("/api/events?token=secret");
    await new Promise((resolve) => (source.onmessage = resolve));
    source.close();
    await fetch("/api/after");
  });
  assert.deepEqual(referers, [
    ["/api/events?token=secret", `${origin}/`],
    ["/api/after", `${origin}/`],
  ]);
  const session = await page.context().newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  assert.equal(entries.length > 0, true);
  assert.equal(entries.some(({ url }) => url.includes("secret")), false);
});

test("a POST of ten bytes has a head of several hundred", async (t) => {
  const { origin, close } = await site();
  t.after(close);
  const page = await open(await chromium(t), origin);
  const raw = createSocketServer().listen(0, "127.0.0.1");
  await once(raw, "listening");
  t.after(() => raw.close());
  const url = `http://127.0.0.1:${raw.address().port}/m`;
  const sent = page.evaluate((url) => fetch(url, { method: "POST", body: "0123456789" }).catch(() => {}), url);
  const [socket] = await once(raw, "connection");
  let text = "";
  for await (const bytes of socket) {
    text += bytes;
    if (text.endsWith("0123456789")) break;
  }
  socket.destroy();
  await sent;
  const head = text.length - 10;
  console.log(`head of Chromium's POST: ${head} bytes`);
  assert.ok(head > 300 && head < 1_000, text);
});

test("an event stream ends without a code or a reason", async (t) => {
  let response;
  const server = createServer((_, opened) => {
    response = opened;
    response.writeHead(200, { "Content-Type": "text/event-stream", "Access-Control-Allow-Origin": "*" });
    response.write(":\n\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  const { origin, close } = await site();
  t.after(close);
  const page = await open(await chromium(t), origin);
  const ended = page.evaluate(
    (port) =>
      new Promise((resolve) => {
        const source = new EventSource(`http://127.0.0.1:${port}/`);
        source.onerror = (event) => {
          source.close();
          resolve([event.code, event.reason, event.constructor.name]);
        };
      }),
    server.address().port,
  );
  await until(() => response);
  response.end();
  assert.deepEqual(await ended, [undefined, undefined, "Event"]);
});
