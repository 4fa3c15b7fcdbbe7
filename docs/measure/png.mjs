// The image that article 001 prints, and the base64 that it prints for it. `node docs/measure/png.mjs`
import { inflateSync } from "node:zlib";

const dump = `
  89 50 4E 47 0D 0A 1A 0A 00 00 00 0D 49 48 44 52 00 00 00 01 00 00 00 01
  08 02 00 00 00 90 77 53 DE 00 00 00 0C 49 44 41 54 08 D7 63 F8 CF C0 00
  00 00 03 00 01 5B B0 1D 39 00 00 00 00 49 45 4E 44 AE 42 60 82`;
const printed =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

const bytes = Buffer.from(dump.replace(/\s/g, ""), "hex");
const encoded = bytes.toString("base64");
console.log(`the dump: ${bytes.length} bytes, ${encoded.length} characters of base64`);
const idat = bytes.indexOf("IDAT");
const data = bytes.subarray(idat + 4, idat + 4 + bytes.readUInt32BE(idat - 4));
try {
  inflateSync(data);
} catch (error) {
  console.log(`its image data: ${error.message}`);
}
console.log(`what is printed: ${printed.length} characters, ${Buffer.from(printed, "base64").length} bytes`);
