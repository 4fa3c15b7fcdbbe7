import { Backoff } from "./backoff.js";
import { recovery } from "./choice.js";
import { refusal } from "./carriers.js";
import { Cursor } from "./cursor.js";
import { openLocks, openOwn, openWorker, serve } from "./sharing.js";
import { Store } from "./store.js";

// Nothing was heard of the exchange for this long: ask it, and then take it for dead.
const PING_AFTER = 10_000;
const DEAD_AFTER = 25_000;
// An event with an id is harmless to repeat, as long as hubs surely keep ids.
const REPEAT_WITHIN = 120_000;

export function connect(url, options = {}) {
  return new Client(url, options);
}

class Client extends EventTarget {
  state = "connecting";
  transport = null;
  #options;
  #topics;
  #link = null;
  #cursor;
  #number = 0;
  #joined = false;
  // The place is this client's own, not one that all tabs have in common.
  #resumes = false;
  #wanted = true;
  #store;
  #idle = false;
  #hiding;
  #release;
  #heard = 0;
  #pinging;
  #ends = new AbortController();

  constructor(url, options) {
    super();
    const base = globalThis.location?.href;
    this.url = new URL(url, base);
    if (!/^https?:$/.test(this.url.protocol)) throw new TypeError("the URL is of http or https");
    const transports = ["auto", "websocket", "sse"];
    if (!transports.includes(options.transport ?? "auto")) {
      throw new TypeError(`transport is one of ${transports.join(", ")}`);
    }
    this.#topics = topicsOf(options.topics);
    if (this.#topics.size === 0) throw new TypeError("there is no topic");
    this.#options = options;
    if (options.signal?.aborted) return this.close();
    options.signal?.addEventListener("abort", () => this.close(), { signal: this.#ends.signal });
    this.#watchPage();
    this.#begin();
  }

  get topics() {
    return [...this.#topics];
  }

  // What the next connection resumes from.
  get position() {
    return this.#cursor?.at ?? null;
  }

  // Adds topics, from here on.
  subscribe(topics) {
    this.#change(new Set([...this.#topics, ...topicsOf(topics)]));
  }

  unsubscribe(topics) {
    const without = topicsOf(topics);
    this.#change(new Set(this.topics.filter((topic) => !without.has(topic))));
  }

  #change(topics) {
    if (topics.size === this.#topics.size || this.state === "closed") return;
    if (topics.size === 0) throw new TypeError("no topic would be left: close instead");
    this.#leave();
    this.#topics = topics;
    this.#begin(this.#cursor);
  }

  pause() {
    this.#wanted = false;
    this.#leave();
    this.#set({ state: "paused", transport: this.transport });
  }

  resume() {
    if (this.#wanted || this.state === "closed") return;
    this.#wanted = true;
    this.#begin(this.#cursor);
  }

  close() {
    if (this.state === "closed") return;
    this.#wanted = false;
    this.#leave();
    this.#ends.abort();
    this.#set({ state: "closed", transport: this.transport });
  }

  // By POST, whatever carries events to here.
  async publish(form, { signal } = {}) {
    const { topic, topics = [topic], data = "", id, event, retry, private: secret } = form;
    const body = new URLSearchParams([...topicsOf(topics)].map((name) => ["topic", name]));
    if (typeof data === "string") body.append("data", data);
    else {
      body.append("data", base64(data));
      body.append("encoding", "base64");
    }
    if (id !== undefined) body.append("id", id);
    if (event !== undefined) body.append("type", event);
    if (retry !== undefined) body.append("retry", retry);
    if (secret) body.append("private", "on");
    const backoff = new Backoff(this.#options.backoff);
    const began = performance.now();
    for (let refresh = false; ; ) {
      let failure;
      try {
        const { token, headers } = await this.#credentials(refresh);
        const response = await fetch(this.url, {
          method: "POST",
          body,
          headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
          credentials: this.#credentialsMode,
          signal,
        });
        if (response.ok) {
          return { id: await response.text(), position: response.headers.get("Longwire-Position") };
        }
        failure = await refusal(response);
      } catch (error) {
        if (signal?.aborted) throw error;
        failure = { reason: error.message };
      }
      const what = recovery(failure);
      const again =
        what === "refresh" ? !refresh && this.#refreshes : what === "retry" && id !== undefined;
      if (!again || performance.now() - began > REPEAT_WITHIN) {
        throw Object.assign(new Error(failure.reason), { status: failure.status ?? null });
      }
      refresh ||= what === "refresh";
      if (failure.retryAfter) backoff.retryAfter(failure.retryAfter);
      await new Promise((resolve) => setTimeout(resolve, backoff.next(Math.random())));
    }
  }

  // Events and gaps, in order, until the client is closed.
  async *[Symbol.asyncIterator]() {
    const [queue, ends] = [[], new AbortController()];
    let wake = () => {};
    for (const type of ["event", "gap", "state"]) {
      const listen = ({ detail }) => {
        if (type !== "state") queue.push({ type, ...detail });
        wake();
      };
      this.addEventListener(type, listen, { signal: ends.signal });
    }
    try {
      for (;;) {
        while (queue.length) yield queue.shift();
        if (this.state === "closed") return;
        await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      ends.abort();
    }
  }

  get #credentialsMode() {
    return this.#options.withCredentials ? "include" : "same-origin";
  }

  get #refreshes() {
    return typeof this.#options.token === "function" || typeof this.#options.headers === "function";
  }

  async #credentials(refresh) {
    const { token, headers } = this.#options;
    const value = (given) => (typeof given === "function" ? given({ refresh }) : given);
    const [ownToken, ownHeaders] = [await value(token), await value(headers)];
    return {
      token: ownToken ?? null,
      headers: plain(ownHeaders),
    };
  }

  // Joins the exchange for these topics: a new one, or that which other tabs have.
  #begin(cursor) {
    const { name = "", store, after = null } = this.#options;
    const topics = this.topics.sort();
    const key = `longwire ${JSON.stringify([this.url.href, topics, name])}`;
    this.#store?.flush();
    this.#store = store === false ? null : new Store(store ?? localPlace(), key);
    const kept = cursor ? null : this.#store?.read();
    this.#cursor = cursor ?? new Cursor(kept ?? after);
    this.#resumes = Boolean(cursor) || (kept ?? null) === null;
    this.#joined = false;
    if (this.#hasHidden()) this.#idle = true;
    this.#open(key).catch((error) => this.#fail(error));
  }

  async #open(key) {
    const ends = (this.#release = new AbortController());
    const member = randomId();
    const receive = (message) => !ends.signal.aborted && this.#receive(message);
    const { shared = "document" in globalThis } = this.#options;
    await hold(`longwire-tab-${member}`, ends.signal);
    if (ends.signal.aborted) return;
    this.#link = shared
      ? this.#share(key + this.#distinct(), member, receive, shared)
      : openOwn(member, receive);
    this.#heard = performance.now();
    this.#pinging = setInterval(() => this.#ping(), PING_AFTER);
    this.#link.open();
  }

  #share(key, member, receive, how) {
    const locks = () =>
      navigator.locks && how !== "worker" ? openLocks(key, member, receive) : openOwn(member, receive);
    if (how === "locks" || !("SharedWorker" in globalThis)) return locks();
    const failed = () => {
      if (this.#link !== link) return;
      link.close();
      this.#link = locks();
      this.#link.open();
    };
    let link;
    try {
      link = openWorker(key, member, receive, failed);
    } catch {
      return locks();
    }
    return link;
  }

  // What must not be mixed, although the topics are the same.
  #distinct() {
    const { transport = "auto", token, headers, events, withCredentials, backoff } = this.#options;
    const given = [token, plain(headers)].map((value) => typeof value === "function" ? "asked" : value);
    return JSON.stringify([transport, given, events, withCredentials, backoff]);
  }

  #leave() {
    clearInterval(this.#pinging);
    this.#store?.flush();
    this.#joined = false;
    this.#link?.post({ type: "leave" });
    this.#link?.close();
    this.#link = null;
    this.#release?.abort();
  }

  #join() {
    const { transport = "auto", events, backoff, token, headers } = this.#options;
    const asks = this.#refreshes;
    const options = {
      url: this.url.href,
      topics: this.topics,
      transport,
      names: events && [...events],
      backoff,
      credentials: this.#credentialsMode,
      asks,
      refreshes: asks,
      given: asks ? {} : { token, headers: plain(headers) },
      blockedUntil: Number(this.#blocked.read()) || 0,
    };
    this.#link.post({
      type: "join",
      options,
      at: this.#cursor.at,
      resumes: this.#resumes,
      idle: this.#idle,
    });
  }

  get #blocked() {
    return new Store(localPlace(), `longwire blocked ${this.url.origin}`);
  }

  #receive(message) {
    this.#heard = performance.now();
    if (message === null || message.type === "stranger") return this.#join();
    const { type, value, number } = message;
    if (type === "welcome") {
      if (message.at !== this.#cursor.at) this.#cursor = new Cursor(message.at);
      this.#cursor.repeats();
      this.#number = number;
      this.#joined = this.#resumes = true;
      this.#keep();
      return this.#set(message.state);
    }
    if (type === "ask") return this.#answer(message);
    if (!this.#joined || number === undefined) return;
    if (number <= this.#number) return;
    if (number > this.#number + 1) {
      // Something between was lost on the way to this tab.
      this.#joined = false;
      return this.#join();
    }
    this.#number = number;
    switch (type) {
      case "event": {
        const id = value.id === value.position ? null : value.id;
        const outcome = this.#cursor.event(value.position, id);
        if (!outcome) return;
        if (outcome.gap) this.#emit("gap", outcome.gap);
        this.#emit("event", value);
        return this.#keep();
      }
      case "gap":
        if (!this.#cursor.gap(value)) return;
        this.#emit("gap", value);
        return this.#keep();
      case "position":
        if (this.#cursor.at === null || this.#cursor.at === "earliest") this.#cursor.opened(value);
        else this.#cursor.moved(value);
        return this.#keep();
      case "repeats":
        return this.#cursor.repeats();
      case "blocked": {
        const blocked = this.#blocked;
        blocked.write(String(value));
        return blocked.flush();
      }
      case "state":
        return this.#set(value);
    }
  }

  async #answer({ ask, refresh }) {
    const link = this.#link;
    const answer = await this.#credentials(refresh).then(
      (value) => ({ value }),
      (error) => ({ error: String(error?.message ?? error) }),
    );
    link.post({ type: "answer", ask, ...answer });
  }

  #keep() {
    const { at } = this.#cursor;
    if (at !== null && at !== "earliest") this.#store?.write(at);
  }

  #set({ error, ...state }) {
    const changed = state.state !== this.state || state.transport !== this.transport;
    this.state = state.state;
    this.transport = state.transport;
    if (error) this.#emit("error", error);
    if (changed || state.retryIn !== undefined) this.#emit("state", state);
    if (error?.final) {
      this.#wanted = false;
      this.#leave();
      this.#ends.abort();
    }
  }

  #fail(error) {
    this.#set({ state: "closed", transport: null, error: { reason: error.message, final: true } });
  }

  #emit(type, detail) {
    // What a listener throws is reported by the browser, and harms nobody else.
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #ping() {
    const silence = performance.now() - this.#heard;
    if (silence < PING_AFTER || !this.#link) return;
    if (silence > DEAD_AFTER && !globalThis.document?.hidden) {
      this.#heard = performance.now();
      this.#link.revive?.();
    } else {
      this.#link.post({ type: "ping" });
    }
  }

  #hasHidden() {
    const { pauseHidden = 60_000 } = this.#options;
    return pauseHidden === 0 && globalThis.document?.hidden;
  }

  // A page that is hidden rests after a while; one that is frozen or goes leaves at once, and what
  // it shared passes to another.
  #watchPage() {
    const { document } = globalThis;
    if (!document) return;
    const { signal } = this.#ends;
    const { pauseHidden = 60_000 } = this.#options;
    const idle = (value) => {
      if (this.#idle === value) return;
      this.#idle = value;
      if (this.#joined) this.#link?.post({ type: "idle", idle: value });
    };
    const look = () => {
      clearTimeout(this.#hiding);
      if (!document.hidden) idle(false);
      else if (pauseHidden !== false) this.#hiding = setTimeout(() => idle(true), pauseHidden);
      this.#store?.flush();
    };
    let away = false;
    const depart = () => {
      away ||= this.#wanted;
      if (this.#wanted) this.#leave();
    };
    const arrive = () => {
      if (away && this.#wanted) this.#begin(this.#cursor);
      away = false;
    };
    document.addEventListener("visibilitychange", look, { signal });
    document.addEventListener("freeze", depart, { signal });
    document.addEventListener("resume", arrive, { signal });
    addEventListener("pagehide", depart, { signal });
    addEventListener("pageshow", arrive, { signal });
    look();
  }
}

function topicsOf(topics) {
  const all = typeof topics === "string" ? [topics] : [...(topics ?? [])];
  for (const topic of all) {
    if (typeof topic !== "string" || topic === "") throw new TypeError("a topic is a text");
  }
  return new Set(all);
}

// Header fields as an object, which passes between tabs.
function plain(headers) {
  if (!headers || typeof headers === "function") return headers;
  return Object.fromEntries(new Headers(headers));
}

// Where positions are kept; nowhere if the browser forbids it.
function localPlace() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

function base64(data) {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
}

// Holds a lock until the signal, if there are locks: whoever waits for it knows when the tab is gone.
function hold(name, signal) {
  if (!globalThis.navigator?.locks) return undefined;
  return new Promise((held, failed) => {
    const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
    navigator.locks.request(name, () => (held(), gone)).catch(failed);
  });
}

if ("SharedWorkerGlobalScope" in globalThis) serve(globalThis);
