// What base64 costs a page: milliseconds of Chromium to turn the text of 1 MiB into bytes, median.
// `node --import ./docs/tests/node/packages.mjs docs/measure/base64.mjs`
import { launch, site } from "../tests/node/site.mjs";

const { origin, close } = await site();
const browser = await launch();
const page = await browser.newPage();
await page.goto(origin);
const text = Buffer.alloc(1 << 20, "longwire").toString("base64");
const times = await page.evaluate(async (text) => {
  const { fromBase64 } = await import("/binary.mjs");
  const ways = {
    "atob and a loop": () => {
      const binary = atob(text);
      const bytes = new Uint8Array(binary.length);
      for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
      return bytes;
    },
    "Uint8Array.from": () => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
    "Uint8Array.fromBase64": () => fromBase64(text),
    "fetch of a data: URL": async () => {
      const response = await fetch(`data:application/octet-stream;base64,${text}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
  const times = {};
  for (let round = 0; round < 21; round++) {
    for (const [name, decode] of Object.entries(ways)) {
      const start = performance.now();
      const bytes = await decode();
      if (bytes.length !== 1 << 20) throw new Error(name);
      (times[name] ??= []).push(performance.now() - start);
    }
  }
  return times;
}, text);
for (const [name, all] of Object.entries(times)) {
  console.log(`${name}: ${all.sort((a, b) => a - b)[10].toFixed(1)} ms`);
}
console.log(`${text.length} characters for ${1 << 20} bytes`);
await browser.close();
close();
