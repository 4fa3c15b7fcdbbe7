import assert from "node:assert/strict";
import { test } from "node:test";
import { delay } from "../../examples/event-source.mjs";
import { eventLog } from "../../examples/sse-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

test("the delay has full jitter, doubles and ends at 30 seconds", () => {
  const ceilings = [0, 1, 2, 3, 4, 5, 1_000].map((failures) => delay(failures, () => 1));
  assert.deepEqual(ceilings, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(delay(4, () => 0), 0);
  assert.equal(delay(4, () => 0.5), 8_000);
});

test("a stream survives cut connections and statuses other than 200", async (t) => {
  const log = eventLog();
  let answers = 0;
  const positions = [];
  const { origin, server, close } = await site((request, response) => {
    answers += 1;
    const query = new URL(request.url, "http://localhost").searchParams.get("lastEventID");
    positions.push(request.headers["last-event-id"] ?? query);
    // What a proxy says while the server restarts.
    if (answers === 2) return response.writeHead(502).end();
    log.answer(request, response);
  });
  t.after(close);
  const page = await open(await chromium(t), origin);
  await page.evaluate(async () => {
    const { follow } = await import("/event-source.mjs");
    window.seen = [];
    window.stream = follow("/api/events", {
      names: ["message", "special"],
      on: (name, data) => seen.push([name, data]),
    });
  });
  const seen = (count) => until(() => page.evaluate((count) => seen.length >= count, count));
  const cut = () => log.clients.forEach((client) => client.destroy());
  await until(() => log.clients.size === 1);
  log.publish("message", "one\ntwo");
  log.publish("special", "three");
  await seen(2);
  cut(); // the browser comes back, and meets the 502
  log.publish("message", "while away");
  await seen(3);
  cut(); // and once more, without one
  log.publish("special", "again");
  await seen(4);
  assert.deepEqual(await page.evaluate(() => seen), [
    ["message", "one\ntwo"],
    ["special", "three"],
    ["message", "while away"],
    ["special", "again"],
  ]);
  const offsets = positions.map((position) => position?.split(".")[1]);
  assert.deepEqual(offsets, [undefined, "2", "2", "3"]);
  await page.evaluate(() => stream.close());
  await until(() => log.clients.size === 0);
  assert.equal(server.listening, true);
});

test("without the sample's cure a 502 ends a native EventSource for ever", async (t) => {
  let answers = 0;
  const { origin, close } = await site((_, response) => {
    answers += 1;
    response.writeHead(502).end();
  });
  t.after(close);
  const page = await open(await chromium(t), origin);
  const state = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const source = new EventSource("/api/events");
        source.onerror = () => resolve(source.readyState);
      }),
  );
  assert.equal(state, 2);
  assert.equal(answers, 1);
});

test("a hidden page has no stream, and misses nothing", async (t) => {
  const log = eventLog();
  const { origin, close } = await site(log.answer);
  t.after(close);
  const page = await open(await chromium(t), origin);
  await page.evaluate(async () => {
    const { follow, pauseWhenHidden } = await import("/event-source.mjs");
    window.seen = [];
    pauseWhenHidden(follow("/api/events", { on: (_, data) => seen.push(data) }));
  });
  // Headless pages are always seen: say otherwise.
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await until(() => log.clients.size === 1);
  log.publish("message", "before");
  await until(() => page.evaluate(() => seen.length === 1));
  await hide(true);
  await until(() => log.clients.size === 0);
  log.publish("message", "hidden");
  await hide(false);
  await until(() => page.evaluate(() => seen.length === 2));
  assert.deepEqual(await page.evaluate(() => seen), ["before", "hidden"]);
});
