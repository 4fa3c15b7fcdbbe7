// Subscribes over WebSocket and prints each message as a line of JSON: text as it is, binary as
// {"header": the JSON header, "bytes": the rest in base64}.
import { createRequire } from "node:module";

const WebSocket = createRequire(`${process.env.LONGWIRE_NPM}/`)("ws");

const socket = new WebSocket(process.argv[2], "longwire.v1");
socket.on("message", (message, isBinary) => {
  if (isBinary) {
    const end = 2 + message.readUInt16BE(0);
    const header = JSON.parse(message.toString("utf8", 2, end));
    console.log(JSON.stringify({ header, bytes: message.toString("base64", end) }));
  } else {
    console.log(message.toString());
  }
});
socket.on("close", (code) => console.log(JSON.stringify({ type: "closed", code })));
socket.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
