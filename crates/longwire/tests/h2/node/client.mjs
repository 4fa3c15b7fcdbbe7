// Node's own HTTP/2 as a client of RFC 8441: extended CONNECT by hand, one frame each way, then an
// orderly end; and a second WebSocket on the same connection, which is reset.
import http2 from "node:http2";
import { once } from "node:events";

const authority = process.argv[2];
const session = http2.connect(`http://${authority}`);
const [settings] = await once(session, "remoteSettings");

// A masked frame with an empty mask key.
const frame = (opcode, payload) =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)]);

async function open(path, fields = {}) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":authority": authority,
    ":path": path,
    "sec-websocket-version": "13",
    ...fields,
  });
  const [response] = await once(stream, "response");
  return { stream, response };
}

const { stream, response } = await open("/", { "sec-websocket-protocol": "chat" });
stream.write(frame(1, "hello"));
let received = Buffer.alloc(0);
stream.on("data", (data) => { received = Buffer.concat([received, data]); });
while (received.length < 7) await once(stream, "data");
stream.write(frame(8, [3, 232]));
await once(stream, "end");
stream.end();
await once(stream, "close");

const reset = await open("/");
reset.stream.on("error", () => {});
reset.stream.close(http2.constants.NGHTTP2_CANCEL);
await once(reset.stream, "close");

const refused = await open("/private");
console.log(JSON.stringify({
  announced: settings.enableConnectProtocol,
  status: response[":status"],
  protocol: response["sec-websocket-protocol"],
  received: received.toString("hex"),
  rstCode: stream.rstCode,
  refused: refused.response[":status"],
}));
session.close();
refused.stream.resume();
