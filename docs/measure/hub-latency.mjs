// From a POST to the hub until the event is at a subscriber, over each carrier in turn, on raw
// sockets: median and 99th percentile of milliseconds. With the hub's program and events to publish:
// `node docs/measure/hub-latency.mjs target/release/longwire 5000`
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [program, events] = process.argv.slice(2);
const hub = spawn(program, ["serve", "--memory", "--listen", "127.0.0.1:0"]);
let port;
for await (const line of createInterface({ input: hub.stdout })) {
  port = line.match(/http:\/\/127.0.0.1:(\d+)/)?.[1];
  if (port) break;
}

async function subscribe(topic, fields) {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.write(`GET /.well-known/mercure?topic=${topic} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
  // The head, and the first event or frame, which says where the log stands.
  let first = "";
  while (!/\r\n\r\n.*position/s.test(first)) first += (await once(socket, "data"))[0];
  return socket;
}

const carriers = {
  "event stream": await subscribe("a", "Accept: text/event-stream\r\n"),
  WebSocket: await subscribe(
    "b",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: longwire.v1\r\n",
  ),
};
const publisher = connect(port, "127.0.0.1");
publisher.setNoDelay(true);
const times = { "event stream": [], WebSocket: [] };
for (let n = 0; n < Number(events); n++) {
  for (const name of n % 2 ? ["event stream", "WebSocket"] : ["WebSocket", "event stream"]) {
    const topic = name === "WebSocket" ? "b" : "a";
    const body = `topic=${topic}&data=${"x".repeat(100)}`;
    const answered = once(publisher, "data");
    const arrived = once(carriers[name], "data").then(() => process.hrtime.bigint());
    const start = process.hrtime.bigint();
    publisher.write(
      `POST /.well-known/mercure HTTP/1.1\r\nHost: localhost:${port}\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    times[name].push(Number((await arrived) - start) / 1e6);
    await answered;
  }
}
for (const [name, all] of Object.entries(times)) {
  all.sort((a, b) => a - b);
  const at = (part) => all[Math.floor(all.length * part)].toFixed(3);
  console.log(`${name}: median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, ${all.length} events`);
}
hub.kill();
process.exit();
