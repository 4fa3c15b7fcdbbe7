// A server of event streams that can resume them, on Node's own http module.
import { randomUUID } from "node:crypto";

// ANCHOR: server
/// Keeps the last `kept` events. `origins` are those of other sites that may listen.
export function eventLog({ kept = 1_000, heartbeat = 15_000, unsent = 64 * 1024, origins = [] } = {}) {
  // Ids of another run of this program mean nothing here.
  const epoch = randomUUID();
  const log = [];
  const clients = new Set();
  let last = 0;

  function publish(name, data) {
    if (/[\r\n]/.test(name)) throw new TypeError("a name is one line");
    last += 1;
    const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
    const text = `event: ${name}\nid: ${epoch}.${last}\n${lines.join("")}\n`;
    log.push(text);
    if (log.length > kept) log.shift();
    for (const client of clients) write(client, text);
  }

  /// What came after `id`; `undefined` if that cannot be known any more.
  function after(id) {
    const [of, offset] = id.split(".");
    const missed = last - Number(offset);
    const known = of === epoch && /^\d+$/.test(offset) && missed >= 0 && missed <= log.length;
    return known ? log.slice(log.length - missed) : undefined;
  }

  function write(client, text) {
    // write() does not wait: what the socket does not take is kept in memory. Who is too slow is
    // cut off, comes back with its last id, and reads the rest from the log.
    if (client.writableLength > unsent) client.destroy();
    else client.write(text);
  }

  function answer(request, response) {
    const { origin } = request.headers;
    if (origins.includes(origin)) {
      response.setHeader("Access-Control-Allow-Origin", origin);
      response.setHeader("Access-Control-Allow-Credentials", "true");
    }
    response.setHeader("Vary", "Origin");
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    });
    if (request.method === "HEAD") return response.end();
    const query = new URL(request.url, "http://localhost").searchParams;
    const id = request.headers["last-event-id"] ?? query.get("lastEventID");
    // Replay and live are one step: nothing is published between them.
    const missed = id ? after(id) : [];
    response.write(missed?.join("") || (missed ? ":\n\n" : "event: gap\ndata\n\n"));
    clients.add(response);
    const beat = setInterval(() => write(response, ":\n\n"), heartbeat);
    response.on("close", () => {
      clearInterval(beat);
      clients.delete(response);
    });
  }

  return { answer, publish, clients };
}
// ANCHOR_END: server
