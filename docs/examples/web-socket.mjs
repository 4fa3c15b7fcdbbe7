// A WebSocket that comes back and misses nothing, for pages.
import { delay } from "./event-source.mjs";

// ANCHOR: connect
/// Gives every message of the server to `on` once and in order, and sends what `send` is given,
/// across any number of connections. The server numbers its messages and answers each of ours.
export function connect(url, { on, after = 0, state = () => {}, silence = 45_000, waiting = 100 }) {
  const unanswered = new Map();
  let socket;
  let timer;
  let watchdog;
  let failures = 0;
  let ended = false;

  function open() {
    const mine = new WebSocket(url);
    socket = mine;
    mine.onopen = () => {
      mine.send(JSON.stringify({ type: "resume", after }));
      for (const message of unanswered.values()) mine.send(message);
      state("open");
      alive();
    };
    mine.onmessage = ({ data }) => {
      alive();
      const message = JSON.parse(data);
      if (message.type === "answer") unanswered.delete(message.id);
      if (message.type === "event") {
        on(message.data);
        // Only what has been handled is not asked for again.
        after = message.seq;
        failures = 0;
      }
    };
    mine.onclose = ({ code }) => {
      // Of an older connection, given up already.
      if (socket !== mine) return;
      clearTimeout(watchdog);
      // 1002, 1003, 1007, 1008: the server would say the same again.
      ended ||= [1002, 1003, 1007, 1008].includes(code);
      state(ended ? "closed" : "waiting");
      if (!ended) timer = setTimeout(open, delay(failures++));
    };
  }

  // Pages do not see pings. The server sends something at least every 15 seconds: when nothing
  // comes, the connection is dead, whatever the socket believes.
  function alive() {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      const dead = socket;
      socket = undefined;
      dead.close();
      state("waiting");
      open();
    }, silence);
  }

  function send(data) {
    if (ended || unanswered.size === waiting) throw new Error("not sent: too much is waiting");
    const id = crypto.randomUUID();
    unanswered.set(id, JSON.stringify({ type: "message", id, data }));
    // Before the connection is open, send() would throw; onopen sends it.
    if (socket?.readyState === WebSocket.OPEN) socket.send(unanswered.get(id));
  }

  function close() {
    ended = true;
    clearTimeout(timer);
    clearTimeout(watchdog);
    socket?.close(1000);
  }

  open();
  return { send, close };
}
// ANCHOR_END: connect
