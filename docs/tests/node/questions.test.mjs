import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { book } from "./book.mjs";
import { chromium } from "./site.mjs";

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
  `${readFileSync(new URL("../../src/choosing/questions.js", import.meta.url), "utf8")}\nrecommend`,
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
