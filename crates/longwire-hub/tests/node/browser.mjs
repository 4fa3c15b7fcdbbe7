// Drives one page of a browser: reads actions as lines of JSON, answers each with a line of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.env.LONGWIRE_NPM}/`)("playwright-core");

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-background-networking"],
});
const page = await browser.newPage();
const problems = [];
page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error") problems.push(`console: ${message.text()}`);
});

const actions = {
  open: ({ url }) => page.goto(url).then(() => {}),
  click: ({ selector }) => page.click(selector),
  fill: ({ selector, text }) => page.fill(selector, text),
  press: ({ key }) => page.keyboard.press(key),
  text: ({ selector }) => page.locator(selector).innerText(),
  evaluate: ({ expression }) => page.evaluate(expression),
  async wait({ selector, text }) {
    try {
      await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 45_000 });
    } catch {
      const found = await page.locator(selector).allInnerTexts();
      throw new Error(`waited for "${text}", found ${JSON.stringify(found)}`);
    }
  },
  async window({ size, colors }) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: colors });
  },
  screenshot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => {}),
  problems: () => problems,
};

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
