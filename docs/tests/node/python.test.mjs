import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { EventParser } from "../../examples/fetch-events.mjs";
import { until } from "./site.mjs";

/// How many sockets a process has.
function sockets(pid) {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "closed meanwhile";
    }
  });
  return links.filter((link) => link.startsWith("socket:")).length;
}

/// Starts a sample and returns the address that it prints.
async function start(t, name, args = []) {
  const script = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
  const python = `${process.env.LONGWIRE_PYTHON}/bin/python`;
  const program = spawn(python, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => program.kill());
  const [address] = await once(createInterface({ input: program.stdout }), "line");
  return { address, pid: program.pid };
}

async function read(url, count, headers = {}) {
  const response = await fetch(url, { headers });
  assert.equal(response.headers.get("Content-Type").split(";")[0], "text/event-stream");
  assert.equal(response.headers.get("X-Accel-Buffering"), "no");
  const parser = new EventParser();
  const events = [];
  for await (const bytes of response.body) {
    for (const event of parser.push(bytes)) events.push(event);
    if (events.length >= count) return events.slice(0, count);
  }
}

test("the event stream goes on where the last id says, or says that it cannot", async (t) => {
  const { address } = await start(t, "sse_server.py");
  const [one, two] = await read(address, 2);
  const first = JSON.parse(one.data).count;
  assert.equal(JSON.parse(two.data).count, first + 1);
  const again = await read(address, 2, { "Last-Event-ID": one.lastEventId });
  assert.deepEqual(again[0], two);
  const epoch = one.lastEventId.split(".")[0];
  for (const id of [`${epoch}.999999`, "elsewhere.1", "nonsense", `${epoch}.`]) {
    const [{ name }] = await read(address, 1, { "Last-Event-ID": id });
    assert.equal(name, "gap", id);
  }
});

test("everybody gets every message; who has gone or does not read harms nobody", async (t) => {
  const origin = "http://localhost:3000";
  const { address, pid } = await start(t, "ws_server.py", [origin]);
  const without = sockets(pid);
  const open = async () => {
    const socket = new WebSocket(address, { origin, perMessageDeflate: false });
    await once(socket, "open");
    return socket;
  };
  const [sender, listener, gone, deaf] = await Promise.all([open(), open(), open(), open()]);
  let seen = 0;
  for (const socket of [sender, listener]) socket.on("message", () => (seen += 1));
  deaf.pause();
  gone.terminate();
  const closed = once(deaf, "close");
  for (let n = 1; n <= 400; n++) {
    sender.send("x".repeat(50_000));
    // Both read as fast as it is sent; the deaf one does not.
    await until(() => seen === 2 * n);
  }
  // The sender and the listener stay. The deaf one learns of its end when it reads what came before.
  await until(() => sockets(pid) === without + 2);
  deaf.resume();
  const [code] = await closed;
  assert.equal(code, 1006);
  for (const socket of [sender, listener]) socket.terminate();

  const foreign = new WebSocket(address, { origin: "https://evil.example" });
  const [, response] = await once(foreign, "unexpected-response");
  assert.equal(response.statusCode, 403);
});
