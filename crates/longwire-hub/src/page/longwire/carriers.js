import { EventStreamParser } from "./event-stream.js";
import { byteLength } from "./values.js";

// The three ways to the hub. Each opens one connection and tells what becomes of it:
//
//   opened(position, place)           it stands; `place` has the epoch of the log, or is null
//   heard()                           there is life
//   frame(frame)                      an event, a gap, a position, … as `longwire.v1` has them
//   retry(milliseconds)               the reconnection time
//   ended({status, code, …})          it is over; said once, and nothing after it
//
// and gives `close()`, after which nothing is told, and `probe()`, which asks for a sign of life.

// An event stream has a comment every 15 s when quiet.
const EVENT_STREAM_SILENCE = 47_000;
// A page sees no comments of an EventSource: after so long it may as well be dead.
const EVENT_SOURCE_SILENCE = 120_000;
const ANSWER_WITHIN = 10_000;

// Asks for nothing. The hub answers it, so that a page, which sees no pings, hears something.
const PROBE = JSON.stringify({ type: "unsubscribe", topics: [], ref: "longwire" });

class Watch {
  #timer;
  #last = 0;
  constructor(silence, expired) {
    Object.assign(this, { silence, expired });
  }
  // There was life. One timer for many messages.
  heard(silence = this.silence) {
    this.silence = silence;
    this.#last = performance.now();
    this.#timer ??= setTimeout(() => this.#check(), silence);
  }
  #check() {
    this.#timer = undefined;
    const left = this.#last + this.silence - performance.now();
    if (left <= 0) this.expired();
    else this.#timer = setTimeout(() => this.#check(), left);
  }
  stop() {
    clearTimeout(this.#timer);
    this.expired = () => {};
  }
}

// Tells `on` what happens until it has ended.
function once(on, release) {
  let over = false;
  const tell = (what) => (...values) => over || on[what](...values);
  return {
    opened: tell("opened"),
    heard: tell("heard"),
    frame: tell("frame"),
    retry: tell("retry"),
    ended(how) {
      if (over) return;
      over = true;
      release();
      on.ended(how);
    },
    close() {
      over = true;
      release();
    },
  };
}

export function openWebSocket(url, on) {
  const address = new URL(url);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address, "longwire.v1");
  socket.binaryType = "arraybuffer";
  let [open, asked] = [false, false];
  const tell = once(on, () => {
    watch.stop();
    socket.close(1000);
  });
  const watch = new Watch(25_000, () => {
    if (asked) return tell.ended({ silent: true, reason: "nothing was heard" });
    ask();
  });
  function ask() {
    asked = true;
    if (socket.readyState === WebSocket.OPEN) socket.send(PROBE);
    watch.heard(ANSWER_WITHIN);
  }
  let heartbeat = 25_000;
  socket.onmessage = ({ data }) => {
    asked = false;
    if (open) watch.heard(heartbeat);
    tell.heard();
    const frame = decode(data);
    if (frame.type !== "open") return tell.frame(frame);
    open = true;
    heartbeat = frame.heartbeat || heartbeat;
    watch.heard(heartbeat);
    tell.opened(frame.position, frame.position);
  };
  socket.onclose = ({ code, reason }) => tell.ended({ code, reason, opened: open });
  return { close: tell.close, probe: () => open && !asked && ask() };
}

// A binary event is the length of a JSON header in two bytes, the header, and the bytes.
function decode(message) {
  if (typeof message === "string") {
    const frame = JSON.parse(message);
    return frame.type === "event" ? { ...frame, bytes: byteLength(message) } : frame;
  }
  const end = 2 + new DataView(message).getUint16(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 2, end - 2)));
  return { ...header, data: new Uint8Array(message.slice(end)), bytes: message.byteLength };
}

// The names that are the hub's own.
const GAP = "longwire-gap";
const POSITION = "longwire-position";
const SKIPPED = "longwire-skipped";
const EXPIRED = "longwire-auth-expired";

// Tells what the blocks of an event stream say.
function blocks(tell) {
  let last = "";
  return ({ event, data, id, bytes }) => {
    // An event without an id comes with that of the block before it: it is ephemeral.
    const own = id === last ? undefined : id;
    last = id;
    if (event === EXPIRED) return tell.ended({ code: 4001, reason: "the token has ended" });
    if (event === GAP) return tell.frame({ ...JSON.parse(data), type: "gap" });
    if (event === SKIPPED) return tell.frame({ ...JSON.parse(data), type: "skipped" });
    if (event === POSITION) return tell.frame({ type: "position", position: id });
    tell.frame({ type: "event", event, data, id: own, bytes });
  };
}

// Reads the stream with fetch, which hears every name, sees heartbeats, and may send headers.
export function openFetch(url, on, { headers, credentials }) {
  const abort = new AbortController();
  const tell = once(on, () => {
    watch.stop();
    abort.abort();
  });
  const watch = new Watch(EVENT_STREAM_SILENCE, () =>
    tell.ended({ silent: true, reason: "nothing was heard" }),
  );
  (async () => {
    const response = await fetch(url, {
      headers: { ...headers, Accept: "text/event-stream" },
      credentials,
      cache: "no-store",
      signal: abort.signal,
    });
    const type = response.headers.get("Content-Type") ?? "";
    if (response.status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) {
      return tell.ended(await refusal(response));
    }
    const [before, place] = ["Last-Event-ID", "Longwire-Position"].map((n) => response.headers.get(n));
    tell.opened(before, place);
    watch.heard();
    const parser = new EventStreamParser(blocks(tell), tell.retry);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watch.heard();
      tell.heard();
      parser.push(value);
    }
    tell.ended({ code: 1006, reason: "the stream ended" });
  })().catch((error) => tell.ended({ reason: error.message }));
  return { close: tell.close, probe() {} };
}

// The browser's own EventSource. It is given up at the first error, whether it would try again or
// not, so that attempts keep to one backoff, each with its own ticket and position.
export function openEventSource(url, on, { names, credentials }) {
  const source = new EventSource(url, { withCredentials: credentials === "include" });
  const tell = once(on, () => {
    watch.stop();
    source.close();
  });
  const watch = new Watch(EVENT_SOURCE_SILENCE, () =>
    tell.ended({ silent: true, reason: "nothing was heard" }),
  );
  source.onopen = () => {
    watch.heard();
    tell.opened(null, null);
  };
  const block = blocks(tell);
  source.onerror = () => {
    const refused = source.readyState === EventSource.CLOSED;
    tell.ended({ refused, reason: refused ? "the EventSource was closed" : "connection lost" });
  };
  for (const name of new Set(["message", GAP, POSITION, SKIPPED, EXPIRED, ...names])) {
    source.addEventListener(name, ({ type, data, lastEventId }) => {
      watch.heard();
      tell.heard();
      block({ event: type, data, id: lastEventId });
    });
  }
  return { close: tell.close, probe() {} };
}

// An answer to HEAD has no text.
const WORDS = { 401: "a token is needed", 403: "the token or the origin is not allowed" };

// What an answer that is not a stream says.
export async function refusal(response) {
  const after = response.headers.get("Retry-After");
  const time = /^\d+$/.test(after) ? after * 1000 : Date.parse(after) - Date.now();
  const text = await response.text().catch(() => "");
  return {
    status: response.status,
    retryAfter: Math.max(0, time || 0),
    reason: text.trim().slice(0, 200) || WORDS[response.status] || `status ${response.status}`,
  };
}
