import { Backoff } from "./backoff.js";
import { refusal } from "./carriers.js";
import { recovery } from "./choice.js";
import { Cursor } from "./cursor.js";
import { itemsOf } from "./items.js";
import { Member, localPlace } from "./member.js";
import { serve } from "./sharing.js";
import { Store } from "./store.js";
import { base64, plain, topicsOf } from "./values.js";
import { watchPage } from "./visibility.js";

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
  #member = null;
  #wanted = true;
  #away = false;
  #idle = false;
  #store;
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
    const { signal, pauseHidden = 60_000 } = options;
    if (signal?.aborted) return this.close();
    signal?.addEventListener("abort", () => this.close(), { signal: this.#ends.signal });
    this.#idle = pauseHidden === 0 && Boolean(globalThis.document?.hidden);
    watchPage(pauseHidden, this.#page(), this.#ends.signal);
    this.#begin();
  }

  get topics() {
    return [...this.#topics];
  }

  // What the next connection resumes from.
  get position() {
    return this.#member?.cursor.at ?? null;
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
    this.#begin(this.#member?.cursor);
  }

  pause() {
    this.#wanted = false;
    this.#leave();
    this.#set({ state: "paused", transport: this.transport });
  }

  resume() {
    if (this.#wanted || this.state === "closed") return;
    this.#wanted = true;
    this.#begin(this.#member?.cursor);
  }

  close() {
    if (this.state === "closed") return;
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
          credentials: this.#options.withCredentials ? "include" : "same-origin",
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

  [Symbol.asyncIterator]() {
    return itemsOf(this);
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

  // Joins the exchange for these topics, from this place or the one that is kept.
  #begin(cursor) {
    const { name = "", store, after = null } = this.#options;
    const topics = this.topics.sort();
    const key = `longwire ${JSON.stringify([this.url.href, topics, name])}`;
    this.#store?.flush();
    this.#store = store === false ? null : new Store(store ?? localPlace(), key);
    const kept = cursor ? null : (this.#store?.read() ?? null);
    const part = {
      url: this.url,
      topics: this.topics,
      options: this.#options,
      cursor: cursor ?? new Cursor(kept ?? after),
      resumes: Boolean(cursor) || kept === null,
      idle: this.#idle,
    };
    this.#member = new Member(part, {
      event: (event) => this.#emit("event", event),
      gap: (gap) => this.#emit("gap", gap),
      state: (state) => this.#set(state),
      place: (at) => at !== null && at !== "earliest" && this.#store?.write(at),
      credentials: (refresh) => this.#credentials(refresh),
    });
    this.#member.open(key).catch(({ message: reason }) => {
      this.#set({ state: "closed", transport: null, error: { reason, final: true } });
    });
  }

  #leave() {
    this.#store?.flush();
    this.#member?.leave();
  }

  #set({ error, ...state }) {
    const changed = state.state !== this.state || state.transport !== this.transport;
    this.state = state.state;
    this.transport = state.transport;
    if (error) this.#emit("error", error);
    if (changed || state.retryIn !== undefined) this.#emit("state", state);
    if (this.state !== "closed") return;
    this.#wanted = false;
    this.#leave();
    this.#ends.abort();
  }

  #emit(type, detail) {
    // What a listener throws is reported by the browser, and harms nobody else.
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #page() {
    return {
      look: () => this.#store?.flush(),
      idle: (idle) => {
        this.#idle = idle;
        if (this.#member) this.#member.idle = idle;
      },
      depart: () => {
        this.#away ||= this.#wanted;
        if (this.#wanted) this.#leave();
      },
      arrive: () => {
        if (this.#away && this.#wanted) this.#begin(this.#member?.cursor);
        this.#away = false;
      },
    };
  }
}

if ("SharedWorkerGlobalScope" in globalThis) serve(globalThis);
