// Event streams over TLS: HTTP/2, or HTTP/1.1 if asked. PORT, CERTIFICATE, KEY and VERSION are the
// arguments.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createSecureServer } from "node:http2";

const [port, certificate, key, version] = process.argv.slice(2);
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const emit = (...event) => console.log(JSON.stringify(event));

const answer = (request, response) => {
  if (request.url === "/elsewhere") {
    response.writeHead(307, { location: "/events" }).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  // Node takes the bytes of a field for Latin-1.
  const last = Buffer.from(request.headers["last-event-id"] ?? "", "latin1").toString();
  const session = request.stream?.session?.number ?? 0;
  const data = { session, last, version: request.httpVersion, url: request.url };
  response.write(`id: é${session}\ndata: ${JSON.stringify(data)}\n\n`);
  if (request.url === "/short") response.end();
  response.on("close", () => emit("stream", session));
};

const server = version === "2" ? createSecureServer(tls, answer) : createServer(tls, answer);
let sessions = 0;
server.on("session", (session) => {
  sessions += 1;
  session.number = sessions;
  session.on("close", () => emit("session", session.number));
});
server.listen(Number(port), "127.0.0.1", () => emit("listening"));
