// Subscribes over WebSocket with the library named second ("ws" or "undici") and prints each
// message as a line of JSON: text as it is, binary as {"header": the JSON header, "bytes": the
// rest in base64}.
import { createRequire } from "node:module";

const [url, library] = process.argv.slice(2);
const { WebSocket } = createRequire(`${process.env.LONGWIRE_NPM}/`)(library);

const socket = new WebSocket(url, "longwire.v1");
socket.binaryType = "arraybuffer";
socket.addEventListener("message", ({ data }) => {
  if (typeof data === "string") {
    console.log(data);
    return;
  }
  const message = Buffer.from(data);
  const end = 2 + message.readUInt16BE(0);
  const header = JSON.parse(message.toString("utf8", 2, end));
  console.log(JSON.stringify({ header, bytes: message.toString("base64", end) }));
});
socket.addEventListener("close", ({ code }) => console.log(JSON.stringify({ type: "closed", code })));
socket.addEventListener("error", (event) => {
  console.error(event.message);
  process.exitCode = 1;
});
