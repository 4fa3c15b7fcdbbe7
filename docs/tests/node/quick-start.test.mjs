import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startHub } from "./hub.mjs";
import { chromium, until } from "./site.mjs";

const page = readFileSync(new URL("../../src/quick-start.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block);

test("the quick start's code for pages hears what is published", async (t) => {
  assert.equal(blocks.length, 2);
  const origin = await startHub(t);
  // The hub's own page would not run a script that stands in it.
  const tab = await (await chromium(t)).newPage({ bypassCSP: true });
  await tab.goto(origin);
  const heard = [];
  tab.on("console", async (message) => {
    heard.push(await Promise.all(message.args().map((argument) => argument.jsonValue())));
  });
  for (const block of blocks) {
    await tab.addScriptTag({ content: block.replaceAll("127.0.0.1:8080", new URL(origin).host) });
  }
  // The frame that says where the log stands: the WebSocket is there. So is the stream, in a moment.
  await until(() => heard.some(([frame]) => frame.type === "open"));
  await until(() => tab.evaluate(() => source.readyState === EventSource.OPEN));
  const body = new URLSearchParams({ topic: "greetings", data: "hello" });
  const published = await fetch(`${origin}/.well-known/mercure`, { method: "POST", body });
  const id = await published.text();
  await until(() => heard.length === 3);
  const [, ...rest] = heard;
  const [event] = rest.filter((parts) => parts.length === 2);
  const [[frame]] = rest.filter((parts) => parts.length === 1);
  assert.deepEqual(event, [id, "hello"]);
  assert.deepEqual([frame.type, frame.position, frame.data], ["event", id, "hello"]);
});
