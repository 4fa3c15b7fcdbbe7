import { Position } from "./position.js";

// Publishers' ids that are remembered, to tell what is repeated by where no position is known.
const RECENT = 4096;

// Where a client stands. Positions grow along a history, so what is not beyond the cursor is a
// duplicate; a hole in them is no loss, for they count the events of all topics. What is lost is
// said by the hub, or seen from `prev`: the hub sent everything for this client after it.
export class Cursor {
  #seen;
  #told = null;
  #recent = new Set();
  #repeats = false;

  // `at` is what to resume from: a position, an event's id, "earliest", or null for what comes next.
  constructor(at = null) {
    this.#seen = Position.parse(at);
    this.at = this.#seen ? String(this.#seen) : at;
  }

  // Whether the cursor is at this place or beyond it, as far as positions tell.
  covers(at) {
    const order = this.#seen && Position.parse(at)?.compare(this.#seen);
    return at === this.at || (typeof order === "number" && order <= 0);
  }

  // The connection may begin before the cursor: events known by their id alone may come again.
  repeats() {
    this.#repeats = true;
  }

  // The hub said where the connection begins, or nothing yet.
  opened(position) {
    this.#told = Position.parse(position);
    if (this.#told && (this.at === null || this.at === "earliest")) this.#move(this.#told);
  }

  // An event with its position, if it is known, its publisher's id, if it has one, and the
  // connection's cursor before it. `null` for a duplicate, or else `{gap}`, if one comes before it.
  event(position, id, prev) {
    const to = Position.parse(position);
    // An ephemeral event has no place.
    if (!to && !id) return {};
    const before = Position.parse(prev) ?? this.#told;
    const [requested, seen] = [this.at, this.#seen];
    this.#told = to;
    const order = seen && to ? to.compare(seen) : 1;
    if (order !== null && order <= 0) return null;
    const repeated = id && this.#repeats && this.#recent.has(id);
    if (id && !repeated) this.#remember(id);
    if (to) this.#move(to);
    // Over Server-Sent Events a publisher's id stands in place of the position.
    else if (id && !repeated) this.at = id;
    if (repeated) return null;
    if (to || id) this.#repeats = false;
    if (order === null) return { gap: gap(requested, before ?? to, "epoch") };
    // The position of an event that is known by its id alone is not known.
    if (!to || !before || requested !== String(seen)) return {};
    const beyond = before.compare(seen);
    return beyond === null || beyond > 0 ? { gap: gap(requested, before, "lost") } : {};
  }

  // The cursor moved over events of other topics. As above.
  moved(position, prev) {
    return this.event(position, null, prev);
  }

  // The hub said that events may have been missed. `false` if this client has seen what follows,
  // and it was another's place from which the log could not go on.
  gap({ requested, resumed, head }) {
    const to = Position.parse(resumed);
    if (!to) return true;
    const seen = this.#seen;
    const asked = String(Position.parse(requested) ?? requested);
    const order = seen ? seen.compare(to) : null;
    this.#told = to;
    if (asked !== this.at && order !== null && order >= 0) return false;
    // Never back over what was seen in this very history.
    const last = Position.parse(head) ?? to;
    const keeps = order !== null && order >= 0 && seen.compare(last) <= 0;
    this.#move(keeps ? seen : to);
    return true;
  }

  #move(to) {
    this.#seen = to;
    this.at = String(to);
  }

  #remember(id) {
    this.#recent.add(id);
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.values().next().value);
  }
}

function gap(requested, resumed, reason) {
  return { requested, resumed: String(resumed), reason };
}
