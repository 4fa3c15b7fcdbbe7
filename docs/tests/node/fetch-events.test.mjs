import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { EventParser, Refused, follow } from "../../examples/fetch-events.mjs";
import { eventLog } from "../../examples/sse-server.mjs";
import { chromium, open, site, until } from "./site.mjs";

const streams = [
  "data:a\ndata:b\n\ndata: c\r\ndata:  d\r\n\r\ndata:e\rdata\r\r",
  "\uFEFFevent: named\nid: 7\ndata: x\n\nid\ndata: y\n\nid: 8\0\ndata: z\n\n",
  ": comment\nretry: 20\nretry: 1x\nunknown: 1\ndata\n\ndata:\n\nid: 5\n\ndata: 5\n\nevent: lost\n\ndata: kept\n\n",
  "data: \u00e9\u20ac\ud83d\ude00\n\ndata: cut off\n",
  "event: named\ndata: {\"a\":1,\ndata: \"b\":2}\nid: long\n\n",
];

function parse(bytes, cuts) {
  const parser = new EventParser();
  const events = [];
  for (const [nth, cut] of cuts.entries()) {
    events.push(...parser.push(bytes.subarray(cuts[nth - 1] ?? 0, cut)));
  }
  return events.map(({ name, data, lastEventId }) => [name, data, lastEventId]);
}

test("it reads what the browser's EventSource reads, cut anywhere", async (t) => {
  const { origin, close } = await site((request, response) => {
    if (request.headers["last-event-id"] !== undefined) return response.writeHead(204).end();
    const nth = Number(request.url.split("/").at(-1));
    response.writeHead(streams[nth] ? 200 : 204, { "Content-Type": "text/event-stream" });
    // So that the end of the stream leads to 204 at once, whether there is an id or not.
    const stream = streams[nth];
    streams[nth] = undefined;
    response.end(stream && `retry: 1\n\n${stream}`);
  });
  t.after(close);
  const texts = [...streams];
  const page = await open(await chromium(t), origin);
  for (const [nth, text] of texts.entries()) {
    const oracle = await page.evaluate(
      (nth) =>
        new Promise((resolve) => {
          const events = [];
          const source = new EventSource(`/api/${nth}`);
          const keep = ({ type, data, lastEventId }) => events.push([type, data, lastEventId]);
          for (const name of ["message", "named", "lost"]) source.addEventListener(name, keep);
          source.onerror = () => source.readyState === 2 && resolve(events);
        }),
      nth,
    );
    const bytes = Buffer.from(nth === 1 ? text : `retry: 1\n\n${text}`);
    // The byte order mark is one at the very beginning only.
    const expected = nth === 1 ? [["named", "x", "7"], ["message", "y", ""], ["message", "z", ""]] : oracle;
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(parse(bytes, [cut, bytes.length]), expected, `stream ${nth} cut at ${cut}`);
    }
    const each = Array.from(bytes, (_, nth) => nth + 1);
    assert.deepEqual(parse(bytes, each), expected, `stream ${nth} byte by byte`);
  }
});

test("a long line costs what its length is, and has a limit", () => {
  const parser = new EventParser({ limit: 1 << 20 });
  const piece = Buffer.from("data: ".padEnd(64, "x"));
  assert.throws(() => {
    for (let n = 0; n < 1 << 15; n++) assert.deepEqual([...parser.push(piece)], []);
  }, RangeError);
});

test("it comes back with headers and position, and stops where trying again is useless", async (t) => {
  const log = eventLog();
  const seen = [];
  const statuses = [200, 503, 200, 401];
  const server = createServer((request, response) => {
    const { authorization, "last-event-id": id } = request.headers;
    seen.push([authorization, id?.split(".")[1]]);
    const status = statuses.shift();
    if (status !== 200) return response.writeHead(status).end();
    log.answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));

  const got = [];
  const url = `http://127.0.0.1:${server.address().port}/`;
  const headers = { Authorization: "Bearer token" };
  const followed = follow(url, { headers, on: ({ data }) => got.push(data) });
  for (const data of ["one", "two"]) {
    await until(() => log.clients.size === 1);
    log.publish("message", data);
    await until(() => got.includes(data));
    log.clients.forEach((client) => client.destroy());
    await until(() => log.clients.size === 0);
  }
  await assert.rejects(followed, Refused);
  assert.deepEqual(got, ["one", "two"]);
  const token = "Bearer token";
  assert.deepEqual(seen, [[token, undefined], [token, "1"], [token, "1"], [token, "2"]]);
});
