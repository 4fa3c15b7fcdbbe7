import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLog } from "../../examples/sse-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

test("every event of a burst is handled, with the newest handlers, on one stream", async (t) => {
  const log = eventLog();
  let answers = 0;
  const { origin, close } = await site((request, response) => {
    answers += 1;
    log.answer(request, response);
  });
  t.after(close);
  const page = await open(await chromium(t), origin);
  await page.evaluate(async () => {
    const { createElement } = await import("react");
    const { createRoot } = await import("react-dom/client");
    const { Metrics } = await import("/react-rows.mjs");
    window.root = createRoot(document.querySelector("#root"));
    window.render = () => root.render(createElement(Metrics, { url: "/api/events" }));
    render();
  });
  await until(() => log.clients.size === 1);
  const rows = () => page.evaluate(() => JSON.parse(document.querySelector("pre").textContent));
  for (let n = 0; n < 50; n++) log.publish("update", String(n));
  await until(async () => (await rows()).length === 50);
  assert.deepEqual(await rows(), Array.from({ length: 50 }, (_, n) => n));

  // Rendered again, it keeps its stream.
  await page.evaluate(() => render());
  log.publish("update", "50");
  await until(async () => (await rows()).length === 51);
  assert.equal(answers, 1);
  assert.equal(await page.evaluate(() => document.querySelector("pre").dataset.state), "open");

  await page.evaluate(() => root.unmount());
  await until(() => log.clients.size === 0);
});

test("in strict mode, which mounts twice, one stream stays", async (t) => {
  const log = eventLog();
  const { origin, close } = await site(log.answer);
  t.after(close);
  const page = await open(await chromium(t), origin);
  await page.evaluate(async () => {
    const { createElement, StrictMode } = await import("react");
    const { createRoot } = await import("react-dom/client");
    const { Metrics } = await import("/react-rows.mjs");
    const strict = createElement(StrictMode, null, createElement(Metrics, { url: "/api/events" }));
    createRoot(document.querySelector("#root")).render(strict);
  });
  await until(() => page.evaluate(() => document.querySelector("pre")?.dataset.state === "open"));
  await until(() => log.clients.size === 1);
  log.publish("update", "1");
  await until(() => page.evaluate(() => document.querySelector("pre").textContent === "[1]"));
});

test("the hook that keeps only the last event loses the others of a burst", async (t) => {
  const log = eventLog();
  const { origin, close } = await site(log.answer);
  t.after(close);
  const page = await open(await chromium(t), origin);
  const rendered = page.evaluate(async () => {
    const { createElement, useEffect, useState } = await import("react");
    const { createRoot } = await import("react-dom/client");
    const rendered = [];
    function Last() {
      const [data, setData] = useState(null);
      useEffect(() => {
        const source = new EventSource("/api/events");
        source.onmessage = (event) => setData(JSON.parse(event.data));
        return () => source.close();
      }, []);
      if (data !== null) rendered.push(data);
      return null;
    }
    createRoot(document.querySelector("#root")).render(createElement(Last));
    while (rendered.at(-1) !== 49) await new Promise((resolve) => setTimeout(resolve, 10));
    return rendered;
  });
  await until(() => log.clients.size === 1);
  for (let n = 0; n < 50; n++) log.publish("message", String(n));
  assert.ok((await rendered).length < 50);
});
