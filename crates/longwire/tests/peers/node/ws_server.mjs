// A server with ws: it echoes and does as it is told, `../servers.rs` says what; options come as
// JSON in the first argument.
import { readFileSync } from "node:fs";
import { createServer as createPlain } from "node:http";
import { createServer as createSecure } from "node:https";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(`${process.env.LONGWIRE_NPM}/`)("ws");

const { certificate, key, deflate } = JSON.parse(process.argv[2]);
const server = certificate
  ? createSecure({ cert: readFileSync(certificate), key: readFileSync(key) })
  : createPlain();
const sockets = new WebSocketServer({
  server,
  verifyClient: ({ req }, answer) => answer(req.url !== "/forbidden", 403, "no"),
  perMessageDeflate: deflate,
  handleProtocols: (offered) => offered.has("chat") && "chat",
});
const emit = (...event) => console.log(JSON.stringify(event));

sockets.on("connection", (socket) => {
  const does = {
    close: (code, ...reason) => socket.close(Number(code), reason.join(" ")),
    drop: () => socket.terminate(),
    fragments: (...parts) =>
      parts.forEach((part, i) => socket.send(part, { fin: i === parts.length - 1 })),
    ping: (payload) => socket.ping(payload),
    big: (length) => socket.send(Buffer.alloc(Number(length))),
  };
  socket.on("message", (data, binary) => {
    const [word, ...rest] = binary ? [] : data.toString().split(" ");
    if (does[word]) does[word](...rest);
    else socket.send(data, { binary });
  });
  socket.on("pong", (payload) => emit("pong", payload.toString()));
  socket.on("close", (code, reason) => emit("close", code, reason.toString()));
  socket.on("error", (error) => console.error(error.message));
});
server.listen(0, "127.0.0.1", () => emit("listens", server.address().port));
process.stdin.resume().on("end", () => process.exit());
