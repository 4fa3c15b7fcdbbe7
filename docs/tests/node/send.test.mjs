import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EventParser } from "../../examples/fetch-events.mjs";
import { startHub } from "./hub.mjs";
import { chromium } from "./site.mjs";

/// A page of the hub that can import the samples.
async function onHub(t) {
  const origin = await startHub(t);
  const page = await (await chromium(t)).newPage();
  await page.route("**/*.mjs", (route) => {
    const name = new URL(route.request().url()).pathname;
    const body = readFileSync(new URL(`../../examples${name}`, import.meta.url));
    return route.fulfill({ body, contentType: "text/javascript" });
  });
  await page.goto(origin);
  return { origin, page };
}

test("answers that are lost repeat nothing, and the order stays", async (t) => {
  const { origin, page } = await onHub(t);
  let posts = 0;
  await page.route("**/.well-known/mercure", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    posts += 1;
    // The hub has it; the page does not know.
    if (posts % 2) return route.fetch().then(() => route.abort());
    return route.continue();
  });
  const ids = await page.evaluate(async () => {
    const { send } = await import("/send.mjs");
    return Promise.all(["one", "two", "three"].map((data) => send("orders", data)));
  });
  assert.equal(posts, 6);
  assert.equal(new Set(ids).size, 3);

  const query = "topic=orders&lastEventID=earliest";
  const response = await fetch(`${origin}/.well-known/mercure?${query}`);
  const parser = new EventParser();
  const got = [];
  for await (const bytes of response.body) {
    for (const { name, data } of parser.push(bytes)) if (name === "message") got.push(data);
    if (got.length >= 3) break;
  }
  assert.deepEqual(got, ["one", "two", "three"]);
});

test("a refusal is told, and does not hold up what follows", async (t) => {
  const { page } = await onHub(t);
  const results = await page.evaluate(async () => {
    const { send } = await import("/send.mjs");
    const large = "x".repeat(2 << 20);
    const all = await Promise.allSettled([send("orders", large), send("orders", "small")]);
    return all.map(({ status, reason }) => reason?.message ?? status);
  });
  assert.deepEqual(results, ["refused: 413", "fulfilled"]);
});
