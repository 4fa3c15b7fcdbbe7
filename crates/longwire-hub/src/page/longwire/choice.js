// WebSocket, or Server-Sent Events where upgrades do not get through.
//
// A page cannot see why a WebSocket failed. It is blamed only if the hub was reached by HTTP right
// after: once if it never worked here, twice in a row if it did. What works instead is kept to for
// five minutes.
const KEPT = 300_000;

export class Choice {
  #worked = false;
  #blames = 0;
  #doubted = false;

  // `only` is one carrier, or "auto"; `blockedUntil` is what was remembered.
  constructor(only, blockedUntil = 0) {
    Object.assign(this, { only, blockedUntil });
  }

  next(now) {
    if (this.only !== "auto") return this.only;
    return this.#doubted || now < this.blockedUntil ? "sse" : "websocket";
  }

  // A WebSocket failed before it was open, and the hub can be reached.
  blame() {
    this.#blames += 1;
    this.#doubted = this.#blames >= (this.#worked ? 2 : 1);
  }

  // `true` if something is to be remembered.
  opened(carrier, now) {
    const [doubted, blocked] = [this.#doubted, this.blockedUntil];
    this.#doubted = false;
    this.#blames = 0;
    if (carrier === "websocket") {
      this.#worked = true;
      this.blockedUntil = 0;
    } else if (doubted) {
      this.blockedUntil = now + KEPT;
    }
    return this.only === "auto" && this.blockedUntil !== blocked;
  }

  // Server-Sent Events fail as well: it was not the WebSocket.
  failed(carrier) {
    if (carrier === "sse" && this.#doubted) {
      this.#doubted = false;
      this.#blames = 0;
    }
  }
}

// Whether to come back after a connection ended so: "retry", "refresh" (with new credentials) or
// "stop".
export function recovery({ status, code }) {
  if (status !== undefined) {
    if (status === 401) return "refresh";
    return [408, 425, 429].includes(status) || status >= 500 ? "retry" : "stop";
  }
  if (code === 3000 || code === 4001) return "refresh";
  const final = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3003, 4003];
  return final.includes(code) ? "stop" : "retry";
}
