// An echo server with ws over TLS, for clients that show a certificate of `authority` if that is
// given; options come as JSON in the first argument.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(`${process.env.LONGWIRE_NPM}/`)("ws");

const { certificate, key, authority } = JSON.parse(process.argv[2]);
const server = createServer({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ca: authority && readFileSync(authority),
  requestCert: Boolean(authority),
});
const name = (socket) => socket.getPeerCertificate().subject?.CN ?? "nobody";
new WebSocketServer({ server }).on("connection", (socket, request) => {
  socket.send(`hello ${name(request.socket)}`);
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
