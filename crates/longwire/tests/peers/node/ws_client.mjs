// A client with ws: actions come and events go as lines of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const WebSocket = createRequire(`${process.env.LONGWIRE_NPM}/`)("ws");

const pattern = (length) => Buffer.alloc(length, Buffer.from([...Array(251).keys()]));
const emit = (...event) => console.log(JSON.stringify(event));

let socket;
const actions = {
  open(url, protocols) {
    socket = new WebSocket(url, protocols);
    socket.on("open", () => emit("open", socket.protocol, socket.extensions));
    socket.on("unexpected-response", (request, response) => {
      request.destroy();
      emit("refused", response.statusCode);
    });
    socket.on("message", (data, binary) => {
      if (binary) emit("binary", data.length, data.equals(pattern(data.length)));
      else emit("text", data.toString());
    });
    socket.on("ping", (payload) => emit("ping", payload.toString()));
    socket.on("pong", (payload) => emit("pong", payload.toString()));
    socket.on("close", (code, reason) => emit("close", code, reason.toString()));
    socket.on("error", (error) => console.error(error.message));
  },
  text: (text) => socket.send(text),
  binary: (length) => socket.send(pattern(length)),
  fragments: (...parts) =>
    parts.forEach((part, i) => socket.send(part, { fin: i === parts.length - 1 })),
  ping: (payload) => socket.ping(payload),
  close: (code, reason) => socket.close(code, reason),
};
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, ...rest] = JSON.parse(line);
    actions[name](...rest);
  })
  .on("close", () => process.exit());
