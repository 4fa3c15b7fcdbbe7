// Full jitter: a delay is drawn between zero and a ceiling that doubles from attempt to attempt.
// What the server asks for raises the lower bound and never takes the jitter away.

const MAX_HINT = 300_000;

export class Backoff {
  #retry = 0;
  #retryAfter = 0;

  constructor({ base = 1000, cap = 30_000, floor = 100, healthy = 10_000 } = {}) {
    Object.assign(this, { base: Math.min(base, cap), cap, floor, healthy });
    this.ceiling = this.base;
  }

  // A connection was open for this many milliseconds, or there was none.
  ended(age) {
    if (age >= this.healthy) this.ceiling = this.base;
  }

  // The reconnection time of an event stream: it holds until another one is told.
  retry(time) {
    this.#retry = Math.min(time, MAX_HINT);
  }

  // `Retry-After`: holds for the next delay.
  retryAfter(time) {
    this.#retryAfter = Math.min(time, MAX_HINT);
  }

  // The next delay in milliseconds; `random` is uniform in [0, 1).
  next(random) {
    const bound = Math.max(this.#retry, this.#retryAfter);
    const span = Math.max(this.ceiling, Math.min(bound, this.cap));
    this.#retryAfter = 0;
    this.ceiling = Math.min(this.cap, this.ceiling * 2);
    return Math.max(this.floor, bound + span * random);
  }
}
