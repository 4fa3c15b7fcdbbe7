// Positions: `#EPOCH-OFFSET`, a place in one continuous history. The two parts belong together:
// positions of different epochs have no order.

export class Position {
  constructor(epoch, offset) {
    this.epoch = epoch;
    this.offset = offset;
  }

  // `null` for everything that is not a position: a publisher's own id, for example.
  static parse(text) {
    const match = /^#?([0-9a-f]{24})-(0|[1-9]\d{0,19})$/.exec(text ?? "");
    return match && new Position(match[1], BigInt(match[2]));
  }

  // Below, at or above zero; `null` between epochs.
  compare(other) {
    if (this.epoch !== other.epoch) return null;
    return this.offset < other.offset ? -1 : this.offset > other.offset ? 1 : 0;
  }

  toString() {
    return `#${this.epoch}-${this.offset}`;
  }
}
