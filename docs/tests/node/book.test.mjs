import assert from "node:assert/strict";
import { test } from "node:test";
import { book } from "./book.mjs";
import { chromium } from "./site.mjs";

test("every page of the book loads whole, and every link in it leads somewhere", async (t) => {
  const { url, missing } = await book(t);
  const context = await (await chromium(t)).newContext();
  const problems = [];
  const visited = new Set();

  async function visit(page, path) {
    visited.add(path);
    await page.goto(url + path);
    const { links, dead, left } = await page.evaluate(() => {
      const anchors = [...document.querySelectorAll("#mdbook-content a[href], main a[href], nav a[href]")];
      const links = anchors.map((a) => new URL(a.href)).filter(({ origin }) => origin === location.origin);
      const here = links.filter(({ pathname, hash }) => pathname === location.pathname && hash);
      const dead = here.filter(({ hash }) => !document.getElementById(decodeURIComponent(hash.slice(1))));
      return {
        links: links.map(({ pathname }) => pathname),
        dead: dead.map(({ hash }) => hash),
        // A directive that mdbook did not know.
        left: document.body.innerText.match(/\{\{#[^}]*\}\}/)?.[0],
      };
    });
    assert.deepEqual(dead, [], path);
    assert.equal(left, undefined, path);
    return links.filter((path) => path.endsWith(".html") && !visited.has(path));
  }

  // What is found is shared out among four tabs, round after round.
  const tabs = await Promise.all(Array.from({ length: 4 }, () => context.newPage()));
  for (const page of tabs) {
    page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  }
  let next = ["/introduction.html"];
  while (next.length > 0) {
    const found = new Set();
    const waiting = [...next];
    await Promise.all(
      tabs.map(async (page) => {
        for (let path = waiting.pop(); path; path = waiting.pop()) {
          for (const link of await visit(page, path)) found.add(link);
        }
      }),
    );
    next = [...found].filter((path) => !visited.has(path));
  }
  assert.ok(visited.size > 10, [...visited].join(" "));
  assert.deepEqual(missing, []);
  assert.deepEqual(problems, []);
});
