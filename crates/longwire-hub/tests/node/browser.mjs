// Drives the tabs of a browser: reads actions as lines of JSON, answers each with a line of JSON.
// Chromium is driven by playwright-core, Firefox over WebDriver BiDi.
import { createInterface } from "node:readline";

const [name, program, profile] = process.argv.slice(2);
const { launch } = await import(`./${name}.mjs`);
const browser = await launch(program, profile);

let tabs = [await browser.tab()];
let tab = tabs[0];

const actions = {
  open: ({ url }) => tab.open(url),
  // Another tab, which is the current one from now on.
  async tab({ url }) {
    tab = await browser.tab();
    tabs.push(tab);
    await tab.open(url);
    return tabs.length - 1;
  },
  switch({ tab: number }) {
    tab = tabs[number];
    return tab.front();
  },
  look({ tab: number }) {
    tab = tabs[number];
  },
  async close({ tab: number }) {
    await tabs[number].close();
    tabs[number] = null;
  },
  click: ({ selector }) => tab.click(selector),
  fill: ({ selector, text }) => tab.fill(selector, text),
  press: ({ key }) => tab.press(key),
  text: ({ selector }) => tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`),
  evaluate: ({ expression }) => tab.evaluate(expression),
  async wait({ selector, text }) {
    const texts = `Array.from(document.querySelectorAll(${JSON.stringify(selector)}), (e) => e.innerText)`;
    const found = await until(texts, (found) => found.some((each) => each.includes(text)));
    if (found) throw new Error(`waited for "${text}", found ${JSON.stringify(found)}`);
  },
  async until({ expression }) {
    const found = await until(expression, (found) => found);
    if (found !== null) throw new Error(`still ${JSON.stringify(found)}`);
  },
  window: ({ size, colors }) => tab.window(size, colors),
  screenshot: ({ path }) => tab.screenshot(path),
  frozen: ({ frozen }) => tab.freeze(frozen),
  workers: () => browser.endWorkers(),
  offline: ({ offline }) => browser.offline(offline),
  problems: () => browser.problems,
};

// `null` once it is so; what was found last, if it never is.
async function until(expression, holds) {
  let found;
  for (const end = Date.now() + 55_000; Date.now() < end; ) {
    found = await tab.evaluate(expression);
    if (holds(found)) return null;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return found ?? "nothing";
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const action = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await actions[action.action](action)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
await browser.close();
