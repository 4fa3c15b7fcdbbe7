// The bytes that the package ws puts around a message, read from raw sockets.
// `node --import ./docs/tests/node/packages.mjs docs/measure/frames.mjs`
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createHash } from "node:crypto";
import WebSocket, { WebSocketServer } from "ws";

const lengths = [10, 125, 126, 1_024, 64_000, 65_535, 65_536, 102_400];

/// How many bytes come beside each message that `socket` sends to `peer`.
async function around(peer, socket) {
  const received = [];
  peer.on("data", (data) => received.push(data));
  const found = [];
  for (const length of lengths) {
    received.length = 0;
    socket.send("x".repeat(length));
    // Behind it an empty one, whose head ends what was sent: 81 00, or 81 80 and a key.
    socket.send("");
    const bytes = () => Buffer.concat(received);
    const end = () => (bytes()[1] & 0x80 ? 6 : 2);
    while (bytes().length < length + 2 * end()) await once(peer, "data");
    while (bytes().at(-end()) !== 0x81) await once(peer, "data");
    found.push(bytes().length - end() - length);
  }
  return found;
}

// From a server, to a raw client.
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(server, "listening");
const client = connect(server.address().port, "127.0.0.1");
client.write(
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
);
const [[accepted]] = await Promise.all([once(server, "connection"), once(client, "data")]);
const down = await around(client, accepted);

// From a client, to a raw server.
const raw = createServer().listen(0, "127.0.0.1");
await once(raw, "listening");
const sender = new WebSocket(`ws://127.0.0.1:${raw.address().port}/`);
const [peer] = await once(raw, "connection");
const key = String((await once(peer, "data"))[0]).match(/Sec-WebSocket-Key: (.*)\r/)[1];
const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
peer.write(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`,
);
await once(sender, "open");
const up = await around(peer, sender);

lengths.forEach((length, nth) => console.log(`${length}: ${down[nth]} down, ${up[nth]} up`));
process.exit();
