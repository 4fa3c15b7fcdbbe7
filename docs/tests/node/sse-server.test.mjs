import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { eventLog } from "../../examples/sse-server.mjs";
import { EventParser } from "../../examples/fetch-events.mjs";
import { until } from "./site.mjs";

async function start(t, options) {
  const log = eventLog(options);
  const server = createServer(log.answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { log, url: `http://127.0.0.1:${server.address().port}/events`, server };
}

/// The first `count` events of a stream.
async function read(url, count, headers = {}) {
  const response = await fetch(url, { headers });
  const parser = new EventParser();
  const events = [];
  for await (const bytes of response.body) {
    for (const event of parser.push(bytes)) events.push(event);
    if (events.length >= count) return events.slice(0, count);
  }
}

test("what was missed is replayed, once, in order, before what is live", async (t) => {
  const { log, url } = await start(t);
  for (const data of ["1", "2", "3"]) log.publish("tick", data);
  const first = read(url, 1);
  await until(() => log.clients.size === 1);
  log.publish("tick", "4");
  const [{ lastEventId, data }] = await first;
  assert.equal(data, "4");
  const epoch = lastEventId.split(".")[0];
  const late = read(url, 3, { "Last-Event-ID": `${epoch}.2` });
  await until(() => log.clients.size === 1);
  log.publish("tick", "5");
  assert.deepEqual((await late).map((event) => event.data), ["3", "4", "5"]);
});

test("a position that cannot be continued is said to be one", async (t) => {
  const { log, url } = await start(t, { kept: 2 });
  const first = read(url, 1);
  await until(() => log.clients.size === 1);
  for (let n = 1; n <= 5; n++) log.publish("tick", String(n));
  const epoch = (await first)[0].lastEventId.split(".")[0];
  const names = async (id) => (await read(url, 1, { "Last-Event-ID": id })).map(({ name }) => name);
  assert.deepEqual(await names(`${epoch}.3`), ["tick"]);
  for (const id of [`${epoch}.2`, `${epoch}.6`, `${epoch}.`, "elsewhere.3", "nonsense", "3"]) {
    assert.deepEqual(await names(id), ["gap"], id);
  }
});

test("a line feed in the data stays one, and none gets into a name", async (t) => {
  const { log, url } = await start(t);
  const events = read(url, 1);
  await until(() => log.clients.size === 1);
  assert.throws(() => log.publish("a\ndata: b", ""), TypeError);
  assert.throws(() => log.publish("a\rdata: b", ""), TypeError);
  log.publish("note", "one\r\ntwo\rthree\nid: 9");
  const [{ name, data }] = await events;
  assert.deepEqual([name, data], ["note", "one\ntwo\nthree\nid: 9"]);
});

test("who does not read is cut off, and costs little until then", async (t) => {
  const { log, server } = await start(t);
  const deaf = connect(server.address().port, "127.0.0.1");
  deaf.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  deaf.pause();
  await until(() => log.clients.size === 1);
  const [client] = log.clients;
  let published = 0;
  let most = 0;
  const data = "x".repeat(1_000);
  await until(() => {
    for (let n = 0; n < 100; n++) log.publish("tick", data);
    published += 100;
    most = Math.max(most, client.writableLength);
    return log.clients.size === 0;
  });
  // What the system's buffers took, 64 KiB, and at most the batch that went in between two looks.
  assert.ok(published < 100_000, `cut off after ${published}`);
  assert.ok(most < 64 * 1024 + 2_000, `${most} bytes waited`);
  deaf.destroy();
});

test("HEAD has the headers and no stream; other origins are named one by one", async (t) => {
  const { url } = await start(t, { origins: ["https://app.example"] });
  const head = await fetch(url, { method: "HEAD" });
  assert.equal(head.headers.get("Content-Type"), "text/event-stream");
  assert.equal(head.headers.get("X-Accel-Buffering"), "no");
  const allowed = async (origin) => {
    const { headers } = await fetch(url, { method: "HEAD", headers: { Origin: origin } });
    return [headers.get("Access-Control-Allow-Origin"), headers.get("Vary")];
  };
  assert.deepEqual(await allowed("https://app.example"), ["https://app.example", "Origin"]);
  assert.deepEqual(await allowed("https://evil.example"), [null, "Origin"]);
});

test("a quiet stream has comments", async (t) => {
  const { url } = await start(t, { heartbeat: 20 });
  const { body } = await fetch(url);
  let text = "";
  for await (const bytes of body) {
    text += Buffer.from(bytes);
    if (text.length >= 9) break;
  }
  assert.match(text, /^(:\n\n)+$/);
});
