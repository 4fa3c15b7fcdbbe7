// How many WebSockets Chromium opens, as *Measured* says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openInChromium, pendingInChromium } from "../../measure/sockets.mjs";
import { chromium } from "./site.mjs";

test("a hundred WebSockets open, and 255, and no more", async (t) => {
  // A hundred at a time, until no more are to be had.
  const { open, failed } = await openInChromium(await chromium(t), 260, 100);
  assert.deepEqual([open, failed], [255, 5]);
});

test("of the handshakes with one server, one is under way at a time", async (t) => {
  const { "handshakes seen": seen, waiting } = await pendingInChromium(await chromium(t), 20);
  assert.deepEqual([seen, waiting], [1, 20]);
});
