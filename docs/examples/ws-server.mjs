// A chat over WebSocket that can resume, on the package ws.
import { WebSocketServer } from "ws";

// ANCHOR: server
/// Passes every message to everybody. `origins` are those whose pages may connect.
export function chat({ server, origins, kept = 1_000, ping = 25_000, unsent = 64 * 1024 }) {
  const sockets = new WebSocketServer({
    server,
    maxPayload: 64 * 1024,
    verifyClient: ({ origin }) => origins.includes(origin),
  });
  const log = [];
  const answered = new Set();
  let last = 0;

  function publish(data) {
    last += 1;
    log.push(JSON.stringify({ type: "event", seq: last, data }));
    if (log.length > kept) log.shift();
    for (const socket of sockets.clients) if (socket.resumed) write(socket, log.at(-1));
  }

  function write(socket, text) {
    // send() does not wait either. Who is too slow is cut off and resumes.
    if (socket.bufferedAmount > unsent) socket.terminate();
    else socket.send(text);
  }

  const actions = {
    resume(socket, { after }) {
      const missed = last - after;
      if (!(missed >= 0 && missed <= log.length)) return socket.close(4000, "too old");
      for (const text of log.slice(log.length - missed)) socket.send(text);
      socket.resumed = true;
    },
    message(socket, { id, data }) {
      // Sent again after a break, because our answer was lost. This grows: keep the ids as long as
      // a client may come back, in the place where the messages are.
      if (!answered.has(id)) publish(data);
      answered.add(id);
      socket.send(JSON.stringify({ type: "answer", id }));
    },
  };

  sockets.on("connection", (socket) => {
    socket.heard = true;
    socket.on("pong", () => (socket.heard = true));
    // A frame that breaks the rules is answered with its code by the library. Without a listener
    // for it, the error would end the process.
    socket.on("error", (error) => console.error(error.message));
    socket.on("message", (bytes, isBinary) => {
      if (isBinary) return socket.close(1003);
      try {
        const message = JSON.parse(bytes);
        actions[message.type](socket, message);
      } catch {
        socket.close(1007);
      }
    });
  });

  const beat = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!socket.heard) socket.terminate();
      socket.heard = false;
      socket.ping();
      // For pages, which do not see pings.
      socket.send('{"type":"heartbeat"}');
    }
  }, ping);
  sockets.on("close", () => clearInterval(beat));

  return { publish, sockets };
}
// ANCHOR_END: server
