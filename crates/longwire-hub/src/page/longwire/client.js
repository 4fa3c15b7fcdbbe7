import { refusal } from "./carriers.js";
import { Cursor } from "./cursor.js";
import { itemsOf } from "./items.js";
import { Member, localPlace } from "./member.js";
import { Outbox, failure } from "./outbox.js";
import { serve } from "./sharing.js";
import { Store } from "./store.js";
import { formOf, isOffline, plain, randomId, topicsOf } from "./values.js";
import { watchPage } from "./visibility.js";

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
  #outbox;
  // Beginning of the ids that events get.
  #prefix = randomId();
  #issued = 0;
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
    const { queue, backoff, signal, pauseHidden = 60_000 } = options;
    const post = (...item) => this.#post(...item);
    this.#outbox = new Outbox(queue, backoff, this.#refreshes, post);
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

  // How many events wait to be published or answered.
  get queued() {
    return this.#outbox.length;
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
  async publish(event, { signal } = {}) {
    if (event.ephemeral) return this.#publishNow(event, signal);
    this.#issued += 1;
    const { id = `${this.#prefix}.${this.#issued}` } = event;
    return this.#outbox.push(formOf({ ...event, id }), signal);
  }

  // An ephemeral event is worth nothing later, and has no id by which a repetition would be known.
  async #publishNow(event, signal) {
    const { body } = formOf(event);
    let answer = await this.#post(body, false, signal);
    if (answer.status === 401 && this.#refreshes) answer = await this.#post(body, true, signal);
    signal?.throwIfAborted();
    if (answer.id !== undefined) return answer;
    throw failure(answer.status ? "refused" : answer.kept ? "unsent" : "unknown", answer);
  }

  async #post(body, refresh, signal) {
    let kept = true;
    try {
      const { token, headers } = await this.#credentials(refresh);
      kept = false;
      const response = await fetch(this.url, {
        method: "POST",
        body,
        headers: {
          ...headers,
          ...(token && { Authorization: `Bearer ${token}` }),
          "content-type": "application/x-www-form-urlencoded",
        },
        credentials: this.#options.withCredentials ? "include" : "same-origin",
        signal,
      });
      if (!response.ok) return await refusal(response);
      return { id: await response.text(), position: response.headers.get("Longwire-Position") };
    } catch (error) {
      return { reason: String(error?.message ?? error), kept };
    }
  }

  [Symbol.asyncIterator]() {
    return itemsOf(this);
  }

  get #refreshes() {
    return typeof this.#options.token === "function" || typeof this.#options.headers === "function";
  }

  async #credentials(refresh = false) {
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
      skipped: (skipped) => this.#emit("skipped", skipped),
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

  #set({ error, log, ...state }) {
    const changed = state.state !== this.state || state.transport !== this.transport;
    this.state = state.state;
    this.transport = state.transport;
    this.#reach(log);
    if (error) this.#emit("error", error);
    if (changed || state.retryIn !== undefined) this.#emit("state", state);
    if (this.state !== "closed") return;
    this.#wanted = false;
    this.#leave();
    this.#ends.abort();
    this.#outbox.close(error?.reason);
  }

  // Where the connection tells that the hub is there, events are published; where there is none
  // because nobody wants it, that is tried.
  #reach(log) {
    const tried = this.state === "paused" && !isOffline(this.url);
    if (this.state === "open" || tried) this.#outbox.reach(log);
    else this.#outbox.hold();
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
      online: () => this.#reach(),
    };
  }
}

if ("SharedWorkerGlobalScope" in globalThis) serve(globalThis);
