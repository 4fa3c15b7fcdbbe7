// The parts of /longwire.js that need no browser: `node --test`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Backoff } from "../../src/page/longwire/backoff.js";
import { Choice, recovery } from "../../src/page/longwire/choice.js";
import { Cursor } from "../../src/page/longwire/cursor.js";
import { EventStreamParser } from "../../src/page/longwire/event-stream.js";
import { Position } from "../../src/page/longwire/position.js";
import { Store } from "../../src/page/longwire/store.js";
import { formOf } from "../../src/page/longwire/values.js";

const root = new URL("../../../../", import.meta.url);
const [A, B] = ["a".repeat(24), "b".repeat(24)];
const at = (offset, epoch = A) => `#${epoch}-${offset}`;

// This parser has limits of its own, and tells no comments and no ids alone.
const { streams } = JSON.parse(readFileSync(new URL("fuzz/vectors/sse.json", root)));
const vectors = streams.filter(({ limits }) => !limits);

// Where other parsers stop counting.
const MAX_RETRY = 2 ** 63;

function parse(pieces) {
  const items = [];
  const parser = new EventStreamParser(
    ({ event, data, id }) => items.push({ event: { name: event, data, id } }),
    (retry) => items.push({ retry: Math.min(retry, MAX_RETRY) }),
  );
  for (const piece of pieces) parser.push(piece);
  return items;
}

test("the shared vectors of event streams, in every split", () => {
  assert.ok(vectors.length > 70, `${vectors.length} vectors`);
  for (const { name, input, expect } of vectors) {
    const wanted = expect
      .filter((item) => item.event || item.retry !== undefined)
      .map((item) => (item.event ? item : { retry: Math.min(item.retry, MAX_RETRY) }));
    const bytes = Uint8Array.from(input, (character) => character.charCodeAt(0));
    assert.deepEqual(parse([bytes]), wanted, name);
    assert.deepEqual(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))), wanted, name);
    for (let cut = 0; cut <= Math.min(bytes.length, 2000); cut += 1) {
      const pieces = [bytes.subarray(0, cut), new Uint8Array(), bytes.subarray(cut)];
      assert.deepEqual(parse(pieces), wanted, `${name}, cut at ${cut}`);
    }
  }
});

test("the bytes of a block are counted, and not those of comments before it", () => {
  const counts = [];
  const parser = new EventStreamParser(({ bytes }) => counts.push(bytes));
  const blocks = [":\n\n", "data: gr\u00fc\u00dfe\n\n", "event: e\r\nretry: 1\r\ndata:\r\n\r\n"];
  const sizes = blocks.map((block) => new TextEncoder().encode(block).length);
  for (const byte of new TextEncoder().encode(blocks.join(""))) parser.push(Uint8Array.of(byte));
  // The last LF has not been needed to see the end.
  assert.deepEqual(counts, [sizes[1], sizes[2] - 1]);
});

test("an event that is too long is the end of its stream", () => {
  const chunk = new TextEncoder().encode("x".repeat(1 << 16));
  const line = new TextEncoder().encode(`data: ${"x".repeat(64)}\n`);
  const colons = new TextEncoder().encode(":\n".repeat(1 << 12));
  for (const piece of [chunk, line, colons]) {
    const parser = new EventStreamParser(() => {});
    let bytes = 0;
    const feed = () => {
      for (; bytes < 1 << 24; bytes += piece.length) parser.push(piece);
    };
    assert.throws(feed, RangeError);
    assert.ok(bytes > (1 << 22) - piece.length && bytes <= 1 << 22, `${bytes} bytes`);
  }
  // In an event each, as much as there is.
  let events = 0;
  const parser = new EventStreamParser(() => (events += 1));
  const event = new TextEncoder().encode(`data: ${"x".repeat(1 << 20)}\n\n`);
  for (let n = 0; n < 9; n += 1) parser.push(event);
  assert.equal(events, 9);
});

test("positions are pairs", () => {
  const [first, second] = [Position.parse(at(9)), Position.parse(at(10).slice(1))];
  assert.equal(String(second), at(10));
  assert.equal(first.compare(second), -1);
  assert.equal(second.compare(first), 1);
  assert.equal(first.compare(Position.parse(at(9))), 0);
  assert.equal(first.compare(Position.parse(at(9, B))), null);
  const large = Position.parse(at("18446744073709551615"));
  assert.equal(large.compare(Position.parse(at("18446744073709551614"))), 1);
  for (const text of ["", null, undefined, "order-7", `#${A}`, at("01"), at("-1"), at("1x"), A]) {
    assert.equal(Position.parse(text), null, String(text));
  }
});

test("delays are drawn between the floor and a ceiling that doubles", () => {
  const backoff = new Backoff();
  const ceilings = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
  assert.deepEqual(ceilings.map(() => backoff.next(1)), ceilings);
  assert.equal(backoff.next(0.5), 15_000);
  assert.equal(backoff.next(0), 100);
  backoff.ended(9_999);
  assert.equal(backoff.next(1), 30_000);
  backoff.ended(10_000);
  assert.equal(backoff.next(1), 1000);
});

test("what a server asks for is a lower bound, with jitter on top", () => {
  const backoff = new Backoff();
  backoff.retryAfter(7000);
  assert.deepEqual([backoff.next(0), backoff.next(0)], [7000, 100]);
  backoff.retry(5000);
  // The ceiling has come to 4 s, and the jitter is as wide as what is asked for.
  assert.deepEqual([backoff.next(0), backoff.next(1)], [5000, 13_000]);
  backoff.retryAfter(3_600_000);
  assert.equal(backoff.next(0), 300_000);
});

test("a cursor passes every event once, and no hole is a loss", () => {
  const cursor = new Cursor();
  cursor.opened(at(4));
  assert.equal(cursor.at, at(4));
  assert.deepEqual(cursor.event(at(7), null, at(4)), {});
  assert.equal(cursor.event(at(7), null, at(4)), null);
  assert.equal(cursor.event(at(5), null, at(4)), null);
  // A replay began before the cursor.
  assert.deepEqual(cursor.event(at(9), null, at(6)), {});
  assert.deepEqual(cursor.moved(at(12), at(9)), {});
  assert.equal(cursor.at, at(12));
});

test("a prev beyond the cursor is a gap, once", () => {
  const cursor = new Cursor(at(4));
  const { gap } = cursor.event(at(9), null, at(6));
  assert.deepEqual(gap, { requested: at(4), resumed: at(6), reason: "lost" });
  assert.deepEqual(cursor.event(at(10), null, at(9)), {});
  const { gap: another } = cursor.event(at(1, B), null, at(0, B));
  assert.deepEqual(another, { requested: at(10), resumed: at(0, B), reason: "epoch" });
  assert.equal(cursor.at, at(1, B));
});

test("a gap moves the cursor, but not back over what was seen", () => {
  const gap = (requested, resumed, head) => ({ requested, resumed, head, reason: "any" });
  let cursor = new Cursor(at(3));
  assert.equal(cursor.gap(gap(at(3), at(50), at(100))), true);
  assert.equal(cursor.at, at(50));
  // Another's gap: everything that follows it is known here.
  cursor = new Cursor(at(70));
  assert.equal(cursor.gap(gap(at(3), at(50), at(100))), false);
  assert.equal(cursor.event(at(60), null), null);
  assert.deepEqual(cursor.event(at(71), null), {});
  // Another's, and this one stands before its end.
  cursor = new Cursor(at(40));
  assert.equal(cursor.gap(gap(at(3), at(50), at(100))), true);
  // Ahead of the log, which was set back: what comes again is new.
  cursor = new Cursor(at(100));
  assert.equal(cursor.gap(gap(at(100), at(50), at(60))), true);
  assert.deepEqual(cursor.event(at(51), null), {});
  cursor = new Cursor(at(9));
  assert.equal(cursor.gap(gap(at(9), at(0, B), at(2, B))), true);
  assert.equal(cursor.at, at(0, B));
});

test("an id stands for a position that is not known", () => {
  const cursor = new Cursor(at(1));
  assert.deepEqual(cursor.event(null, "order-7"), {});
  assert.equal(cursor.at, "order-7");
  // The hub may publish the id again, when it is no longer kept.
  assert.deepEqual(cursor.event(null, "order-7"), {});
  cursor.repeats();
  assert.equal(cursor.event(null, "order-7"), null);
  assert.deepEqual(cursor.event(null, "order-8"), {});
  assert.deepEqual(cursor.event(null, "order-7"), {});
  assert.deepEqual(cursor.moved(at(9)), {});
  assert.equal(cursor.at, at(9));
  assert.ok(cursor.covers(at(8)) && !cursor.covers(at(10)) && !cursor.covers(at(1, B)));
});

test("a WebSocket is doubted once it fails where the hub is reached", () => {
  const fresh = new Choice("auto");
  assert.equal(fresh.next(0), "websocket");
  fresh.blame();
  assert.equal(fresh.next(1), "sse");
  assert.equal(fresh.opened("sse", 2), true);
  assert.equal(fresh.next(300_001), "sse");
  assert.equal(fresh.next(300_002), "websocket");

  const known = new Choice("auto");
  known.opened("websocket", 0);
  known.blame();
  assert.equal(known.next(1), "websocket");
  known.blame();
  assert.equal(known.next(1), "sse");
  known.failed("sse");
  assert.equal(known.next(2), "websocket");

  const only = new Choice("websocket");
  only.blame();
  assert.equal(only.next(0), "websocket");
  assert.equal(new Choice("auto", 500).next(499), "sse");
});

test("what ends a client, and what does not", () => {
  for (const status of [204, 301, 400, 403, 404]) assert.equal(recovery({ status }), "stop");
  for (const status of [408, 425, 429, 500, 502, 503]) assert.equal(recovery({ status }), "retry");
  assert.equal(recovery({ status: 401 }), "refresh");
  assert.equal(recovery({ code: 4001 }), "refresh");
  for (const code of [1000, 1002, 1008, 4003]) assert.equal(recovery({ code }), "stop");
  for (const code of [1001, 1006, 1011, 1012, 1013, 4008]) assert.equal(recovery({ code }), "retry");
  assert.equal(recovery({ silent: true }), "retry");
});

test("a store keeps the furthest position, and a new epoch", () => {
  const kept = new Map();
  const place = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const [one, two] = [new Store(place, "k"), new Store(place, "k")];
  one.write(at(5));
  one.write(at(6));
  assert.equal(two.read(), null);
  one.flush();
  two.write(at(4));
  two.flush();
  assert.equal(two.read(), at(6));
  two.write(at(1, B));
  two.flush();
  assert.equal(one.read(), at(1, B));
  two.write("order-7");
  two.flush();
  assert.equal(one.read(), "order-7");
  assert.equal(new Store(null, "k").read(), null);
});

test("ephemeral events have no place, and are no duplicates", () => {
  const cursor = new Cursor(at(4));
  assert.deepEqual(cursor.event(null, null), {});
  assert.deepEqual(cursor.event(null, ""), {});
  assert.equal(cursor.at, at(4));
  assert.deepEqual(cursor.event(at(5), null, at(4)), {});
});

test("the form of a publish", () => {
  const form = (event) => formOf({ topic: "t", ...event });
  assert.equal(form({ id: "i", data: "ä & b", private: true }).body, "topic=t&data=%C3%A4+%26+b&id=i&private=on");
  assert.equal(form({ data: "ä" }).bytes, 2);
  const bytes = form({ data: Uint8Array.of(0, 255, 7).subarray(1), ephemeral: true, event: "e", retry: 5 });
  assert.equal(bytes.body, "topic=t&data=%2Fwc%3D&encoding=base64&type=e&retry=5&ephemeral=on");
  assert.equal(bytes.bytes, 2);
  assert.throws(() => formOf({ data: "x" }), TypeError);
});
