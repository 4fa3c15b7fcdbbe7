import { Backoff } from "./backoff.js";
import { recovery } from "./choice.js";

// An event is not repeated later than this after it was first sent: hubs surely keep ids for longer.
const REPEAT_WITHIN = 120_000;
// An answer takes no longer, and as long again for what goes at 10 bytes a millisecond.
const POST_WITHIN = 30_000;
const SLOWEST = 10;

// What waits to be published or answered, in order.
//
//            sent                  answered
//   waits ─────────► under way ──────────────► resolved, or rejected as "refused"
//     ▲                  │
//     └──────────────────┘  no answer, 401 once, 408, 425, 429, 5xx
//
// One at a time, since requests overtake each other. Each has an id, so that the hub knows one that
// comes again. It is the tab's own, whoever has the connection.
//
// `post(body, refresh, signal)` is a promise of {id, position}, or else {status, reason, retryAfter},
// with `kept` if nothing has left.
export class Outbox {
  #items = [];
  #bytes = 0;
  #running = false;
  #reachable = false;
  #closed = null;
  #log = null;
  #wake = () => {};

  constructor({ items = 1000, bytes = 4 << 20 } = {}, backoff, refreshes, post) {
    Object.assign(this, { items, bytes, refreshes, post });
    this.options = backoff;
    this.backoff = new Backoff(backoff);
  }

  get length() {
    return this.#items.length;
  }

  // A promise of {id, position}. The body has an id, which makes it harmless to repeat.
  push({ body, bytes }, signal) {
    signal?.throwIfAborted();
    if (this.#closed) throw failure("closed", this.#closed);
    if (this.#items.length >= this.items || this.#bytes + bytes > this.bytes) {
      throw failure("full", { reason: "too much waits to be published" });
    }
    return new Promise((resolve, reject) => {
      const item = { body, bytes, resolve, reject, first: null, sent: false, signal };
      item.abort = () => {
        this.#settle(item, reject, signal.reason);
        item.underWay?.abort();
      };
      signal?.addEventListener("abort", item.abort);
      this.#items.push(item);
      this.#bytes += bytes;
      this.#run();
    });
  }

  // The hub can be reached, and this is the epoch of its log, if it is known.
  reach(log) {
    this.#log = log ?? this.#log;
    if (this.#reachable || this.#closed) return;
    this.#reachable = true;
    this.#wake();
    this.#run();
  }

  // It cannot, for now.
  hold() {
    this.#reachable = false;
    this.#wake();
  }

  // What is under way is still answered.
  close(reason) {
    this.#closed = { reason: `the client has closed${reason ? `: ${reason}` : ""}` };
    this.hold();
    for (const item of [...this.#items]) {
      if (!item.underWay) this.#give(item, this.#closed, "closed");
    }
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#reachable && this.#items.length) await this.#send(this.#items[0]);
    this.#running = false;
  }

  async #send(item) {
    const now = performance.now();
    item.first ??= { at: now, log: this.#log };
    const { at, log } = item.first;
    // The hub may have forgotten its id, and has if its log is another one.
    if (now - at > REPEAT_WITHIN || (item.sent && log && log !== this.#log)) {
      return this.#give(item, item.answer, "unsent");
    }
    item.underWay = new AbortController();
    const { signal } = item.underWay;
    const within = POST_WITHIN + item.body.length / SLOWEST;
    const timer = setTimeout(() => item.underWay.abort(new Error("no answer came in time")), within);
    const answer = await this.post(item.body, item.refresh, signal);
    clearTimeout(timer);
    item.underWay = null;
    if (!this.#items.includes(item)) return;
    if (answer.id !== undefined) {
      this.backoff = new Backoff(this.options);
      return this.#settle(item, item.resolve, answer);
    }
    item.answer = answer;
    const what = recovery(answer);
    const { status } = answer;
    const refreshes = what === "refresh" && this.refreshes && !item.refresh;
    if (what !== "retry" && !refreshes) {
      // Rights may have ended after the hub took it.
      const unknown = item.sent && (status === 401 || status === 403);
      return this.#settle(item, item.reject, failure(unknown ? "unknown" : "refused", answer));
    }
    // Where there is too much at once, nothing was taken.
    if (what === "retry" && status !== 429) item.sent ||= !answer.kept;
    if (!item.sent && !answer.kept) item.first = null;
    item.refresh ||= refreshes;
    if (this.#closed) return this.#give(item, answer, "closed");
    if (refreshes) return;
    if (answer.retryAfter) this.backoff.retryAfter(answer.retryAfter);
    await this.#rest(this.backoff.next(Math.random()));
  }

  async #rest(delay) {
    const woken = new Promise((resolve) => (this.#wake = resolve));
    const timer = setTimeout(this.#wake, delay);
    await woken;
    clearTimeout(timer);
  }

  // It is not sent any more: nobody knows what became of it, if it was sent before.
  #give(item, answer, code) {
    this.#settle(item, item.reject, failure(item.sent ? "unknown" : code, answer));
  }

  #settle(item, how, value) {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    this.#items.splice(at, 1);
    this.#bytes -= item.bytes;
    item.signal?.removeEventListener("abort", item.abort);
    how(value);
  }
}

export function failure(code, { status = null, reason } = {}) {
  return Object.assign(new Error(reason), { name: "PublishError", code, status });
}
