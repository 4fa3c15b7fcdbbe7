import { Position } from "./position.js";

// Where a client stands, kept for the next page. The pair of epoch and offset is one text, and is
// replaced as a whole. It is written a moment later, once for many events, and at the latest when
// the page goes.
const WRITTEN_WITHIN = 100;

export class Store {
  #timer;
  #at;

  // `place` is like localStorage, which may be forbidden: then nothing is kept.
  constructor(place, key) {
    Object.assign(this, { place, key });
  }

  read() {
    try {
      return this.place.getItem(this.key);
    } catch {
      return null;
    }
  }

  write(at) {
    this.#at = at;
    this.#timer ??= setTimeout(() => this.flush(), WRITTEN_WITHIN);
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#at === undefined) return;
    // Another tab may have come further.
    const order = Position.parse(this.#at)?.compare(Position.parse(this.read()) ?? {});
    if (order !== -1) {
      try {
        this.place.setItem(this.key, this.#at);
      } catch {
        // The place is full, or forbidden: the next page begins where an older one stood.
      }
    }
    this.#at = undefined;
  }
}
