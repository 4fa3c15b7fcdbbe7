// The hub, for tests.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/// Starts a hub that ends with the test `t`, and returns its origin.
export async function startHub(t) {
  const hub = spawn(process.env.LONGWIRE_HUB, ["serve", "--memory", "--listen", "127.0.0.1:0"]);
  t.after(() => hub.kill());
  for await (const line of createInterface({ input: hub.stdout })) {
    const origin = line.match(/http:\/\/[\d.:]+/)?.[0];
    if (origin) return origin;
  }
}
