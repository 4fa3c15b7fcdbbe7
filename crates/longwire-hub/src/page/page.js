"use strict";

const ENDPOINT = new URL("/.well-known/mercure", location.href);
const LOG_LENGTH = 200;
const utf8 = new TextEncoder();
const byteLength = (text) => utf8.encode(text).length;
const now = () => performance.timeOrigin + performance.now();
const number = (value) => value.toLocaleString("en");
const $ = (selector, within = document) => within.querySelector(selector);

// What a position says: `#EPOCH-OFFSET`.
function offset(id) {
  const match = /^#?[0-9a-f]{24}-(\d+)$/.exec(id ?? "");
  return match ? BigInt(match[1]) : null;
}

const called = (id) => (offset(id) === null ? `“${id}”` : `event ${offset(id)}`);

const range = (first, last) => (first === last ? `event ${first}` : `events ${first}–${last}`);

// A gap in words: what may be missing, and what follows.
function gapInWords({ requested, resumed, reason, earliest, head }) {
  const [asked, after, last] = [requested, resumed, head].map(offset);
  const follows =
    after === null || last === null || after >= last
      ? "it goes on with the next event"
      : `${range(after + 1n, last)} ${after + 1n === last ? "follows" : "follow"}`;
  switch (reason) {
    case "evicted":
      return `missed ${range(asked + 1n, after)}: the hub keeps ${called(earliest)} and newer`;
    case "epoch":
      return (
        `the hub restarted: its history is another one, and whatever came after ` +
        `${called(requested)} of the old one is lost; ${follows}`
      );
    case "ahead":
      return `${called(requested)} is not in this hub's history; ${follows}`;
    case "unknown":
      return `the hub keeps no event with the id ${called(requested)}: what came after it may be missed`;
    default:
      return `events may have been missed (${reason}, asked for ${called(requested)})`;
  }
}

// Bytes of an event over HTTP/1.1, in a chunk of its own. The hub writes one space after each colon.
function eventStreamBytes(name, id, data) {
  let block = 1 + "id: \n".length + byteLength(id);
  if (name !== "message") block += "event: \n".length + byteLength(name);
  block += data.split("\n").length * "data: ".length + byteLength(data) + 1;
  return block.toString(16).length + 2 + block + 2;
}

// Bytes of a WebSocket frame from a server. Above 64 KiB the hub sends fragments, which a page
// cannot see: then it is some bytes more.
const frameBytes = (payload) => payload + (payload < 126 ? 2 : payload < 65536 ? 4 : 10);

// Full jitter: somewhere between 100 ms and a ceiling that doubles from 1 s to 30 s.
class Backoff {
  #attempt = 0;
  next() {
    const ceiling = Math.min(30_000, 1000 * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.max(100, Math.random() * ceiling);
  }
  reset() {
    this.#attempt = 0;
  }
}

// One side of the page: how a carrier does, and what came over it.
class Carrier {
  connection = null;
  cursor = null;
  #backoff = new Backoff();
  #timer = null;
  #retryAt = 0;
  #openedAt = 0;
  #lostAt = 0;
  #state = "";
  #scheduled = false;
  #entries = [];
  #view = {};

  constructor(article, states) {
    this.states = states;
    article.append($("#carrier").content.cloneNode(true));
    for (const element of article.querySelectorAll("[data-field]")) {
      this.#view[element.dataset.field] = element;
    }
    this.toggle = $("[data-action=toggle]", article);
    this.toggle.addEventListener("click", () => (this.wanted ? this.stop() : this.resume()));
    $("[data-action=clear]", article).addEventListener("click", () => this.clear());
    this.clear();
    setInterval(() => this.#showState(), 200);
  }

  clear() {
    Object.assign(this, { events: 0, replayed: 0, wire: 0, payload: 0, reconnects: 0 });
    this.latencies = [];
    this.#entries = [];
    this.#view.log.replaceChildren();
    this.#view.notice.textContent = "";
    this.#changed();
  }

  // Begins with the next event on one of `topics`: one connection for all of them.
  subscribe(topics) {
    this.stop();
    this.clear();
    Object.assign(this, { topics, cursor: null });
    this.#lostAt = 0;
    this.resume();
  }

  // Goes on after the last event seen.
  resume() {
    this.stop();
    this.wanted = true;
    const url = new URL(ENDPOINT);
    for (const topic of this.topics) url.searchParams.append("topic", topic);
    if (this.cursor) url.searchParams.append("lastEventID", this.cursor);
    this.open(url);
    this.#showState();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.connection) this.close();
    this.connection = null;
    this.#lostAt = 0;
    this.#showState();
  }

  opened() {
    const seconds = ((now() - this.#lostAt) / 1000).toFixed(1);
    const after = this.cursor ? `goes on after ${called(this.cursor)}` : "begins with the next event";
    if (this.#lostAt) {
      this.reconnects += 1;
      this.note(`Connected again after ${seconds} s: ${after}`);
    } else {
      this.note(`Connected: ${after}`);
    }
    this.#lostAt = 0;
    this.#openedAt = now();
    this.#changed();
  }

  lost(why) {
    if (!this.#lostAt) {
      if (this.#openedAt && now() - this.#openedAt > 10_000) this.#backoff.reset();
      this.#lostAt = now();
      this.note(why);
    }
    this.#changed();
  }

  // The connection is gone for good: make another one, later.
  retry() {
    this.close();
    const delay = this.#backoff.next();
    this.#retryAt = now() + delay;
    this.#timer = setTimeout(() => {
      const lostAt = this.#lostAt;
      this.resume();
      this.#lostAt = lostAt;
    }, delay);
    this.#changed();
  }

  // An event: `id` is where to go on, `label` what the list calls it.
  event(id, label, data, wire) {
    const arrived = now();
    this.cursor = id;
    this.events += 1;
    this.wire += wire;
    let { text, sent } = ownPayload(data);
    this.payload += typeof data === "string" ? byteLength(data) : data.byteLength;
    let time = "";
    if (sent !== undefined && sent < this.#openedAt) {
      this.replayed += 1;
      time = "replayed";
    } else if (sent !== undefined) {
      this.latencies.push(arrived - sent);
      if (this.latencies.length > 100) this.latencies.shift();
      time = `${(arrived - sent).toFixed(1)} ms`;
    }
    const parts = [clock(arrived), label, time, `${number(wire)} bytes`].filter(Boolean);
    this.#entry("event", parts.join(" · "), text);
  }

  gap(gap) {
    this.cursor = gap.resumed;
    this.missed(gapInWords(gap));
  }

  missed(words) {
    this.#view.notice.className = "notice gap";
    this.#view.notice.textContent = words[0].toUpperCase() + words.slice(1);
    this.#entry("gap", clock(now()), words);
  }

  note(text) {
    this.#view.notice.className = "notice";
    this.#view.notice.textContent = text;
    this.#entry("note", clock(now()), text);
  }

  position(id) {
    this.cursor = id;
    this.#changed();
  }

  #entry(kind, meta, text) {
    this.#entries.push({ kind, meta, text });
    if (this.#entries.length > LOG_LENGTH) this.#entries.shift();
    this.#changed();
  }

  #changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#show();
    });
  }

  #show() {
    const view = this.#view;
    this.#showState();
    view.events.textContent =
      number(this.events) + (this.replayed ? `, ${number(this.replayed)} replayed` : "");
    view.latency.textContent = this.latencies.length ? latencyInWords(this.latencies) : "–";
    const framing = this.wire - this.payload;
    view.wire.textContent = this.events
      ? `${number(this.wire)} bytes: ${number(this.payload)} of data, ${number(framing)} around it`
      : "0 bytes";
    view.reconnects.textContent = number(this.reconnects);
    view.cursor.textContent = this.cursor ?? "the next event";
    view.log.prepend(...this.#entries.splice(0).map(listItem).reverse());
    while (view.log.childElementCount > LOG_LENGTH) view.log.lastElementChild.remove();
  }

  #showState() {
    const state = this.connection?.readyState;
    let text = state === undefined ? "no connection" : `${state} ${this.states[state]}`;
    if (this.#timer !== null && this.#retryAt > now()) {
      text += `, tries again in ${Math.ceil((this.#retryAt - now()) / 1000)} s`;
    }
    if (text === this.#state) return;
    this.#state = text;
    this.#view.state.textContent = text;
    this.#view.state.className = state === 1 ? "open" : state === 0 ? "waiting" : "closed";
    this.toggle.textContent = this.wanted ? "Disconnect" : "Connect";
  }
}

class ServerSentEvents extends Carrier {
  names = new Set();

  constructor(article) {
    super(article, ["CONNECTING", "OPEN", "CLOSED"]);
  }

  open(url) {
    const source = new EventSource(url);
    this.connection = source;
    source.onopen = () => this.opened();
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        this.lost("EventSource gave up: a new one will go on where it stopped");
        this.retry();
      } else {
        this.lost("Connection lost: EventSource reconnects by itself");
      }
    };
    source.onmessage = (message) => this.#message(message);
    for (const name of this.names) this.#listen(name);
    source.addEventListener("longwire-gap", (message) => this.gap(JSON.parse(message.data)));
    source.addEventListener("longwire-position", (message) => this.position(message.lastEventId));
  }

  close() {
    this.connection.close();
  }

  // Hears events of this name from now on.
  hear(name) {
    if (!name || this.names.has(name)) return false;
    this.names.add(name);
    if (this.connection) this.#listen(name);
    return true;
  }

  // Hears events of this name, one of which may have passed unheard: goes back to the last that
  // was heard.
  hearAgain(name) {
    if (this.hear(name) && this.wanted) this.resume();
  }

  #listen(name) {
    this.connection.addEventListener(name, (message) => this.#message(message));
  }

  #message({ type, lastEventId, data }) {
    const name = type === "message" ? "" : type;
    const label = [called(lastEventId), name].filter(Boolean).join(" · ");
    this.event(lastEventId, label, data, eventStreamBytes(type, lastEventId, data));
  }
}

class LongwireV1 extends Carrier {
  constructor(article) {
    super(article, ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
  }

  open(url) {
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, "longwire.v1");
    this.connection = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (message) => this.#frame(message.data);
    socket.onclose = ({ code, reason }) => {
      const why = code === 1012 ? "the hub restarts" : reason || "connection lost";
      this.lost(`Closed with code ${code}: ${why}`);
      this.retry();
    };
  }

  close() {
    this.connection.onclose = null;
    this.connection.onmessage = null;
    this.connection.close(1000);
  }

  #frame(message) {
    let [json, data] = [message, undefined];
    if (message instanceof ArrayBuffer) {
      const header = new DataView(message).getUint16(0);
      json = new TextDecoder().decode(new Uint8Array(message, 2, header));
      data = message.slice(2 + header);
    }
    const frame = JSON.parse(json);
    switch (frame.type) {
      case "open":
        this.opened();
        // After a gap this is not where the client stood; the gap says so next.
        this.cursor = frame.position;
        break;
      case "event": {
        this.#check(frame.prev);
        const label = [called(frame.position), frame.id, frame.topics.join(", "), frame.event];
        const bytes = frameBytes(data ? message.byteLength : byteLength(message));
        sse.hearAgain(frame.event);
        this.event(frame.position, label.filter(Boolean).join(" · "), data ?? frame.data, bytes);
        break;
      }
      case "position":
        this.#check(frame.prev);
        this.position(frame.position);
        break;
      case "gap":
        this.gap(frame);
        break;
      case "error":
        this.note(`The hub says: ${frame.message}`);
        break;
    }
  }

  // Everything between `prev` and this frame was sent: a cursor elsewhere means a loss.
  #check(prev) {
    if (prev !== undefined && prev !== this.cursor) {
      this.missed(`lost what came between ${called(this.cursor)} and ${called(prev)}`);
    }
  }
}

// This page's events say when they were sent; others are shown as they are.
function ownPayload(data) {
  if (typeof data !== "string") return { text: `${number(data.byteLength)} bytes of binary data` };
  if (data.startsWith("{")) {
    try {
      const { text, sent } = JSON.parse(data);
      if (typeof text === "string" && typeof sent === "number") return { text, sent };
    } catch {
      // Someone else's text that begins with a brace.
    }
  }
  return { text: data };
}

function latencyInWords(latencies) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return `${latencies.at(-1).toFixed(1)} ms, median ${median.toFixed(1)} ms`;
}

function clock(time) {
  const date = new Date(time);
  return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function listItem({ kind, meta, text }) {
  const item = document.createElement("li");
  item.className = kind;
  const head = document.createElement("span");
  head.className = "meta";
  head.textContent = meta;
  const shown = text.length > 400 ? `${text.slice(0, 400)}… (${number(text.length)} characters)` : text;
  item.append(head, "\n", shown);
  return item;
}

async function publish(text) {
  const form = new URLSearchParams({ topic: $("#publish-topic").value });
  const name = $("#name").value;
  if (name) form.append("type", name);
  sse.hear(name);
  const sent = now();
  form.append("data", JSON.stringify({ text, sent }));
  const response = await fetch(ENDPOINT, { method: "POST", body: form });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer || `status ${response.status}`);
  return `Published ${called(answer)}; answered after ${(now() - sent).toFixed(1)} ms`;
}

async function publishAll(texts) {
  const output = $("#published");
  const buttons = document.querySelectorAll("#publish button");
  buttons.forEach((button) => (button.disabled = true));
  try {
    for (const text of texts) output.textContent = await publish(text);
    output.className = "";
  } catch (error) {
    output.textContent = `Not published: ${error.message}`;
    output.className = "failed";
  }
  buttons.forEach((button) => (button.disabled = false));
}

function subscribe(text) {
  const topics = text.trim().split(/\s+/);
  sse.subscribe(topics);
  ws.subscribe(topics);
  const [topic] = topics;
  if (topic !== "*") $("#publish-topic").value = topic;
  const [escaped, ...others] = topics.map((name) => encodeURIComponent(name).replaceAll("'", "%27"));
  const query = [escaped, ...others].join("&topic=");
  $("#curl-publish").textContent =
    `curl ${ENDPOINT} -d 'topic=${topic === "*" ? "demo" : escaped}' -d data=hello`;
  $("#curl-subscribe").textContent = `curl -N '${ENDPOINT}?topic=${query}&lastEventID=earliest'`;
}

const sse = new ServerSentEvents($("[data-carrier=sse]"));
const ws = new LongwireV1($("[data-carrier=ws]"));

$("#subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  subscribe($("#topic").value);
});
$("#publish").addEventListener("submit", (event) => {
  event.preventDefault();
  publishAll([$("#text").value]);
});
$("#burst").addEventListener("click", () => {
  const text = $("#text").value;
  publishAll(Array.from({ length: 100 }, (_, i) => `${text} (${i + 1} of 100)`));
});
$("#text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("#publish").requestSubmit();
});

subscribe($("#topic").value);
