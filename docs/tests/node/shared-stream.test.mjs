import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLog } from "../../examples/sse-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

test("eight tabs over HTTP/1.1 share one stream, and each gets every event", async (t) => {
  const log = eventLog();
  let answers = 0;
  const { origin, close } = await site((request, response) => {
    answers += 1;
    log.answer(request, response);
  });
  t.after(close);
  const browser = await chromium(t);
  const context = await browser.newContext();
  const tabs = [];
  for (let n = 0; n < 8; n++) {
    const tab = await open(context, origin);
    await tab.evaluate(async () => {
      const { share } = await import("/shared-stream.mjs");
      window.seen = [];
      share("/api/events", (data) => seen.push(data));
    });
    tabs.push(tab);
  }
  await until(() => log.clients.size === 1);
  // A tab is known to the worker a moment after it asked: until each has heard something.
  let published = 0;
  const heard = (tab) => tab.evaluate(() => seen.length > 0);
  await until(async () => {
    log.publish("message", String((published += 1)));
    return (await Promise.all(tabs.map(heard))).every(Boolean);
  });
  log.publish("message", "last");
  for (const tab of tabs) await until(() => tab.evaluate(() => seen.at(-1) === "last"));
  assert.equal(answers, 1);
  assert.equal(log.clients.size, 1);
});
