import { connect } from "/longwire.js";

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

// An id that /longwire.js made for what it published: to people its end says enough.
const isMade = (id) => /^[0-9a-z]{15,21}\.\d+$/.test(id);

function called(id) {
  if (offset(id) !== null) return `event ${offset(id)}`;
  return `“${isMade(id) ? `…${id.slice(-8)}` : id}”`;
}

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
      return `Missed ${range(asked + 1n, after)}: the hub keeps ${called(earliest)} and newer`;
    case "epoch":
      return (
        `The hub's history is another one: whatever came after ${called(requested)} of the old ` +
        `one is lost; ${follows}`
      );
    case "ahead":
      return `${called(requested)} is not in this hub's history; ${follows}`;
    case "unknown":
      return `The hub keeps no event with the id ${called(requested)}: what came after it may be missed`;
    case "lost":
      return `Lost what came between ${called(requested)} and ${called(resumed)}`;
    default:
      return `Events may have been missed (${reason}, asked for ${called(requested)})`;
  }
}

// What a carrier adds to an event. The hub writes each event of a quiet stream in a chunk of its
// own.
const FRAMING = {
  sse: (bytes) => bytes.toString(16).length + 4,
  websocket: (bytes) => (bytes < 126 ? 2 : bytes < 65536 ? 4 : 10),
};

const STATES = {
  connecting: "Connecting",
  open: "Connected",
  waiting: "Waiting",
  paused: "Disconnected",
  closed: "Ended",
};

// One side of the page: how a carrier does, and what came over it.
class Carrier {
  #client = null;
  #openedAt = 0;
  #lostAt = 0;
  #retryAt = 0;
  #state = "";
  #scheduled = false;
  #entries = [];
  #view = {};

  constructor(article) {
    this.transport = article.dataset.carrier;
    article.append($("#carrier").content.cloneNode(true));
    for (const element of article.querySelectorAll("[data-field]")) {
      this.#view[element.dataset.field] = element;
    }
    this.toggle = $("[data-action=toggle]", article);
    this.toggle.addEventListener("click", () => this.#toggle());
    $("[data-action=clear]", article).addEventListener("click", () => this.clear());
    const title = $("h2", article).textContent;
    for (const button of article.querySelectorAll("button")) {
      button.setAttribute("aria-description", title);
    }
    this.clear();
    setInterval(() => this.#showState(), 200);
  }

  clear() {
    Object.assign(this, { events: 0, replayed: 0, wire: 0, payload: 0, reconnects: 0, gaps: 0 });
    this.latencies = [];
    this.#entries = [];
    this.#view.log.replaceChildren();
    this.#view.notice.textContent = "";
    this.#changed();
  }

  // One connection for all topics, shared with other tabs. `after` is where to begin.
  subscribe(topics, after, token) {
    this.#client?.close();
    this.clear();
    this.#openedAt = this.#lostAt = 0;
    const { transport } = this;
    const client = connect(ENDPOINT, {
      topics,
      after,
      transport,
      token: token || undefined,
      store: false,
      // A demonstration goes on while one looks elsewhere.
      pauseHidden: false,
    });
    this.#client = client;
    const listen = (type, listener) =>
      client.addEventListener(type, ({ detail }) => client === this.#client && listener(detail));
    listen("event", (event) => this.#event(event));
    listen("gap", (gap) => this.#gap(gap));
    listen("skipped", ({ reason }) => this.#note(`The hub left events out (${reason})`));
    listen("state", (state) => this.#stateChanged(state));
    this.#changed();
  }

  publish(event) {
    return this.#client.publish(event);
  }

  // What is published waits until the hub is there.
  get waits() {
    return ["connecting", "waiting"].includes(this.#client.state);
  }

  #toggle() {
    if (this.#client.state === "paused") this.#client.resume();
    else this.#client.pause();
    this.#changed();
  }

  #stateChanged({ state, reason, retryIn }) {
    const { position } = this.#client;
    this.#retryAt = retryIn ? now() + retryIn : 0;
    if (state === "open") {
      const after = offset(position) === null ? "" : `: goes on after ${called(position)}`;
      if (this.#lostAt) {
        const seconds = ((now() - this.#lostAt) / 1000).toFixed(1);
        this.reconnects += 1;
        this.#note(`Connected again after ${seconds} s${after}`);
      } else {
        this.#note(`Connected${after}`);
      }
      this.#openedAt = now();
      this.#lostAt = 0;
    } else if (state === "waiting" && this.#openedAt && !this.#lostAt) {
      this.#lostAt = now();
      this.#note(`Connection lost: ${reason || "it was cut"}`);
    } else if (state === "paused") {
      this.#lostAt = 0;
      this.#note("Disconnected");
    } else if (state === "closed") {
      this.#note(`Ended: ${reason}`);
    }
    this.#changed();
  }

  #event({ id, position, event, topics, data, bytes }) {
    const arrived = now();
    this.events += 1;
    const wire = bytes + FRAMING[this.transport](bytes);
    this.wire += wire;
    const { text, sent } = ownPayload(data);
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
    const label = [
      called(position ?? id),
      position && id !== position && !isMade(id) && id,
      topics?.join(", "),
      event !== "message" && event,
    ];
    const parts = [clock(arrived), ...label, time, `${number(wire)} bytes`].filter(Boolean);
    this.#entry("event", parts.join(" · "), text);
  }

  #gap(gap) {
    this.gaps += 1;
    const words = gapInWords(gap);
    this.#view.notice.className = "notice gap";
    this.#view.notice.textContent = words;
    this.#entry("gap", clock(now()), words);
  }

  #note(text) {
    this.#view.notice.className = "notice";
    this.#view.notice.textContent = text;
    this.#entry("note", clock(now()), text);
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
    view.gaps.textContent = number(this.gaps);
    view.gaps.className = this.gaps ? "waiting" : "";
    view.log.prepend(...this.#entries.splice(0).map(listItem).reverse());
    while (view.log.childElementCount > LOG_LENGTH) view.log.lastElementChild.remove();
  }

  #showState() {
    if (!this.#client) return;
    const { state, position } = this.#client;
    this.#view.cursor.textContent = position ?? "the next event";
    let text = STATES[state];
    const left = this.#retryAt - now();
    if (state === "waiting" && left > 0) text += `, tries again in ${Math.ceil(left / 1000)} s`;
    if (text === this.#state) return;
    this.#state = text;
    this.#view.state.textContent = text;
    this.#view.state.className = state;
    this.toggle.textContent = state === "paused" ? "Connect" : "Disconnect";
    this.toggle.disabled = state === "closed";
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
  // Broken between the two, if at all.
  return `${latencies.at(-1).toFixed(1)}\u00a0ms, median\u00a0${median.toFixed(1)}\u00a0ms`;
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
  const sent = now();
  if (ws.waits) $("#published").textContent = "Waits for the hub: published once it is back";
  const { id, position } = await ws.publish({
    topic: $("#publish-topic").value,
    event: $("#name").value || undefined,
    data: JSON.stringify({ text, sent }),
  });
  return `Published ${called(position ?? id)}; answered after ${(now() - sent).toFixed(1)} ms`;
}

async function publishAll(texts) {
  const output = $("#published");
  const buttons = document.querySelectorAll("#publish button");
  buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
  try {
    for (const text of texts) output.textContent = await publish(text);
    output.className = "";
  } catch (error) {
    output.textContent = `Not published: ${error.message}`;
    output.className = "failed";
  }
  buttons.forEach((button) => button.removeAttribute("aria-disabled"));
}

function subscribe(after) {
  const topics = $("#topic").value.trim().split(/\s+/);
  const token = $("#token").value.trim();
  for (const carrier of [sse, ws]) carrier.subscribe(topics, after, token);
  const [topic] = topics;
  if (topic !== "*") $("#publish-topic").value = topic;
  const [escaped, ...others] = topics.map((name) => encodeURIComponent(name).replaceAll("'", "%27"));
  const query = [escaped, ...others].join("&topic=");
  $("#curl-publish").textContent =
    `curl ${ENDPOINT} -d 'topic=${topic === "*" ? "demo" : escaped}' -d data=hello`;
  $("#curl-subscribe").textContent = `curl -N '${ENDPOINT}?topic=${query}&lastEventID=earliest'`;
}

const sse = new Carrier($("[data-carrier=sse]"));
const ws = new Carrier($("[data-carrier=websocket]"));

$("#subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  subscribe();
});
$("#earliest").addEventListener("click", () => {
  if ($("#subscribe").reportValidity()) subscribe("earliest");
});
$("#publish").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!event.submitter?.hasAttribute("aria-disabled")) publishAll([$("#text").value]);
});
$("#burst").addEventListener("click", ({ currentTarget: button }) => {
  const text = $("#text").value;
  if (button.hasAttribute("aria-disabled")) return;
  publishAll(Array.from({ length: 100 }, (_, i) => `${text} (${i + 1} of 100)`));
});
$("#text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("#publish").requestSubmit();
});

subscribe();
