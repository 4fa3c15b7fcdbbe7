// ANCHOR: send
import { delay } from "./event-source.mjs";

let before = Promise.resolve();

/// Publishes to a topic, after what was published before it, once however often it is tried.
export function send(topic, data) {
  const id = crypto.randomUUID();
  const sent = before.then(() => attempt(new URLSearchParams({ topic, data, id })));
  before = sent.catch(() => {});
  return sent;
}

async function attempt(body) {
  for (let failures = 0; failures < 8; failures++) {
    try {
      const response = await fetch("/.well-known/mercure", { method: "POST", body });
      if (response.ok) return await response.text();
      // Asked again, the server would answer the same.
      const again = response.status >= 500 || response.status === 429;
      if (!again) throw new TypeError(`refused: ${response.status}`, { cause: response });
    } catch (error) {
      // fetch() fails when there was no answer: it may have arrived or not, and its id tells.
      if (error.cause) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delay(failures)));
  }
  throw new Error("not sent");
}
// ANCHOR_END: send
