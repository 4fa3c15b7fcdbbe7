import { Exchange } from "./exchange.js";

// How a tab reaches the exchange: its own, one in a SharedWorker, or one in whichever tab leads.
// Each link gives `post(message)` and `close()`, and calls `receive(message)`; `receive(null)` means
// that there is another exchange now, which the tab has to join.

// Tabs that were opened with another version of this module do not understand its messages.
const VERSION = 1;

export function openOwn(member, receive) {
  const exchange = new Exchange((_, message) => receive(message));
  return {
    open: () => receive(null),
    post: (message) => exchange.receive(member, message),
    close: () => exchange.close(),
  };
}

// Throws where there is no SharedWorker, or the module comes from another origin.
export function openWorker(key, member, receive, failed) {
  let port;
  function open() {
    const name = `longwire-${VERSION}`;
    const worker = new SharedWorker(import.meta.url, { type: "module", name });
    worker.onerror = (event) => {
      event.preventDefault();
      failed();
    };
    port = worker.port;
    port.onmessage = ({ data }) => receive(data);
  }
  const post = (message) => port.postMessage({ key, member, message });
  open();
  return {
    open: () => receive(null),
    post,
    // The worker does not answer.
    revive() {
      port.close();
      open();
      receive(null);
    },
    close: () => port.close(),
  };
}

// Inside of the worker: one exchange for each key.
export function serve(scope) {
  const exchanges = new Map();
  scope.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data: { key, member, message } }) => {
      if (!exchanges.has(key)) {
        const members = new Map();
        const exchange = new Exchange((to, reply) => members.get(to)?.postMessage(reply));
        exchanges.set(key, { exchange, members });
      }
      const { exchange, members } = exchanges.get(key);
      members.set(member, port);
      exchange.receive(member, message);
      if (message.type === "leave") members.delete(member);
    };
  };
}

// The tab that holds the lock leads: it has the exchange. The lock passes on when that tab closes,
// and is taken from it when it does not answer.
export function openLocks(key, member, receive) {
  const channel = new BroadcastChannel(key);
  let [exchange, release, leader, closed] = [null, null, null, false];

  function lead() {
    exchange = new Exchange((to, message) => {
      if (to === member) receive(message);
      else channel.postMessage({ to, leader: member, message });
    });
    leader = member;
    channel.postMessage({ leader: member, leads: true });
    receive(null);
    return new Promise((resolve) => (release = resolve));
  }

  function retire() {
    exchange?.close();
    exchange = null;
    release?.();
  }

  function queue(options = {}) {
    if (closed) return;
    navigator.locks.request(key, options, () => (closed ? undefined : lead())).catch(() => {
      // It was taken from this tab, which follows from now on.
      retire();
      if (closed) return;
      queue();
      receive(null);
    });
  }

  channel.onmessage = ({ data: { to, leader: from, leads, member: sender, message } }) => {
    if (sender) {
      exchange?.receive(sender, message);
    } else if (leads && from !== member) {
      // The newest one leads, even if an older one has not noticed.
      leader = from;
      receive(null);
    } else if (to === member) {
      leader ??= from;
      if (from === leader) receive(message);
    }
  };

  return {
    open() {
      queue();
      receive(null);
    },
    post(message) {
      if (exchange) exchange.receive(member, message);
      else channel.postMessage({ member, message });
    },
    revive() {
      if (!exchange) queue({ steal: true });
    },
    close() {
      closed = true;
      retire();
      channel.close();
    },
  };
}
