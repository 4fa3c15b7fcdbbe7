// What waits to be published, without a browser and a hub: `node --test`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../src/page/longwire/outbox.js";

// Epochs of logs.
const [A, B] = ["a".repeat(24), "b".repeat(24)];

// A hub that answers as it is told, and an outbox that waits for nothing in between.
function outboxOf(answers, { refreshes = true, ...limits } = {}) {
  const posts = [];
  const post = (body, refresh, signal) => {
    posts.push(refresh ? `${body} with another token` : body);
    const answer = answers.shift();
    return typeof answer === "function" ? answer(signal) : Promise.resolve(answer);
  };
  const quick = { base: 1, cap: 1, floor: 0 };
  const outbox = new Outbox(limits, quick, refreshes, post);
  const push = (body, signal) => outbox.push({ body, bytes: body.length }, signal).then(
    ({ id }) => id,
    ({ code, status, message }) => ({ code, status, message }),
  );
  return { outbox, posts, push };
}

const cut = { reason: "cut" };
const busy = { status: 503, reason: "busy" };
const tooMany = { status: 429, reason: "too many" };

test("what is published waits for the hub, and goes in order until it is answered", async () => {
  const { outbox, posts, push } = outboxOf([cut, { id: "a" }, busy, { id: "b" }, { id: "c" }]);
  const all = ["a", "b", "c"].map((body) => push(body));
  await new Promise(setImmediate);
  assert.deepEqual([posts, outbox.length], [[], 3]);
  outbox.reach(A);
  assert.deepEqual(await Promise.all(all), ["a", "b", "c"]);
  assert.deepEqual(posts, ["a", "a", "b", "b", "c"]);
  assert.equal(outbox.length, 0);
});

test("nothing is sent while the hub cannot be reached, also not again", async () => {
  let answered;
  const under = () => new Promise((resolve) => (answered = resolve));
  const { outbox, posts, push } = outboxOf([under, { id: "a" }, { id: "b" }]);
  outbox.reach(A);
  const all = ["a", "b"].map((body) => push(body));
  await new Promise(setImmediate);
  outbox.hold();
  answered(cut);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(posts, ["a"]);
  outbox.reach(A);
  assert.deepEqual(await Promise.all(all), ["a", "b"]);
  assert.deepEqual(posts, ["a", "a", "b"]);
});

test("the queue has an end, in events and in bytes", async () => {
  const { outbox, push } = outboxOf([], { items: 2, bytes: 10 });
  assert.equal(outbox.length, 0);
  const first = push("12345678");
  const full = { code: "full", status: null, message: "too much waits to be published" };
  await assert.rejects(async () => outbox.push({ body: "123", bytes: 3 }), full);
  push("12");
  await assert.rejects(async () => outbox.push({ body: "", bytes: 0 }), full);
  outbox.close();
  assert.equal((await first).code, "closed");
  assert.equal(outbox.length, 0);
  await assert.rejects(async () => outbox.push({ body: "", bytes: 0 }), { code: "closed" });
});

test("what the hub refuses is said, and the next one goes", async () => {
  const conflict = { status: 409, reason: "another event has this id" };
  const denied = { status: 401, reason: "a token is needed" };
  const answers = [conflict, denied, { id: "b" }, denied, denied, { id: "d" }];
  const { outbox, posts, push } = outboxOf(answers);
  outbox.reach(A);
  const all = await Promise.all(["a", "b", "c", "d"].map((body) => push(body)));
  const refused = ({ status, reason: message }) => ({ code: "refused", status, message });
  assert.deepEqual(all, [refused(conflict), "b", refused(denied), "d"]);
  const [b, c] = ["b", "c"].map((body) => `${body} with another token`);
  assert.deepEqual(posts, ["a", "b", b, "c", c, "d"]);

  const static_ = outboxOf([denied], { refreshes: false });
  static_.outbox.reach(A);
  assert.deepEqual(await static_.push("a"), refused(denied));
});

test("what may be in a log that is not known any more is not repeated", async (t) => {
  let time = 0;
  t.mock.method(performance, "now", () => time);
  const late = () => ((time += 120_001), Promise.resolve(cut));
  const { outbox, posts, push } = outboxOf([late, { id: "b" }]);
  const all = ["a", "b"].map((body) => push(body));
  // It is no repetition, however long it has waited.
  time += 1_000_000;
  outbox.reach(A);
  assert.deepEqual(await Promise.all(all), [{ code: "unknown", status: null, message: "cut" }, "b"]);
  assert.deepEqual(posts, ["a", "b"]);

  // 429 says that nothing was taken.
  const refused = () => ((time += 120_001), Promise.resolve(tooMany));
  const patient = outboxOf([refused, refused, { id: "a" }]);
  patient.outbox.reach(A);
  assert.equal(await patient.push("a"), "a");

  const other = outboxOf([() => (other.outbox.hold(), Promise.resolve(cut)), { id: "b" }]);
  other.outbox.reach(A);
  const both = ["a", "b"].map((body) => other.push(body));
  await new Promise(setImmediate);
  other.outbox.reach(B);
  assert.deepEqual([(await both[0]).code, await both[1]], ["unknown", "b"]);

  // The rights may have ended after it was taken.
  const ended = outboxOf([cut, { status: 403, reason: "not granted" }]);
  ended.outbox.reach(A);
  const wanted = { code: "unknown", status: 403, message: "not granted" };
  assert.deepEqual(await ended.push("a"), wanted);
});

test("without a token nothing was sent", async (t) => {
  let time = 0;
  t.mock.method(performance, "now", () => time);
  const kept = () => ((time += 120_001), Promise.resolve({ reason: "no token", kept: true }));
  const { outbox, push } = outboxOf([kept]);
  outbox.reach(A);
  assert.deepEqual(await push("a"), { code: "unsent", status: null, message: "no token" });
});

test("an answer that does not come is no longer waited for", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const never = (signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve({ reason: signal.reason.message }));
    });
  const { outbox, posts, push } = outboxOf([never, never, { id: "a" }]);
  outbox.reach(A);
  const [long, bytes] = ["x".repeat(100_000), 40_000];
  const answer = push(long);
  t.mock.timers.tick(bytes - 1);
  await new Promise(setImmediate);
  assert.equal(posts.length, 1);
  for (const attempts of [2, 3]) {
    t.mock.timers.tick(bytes);
    await new Promise(setImmediate);
    // The delay after it.
    t.mock.timers.tick(1);
    await new Promise(setImmediate);
    assert.equal(posts.length, attempts);
  }
  assert.equal(await answer, "a");
});

test("an end and a signal: what waits is given up, what is under way is answered", async () => {
  let answered;
  const under = () => new Promise((resolve) => (answered = resolve));
  const { outbox, push } = outboxOf([under]);
  outbox.reach(A);
  const all = ["a", "b"].map((body) => push(body));
  await new Promise(setImmediate);
  outbox.close();
  assert.equal((await all[1]).code, "closed");
  answered({ id: "a" });
  assert.equal(await all[0], "a");

  const unanswered = outboxOf([under]);
  unanswered.outbox.reach(A);
  const lost = unanswered.push("a");
  await new Promise(setImmediate);
  unanswered.outbox.close();
  answered(cut);
  assert.equal((await lost).code, "unknown");

  // The one that is under way makes room for the next.
  const aborted = (signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(cut)));
  const ends = new AbortController();
  const stopped = outboxOf([aborted, { id: "b" }]);
  stopped.outbox.reach(A);
  const given = [stopped.push("a", ends.signal), stopped.push("b"), stopped.push("c", ends.signal)];
  await new Promise(setImmediate);
  ends.abort(Object.assign(new Error("enough"), { code: "mine" }));
  assert.deepEqual((await given[0]).code, "mine");
  assert.equal(await given[1], "b");
  assert.equal((await given[2]).code, "mine");
  assert.equal(stopped.outbox.length, 0);
});
