import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { chromium } from "./site.mjs";

const docs = fileURLToPath(new URL("../../", import.meta.url));
const questions = {
  speaks: ["server", "sometimes", "both"],
  sent: ["text", "bytes"],
  late: ["wanted", "useless"],
  often: ["often", "rarely"],
  between: ["known", "holds", "refuses", "unknown"],
  streams: ["few", "many"],
};
const plain = {
  speaks: "server",
  sent: "text",
  late: "wanted",
  often: "often",
  between: "known",
  streams: "few",
};
const recommend = runInNewContext(
  `${readFileSync(join(docs, "src/choosing/questions.js"), "utf8")}\nrecommend`,
);

test("every combination of answers leads somewhere, with a reason", () => {
  let all = [{}];
  for (const [name, values] of Object.entries(questions)) {
    all = all.flatMap((answers) => values.map((value) => ({ ...answers, [name]: value })));
  }
  assert.equal(all.length, 192);
  for (const answers of all) {
    const { choice, why } = recommend(answers);
    assert.ok(choice && why.length > 0, JSON.stringify(answers));
    // What the diagram says, in its order.
    const { speaks, sent, late, often, between } = answers;
    const neither = late === "useless" || (often === "rarely" && speaks !== "both");
    const socket = speaks === "both" || sent === "bytes" || between === "holds";
    const expected = neither ? /^Neither/ : between === "refuses" ? /^SSE/ : between === "unknown" ? /^WebSocket first/ : socket ? /^WebSocket$/ : /^SSE/;
    assert.match(choice, expected, JSON.stringify(answers));
  }
});

/// The book, built, and served on loopback.
async function book(t) {
  const folder = mkdtempSync(join(tmpdir(), "longwire-book-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { status, stderr } = spawnSync("mdbook", ["build", docs, "--dest-dir", folder], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /ERROR|WARN/);
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  const missing = [];
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (!existsSync(path)) {
      missing.push(request.url);
      return response.writeHead(404).end();
    }
    response.setHeader("Content-Type", types[path.split(".").at(-1)] ?? "application/octet-stream");
    response.end(readFileSync(path));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, missing };
}

test("the page in the book, with the keyboard alone, ends with a recommendation", async (t) => {
  const { url, missing } = await book(t);
  const page = await (await chromium(t)).newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${url}/choosing/questions.html`);
  const shown = () => page.locator("#recommendation").innerText();
  assert.equal(await shown(), "6 questions are open.");

  // The first question, then Tab from one to the next, arrows within.
  const answer = async (answers) => {
    await page.locator("#questions input").first().focus();
    for (const [nth, name] of Object.keys(questions).entries()) {
      if (nth > 0) await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      const wanted = questions[name].indexOf(answers[name]);
      for (let n = 0; n < wanted; n++) await page.keyboard.press("ArrowRight");
    }
    return shown();
  };
  const text = await answer(plain);
  assert.match(text, /^SSE\n/);
  assert.match(text, /Only the server speaks/);
  await page.locator("#questions [type=reset]").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#recommendation").innerText.startsWith("6"));
  assert.match(await answer({ ...plain, speaks: "both" }), /^WebSocket\n/);
  assert.match(page.url(), /questions\.html$/, "the arrow keys have not turned the page");

  // In each of the book's themes the text stands out from its ground.
  for (const theme of ["light", "rust", "coal", "navy", "ayu"]) {
    await page.evaluate((theme) => (document.documentElement.className = `js ${theme}`), theme);
    const contrast = await page.evaluate(() => {
      const luminance = (colour) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
          const part = value / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const text = luminance(getComputedStyle(document.querySelector("#questions label")).color);
      const ground = luminance(getComputedStyle(document.documentElement).backgroundColor);
      return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    });
    assert.ok(contrast >= 4.5, `${theme}: ${contrast}`);
  }
  assert.deepEqual(problems, []);
  assert.deepEqual(missing, []);
});

test("every page of the book loads whole, and every link in it leads somewhere", async (t) => {
  const { url, missing } = await book(t);
  const page = await (await chromium(t)).newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  const visited = new Set();
  const waiting = ["/introduction.html"];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (visited.has(path)) continue;
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
    waiting.push(...links.filter((path) => path.endsWith(".html")));
  }
  assert.ok(visited.size > 10, [...visited].join(" "));
  assert.deepEqual(missing, []);
  assert.deepEqual(problems, []);
});
