// Events, gaps and what was skipped, in order, until the client is closed.
export async function* itemsOf(client) {
  const [queue, ends] = [[], new AbortController()];
  let wake = () => {};
  for (const type of ["event", "gap", "skipped", "state"]) {
    const listen = ({ detail }) => {
      if (type !== "state") queue.push({ type, ...detail });
      wake();
    };
    client.addEventListener(type, listen, { signal: ends.signal });
  }
  try {
    for (;;) {
      while (queue.length) yield queue.shift();
      if (client.state === "closed") return;
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    ends.abort();
  }
}
