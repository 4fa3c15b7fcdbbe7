// What is written here has to agree with /longwire.d.ts; what is wrong has to be an error.
import { connect } from "../../src/page/longwire";
import type { Client, Gap, HubEvent, Item, Published, PublishError, Skipped } from "../../src/page/longwire";

const client: Client = connect("/.well-known/mercure", {
  topics: ["numbers", "/books/{id}"],
  transport: "auto",
  headers: { "X-Tenant": "seven" },
  token: async ({ refresh }) => (refresh ? "new" : "kept"),
  events: ["tick"],
  after: "earliest",
  slow: "latest",
  queue: { items: 1000, bytes: 4_194_304 },
  store: sessionStorage,
  name: "reader",
  shared: "locks",
  pauseHidden: 60_000,
  withCredentials: true,
  backoff: { base: 1000, cap: 30_000, floor: 100, healthy: 10_000 },
  signal: AbortSignal.timeout(1000),
});

client.addEventListener("event", ({ detail }) => {
  const event: HubEvent = detail;
  const size: number = typeof event.data === "string" ? event.data.length : event.data.byteLength;
  console.log(size, event.id, event.position, event.topics?.[0], event.transport, event.bytes);
});
client.addEventListener("gap", ({ detail }: CustomEvent<Gap>) => console.log(detail.reason));
client.addEventListener("skipped", ({ detail }: CustomEvent<Skipped>) => {
  console.log(detail.reason === "latest", detail.count, detail.after, detail.until);
});
client.addEventListener("state", ({ detail: { state, retryIn } }) => console.log(state, retryIn));
client.addEventListener("error", ({ detail: { status, code, final } }) => console.log(status, code, final));

client.subscribe("news");
client.unsubscribe(new Set(["news"]));
client.pause();
client.resume();

const { id, position } = await client.publish({
  topics: ["numbers"],
  data: Uint8Array.of(1),
  id: "order-7",
  event: "tick",
  private: true,
});
console.log(id.length, position?.length);
const live: Published = await client.publish({ topic: "typing", ephemeral: true });
console.log(live.position === null, client.queued);
await client.publish({ topic: "numbers" }, { signal: AbortSignal.timeout(1000) }).catch((error: PublishError) => {
  if (error.code === "full" || error.code === "unknown") console.log(error.status, error.message);
});

for await (const item of client) {
  const either: Item = item;
  if (either.type === "gap") console.log(either.resumed);
  else if (either.type === "skipped") console.log(either.count);
  else console.log(either.data);
}
client.close();

// @ts-expect-error: there must be topics
connect("/", {});
// @ts-expect-error: no such carrier
connect("/", { topics: "a", transport: "pigeon" });
// @ts-expect-error: everything is sent, unless one asks for the latest
connect("/", { topics: "a", slow: "oldest" });
// @ts-expect-error: it is the client that changes its state
client.state = "open";
export {};
