// Drives one page of a browser: reads actions as lines of JSON, {"open": URL} or {"evaluate":
// expression}, and answers each with {"value": …} or {"error": …}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.env.LONGWIRE_NPM}/`)("playwright-core");

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-proxy-server",
    "--disable-background-networking",
    "--ignore-certificate-errors",
  ],
});
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();

const actions = {
  open: (url) => page.goto(url).then(() => null),
  evaluate: (expression) => page.evaluate(expression),
};

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const [[action, argument]] = Object.entries(JSON.parse(line));
    console.log(JSON.stringify({ value: (await actions[action](argument)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
await browser.close();
