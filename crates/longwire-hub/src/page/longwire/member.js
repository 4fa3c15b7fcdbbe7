import { Cursor } from "./cursor.js";
import { openLocks, openOwn, openWorker } from "./sharing.js";
import { Store } from "./store.js";
import { plain, randomId } from "./values.js";

// Nothing was heard of the exchange for this long: ask it, and then take it for dead.
const PING_AFTER = 10_000;
const DEAD_AFTER = 25_000;

// A tab's part in an exchange, a new one or that which other tabs have, from joining to leaving.
//
// `on` is told: event(event), gap(gap), skipped(skipped), state(state), place(at), and is asked:
// credentials(refresh).
export class Member {
  #id = randomId();
  #link = null;
  #number = 0;
  #joined = false;
  #idle;
  #heard = 0;
  #pinging;
  #release = new AbortController();

  // `resumes` says that the place is this client's own, not one that all tabs have in common.
  constructor({ url, topics, options, cursor, resumes, idle }, on) {
    Object.assign(this, { url, topics, options, cursor, resumes, on });
    this.#idle = idle;
    this.blocked = new Store(localPlace(), `longwire blocked ${url.origin}`);
  }

  // `key` stands for what is asked for.
  async open(key) {
    const { signal } = this.#release;
    const receive = (message) => !signal.aborted && this.#receive(message);
    const { shared = "document" in globalThis } = this.options;
    await hold(`longwire-tab-${this.#id}`, signal);
    if (signal.aborted) return;
    this.#link = shared
      ? this.#share(key + distinct(this.options), receive, shared)
      : openOwn(this.#id, receive);
    this.#heard = performance.now();
    this.#pinging = setInterval(() => this.#ping(), PING_AFTER);
    this.#link.open();
  }

  #share(key, receive, how) {
    const id = this.#id;
    const locks = () =>
      navigator.locks && how !== "worker" ? openLocks(key, id, receive) : openOwn(id, receive);
    if (how === "locks" || !("SharedWorker" in globalThis)) return locks();
    const failed = () => {
      if (this.#link !== link) return;
      link.close();
      this.#link = locks();
      this.#link.open();
    };
    let link;
    try {
      link = openWorker(key, id, receive, failed);
    } catch {
      return locks();
    }
    return link;
  }

  leave() {
    clearInterval(this.#pinging);
    this.#joined = false;
    this.#link?.post({ type: "leave" });
    this.#link?.close();
    this.#link = null;
    this.#release.abort();
  }

  set idle(idle) {
    if (this.#idle === idle) return;
    this.#idle = idle;
    if (this.#joined) this.#link?.post({ type: "idle", idle });
  }

  #join() {
    const { transport = "auto", events, backoff, token, headers, slow, withCredentials } = this.options;
    const asks = typeof token === "function" || typeof headers === "function";
    const options = {
      url: this.url.href,
      topics: this.topics,
      transport,
      names: events && [...events],
      backoff,
      slow,
      credentials: withCredentials ? "include" : "same-origin",
      asks,
      refreshes: asks,
      given: asks ? {} : { token, headers: plain(headers) },
      blockedUntil: Number(this.blocked.read()) || 0,
    };
    this.#link.post({
      type: "join",
      options,
      at: this.cursor.at,
      resumes: this.resumes,
      idle: this.#idle,
    });
  }

  #receive(message) {
    this.#heard = performance.now();
    if (message === null || message.type === "stranger") return this.#join();
    const { type, value, number } = message;
    if (type === "welcome") {
      if (message.at !== this.cursor.at) this.cursor = new Cursor(message.at);
      this.cursor.repeats();
      this.#number = number;
      this.#joined = this.resumes = true;
      this.on.place(this.cursor.at);
      return this.on.state(message.state);
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
    this.#told(type, value);
  }

  #told(type, value) {
    const { cursor, on } = this;
    switch (type) {
      case "event": {
        const id = value.id === value.position ? null : value.id;
        const outcome = cursor.event(value.position, id);
        if (!outcome) return;
        if (outcome.gap) on.gap(outcome.gap);
        on.event(value);
        return on.place(cursor.at);
      }
      case "gap":
        if (!cursor.gap(value)) return;
        on.gap(value);
        return on.place(cursor.at);
      case "position":
        if (cursor.at === null || cursor.at === "earliest") cursor.opened(value);
        else cursor.moved(value);
        return on.place(cursor.at);
      case "repeats":
        return cursor.repeats();
      case "skipped":
        return on.skipped(value);
      case "blocked":
        this.blocked.write(String(value));
        return this.blocked.flush();
      case "state":
        return on.state(value);
    }
  }

  async #answer({ ask, refresh }) {
    const link = this.#link;
    const answer = await this.on.credentials(refresh).then(
      (value) => ({ value }),
      (error) => ({ error: String(error?.message ?? error) }),
    );
    link.post({ type: "answer", ask, ...answer });
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
}

// What must not be mixed, although the topics are the same.
function distinct({ transport = "auto", token, headers, events, withCredentials, backoff, slow }) {
  const given = [token, plain(headers)].map((value) => typeof value === "function" ? "asked" : value);
  return JSON.stringify([transport, given, events, withCredentials, backoff, slow]);
}

// Where positions are kept; nowhere if the browser forbids it.
export function localPlace() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

// Holds a lock until the signal, if there are locks: whoever waits for it knows when the tab is gone.
function hold(name, signal) {
  if (!globalThis.navigator?.locks) return undefined;
  return new Promise((held, failed) => {
    const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
    navigator.locks.request(name, () => (held(), gone)).catch(failed);
  });
}
