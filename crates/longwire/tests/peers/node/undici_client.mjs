// A client with undici's WebSocket: actions come and events go as lines of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

globalThis.WebSocket = createRequire(`${process.env.LONGWIRE_NPM}/`)("undici").WebSocket;
await import("./web_socket_api.js");

createInterface({ input: process.stdin })
  .on("line", (line) => peer.act(JSON.parse(line)))
  .on("close", () => process.exit());
while (true) console.log(JSON.stringify(await peer.next()));
