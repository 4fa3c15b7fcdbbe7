import { Cursor } from "./cursor.js";
import { Line } from "./line.js";

// A tab whose hook takes longer is passed over: it may be frozen.
const HOOK_WITHIN = 5_000;

// One line, and those who listen to it: the tabs of an origin, or one alone.
//
// Members are known by an id; `post(member, message)` reaches one of them. What comes over the line
// is numbered, so that a member knows that it misses nothing.
export class Exchange {
  #members = new Map();
  #asked = new Map();
  #asks = 0;
  #number = 0;

  constructor(post) {
    this.post = post;
  }

  receive(member, message) {
    switch (message.type) {
      case "join":
        return this.#join(member, message);
      case "leave":
        return this.leave(member);
      case "idle":
        if (this.#members.has(member)) this.#members.get(member).idle = message.idle;
        return this.#arrange();
      case "ping":
        // Whoever is not a member has to join again.
        return this.post(member, { type: this.#members.has(member) ? "pong" : "stranger" });
      case "answer":
        this.#asked.get(message.ask)?.(message);
        this.#asked.delete(message.ask);
    }
  }

  #join(member, { options, at, resumes, idle }) {
    const known = this.#members.has(member);
    this.#members.set(member, { idle });
    if (!known) {
      // A lock that the tab holds as long as it lives.
      globalThis.navigator?.locks?.request(`longwire-tab-${member}`, () => this.leave(member));
    }
    if (this.line?.state === "closed") this.line = null;
    const first = !this.line;
    this.line ??= new Line(options, this.#listener(), at);
    const { line } = this;
    // One who was connected elsewhere, or says where to begin, is behind the others: the line goes
    // back, and they take what they had for duplicates.
    const behind = !first && resumes && at !== null && !new Cursor(at).covers(line.cursor.at);
    if (behind) {
      this.#tell({ type: "repeats" });
      line.start(at);
    }
    this.#arrange();
    this.post(member, {
      type: "welcome",
      number: this.#number,
      at: first || (resumes && at !== null) ? at : line.cursor.at,
      state: line.now,
    });
  }

  leave(member) {
    if (this.#members.delete(member)) this.#arrange();
  }

  // The line rests while all are idle, and ends with the last.
  #arrange() {
    if (!this.line) return;
    const members = [...this.#members.values()];
    if (members.length === 0) {
      this.line.close("nobody listens");
      this.line = null;
    } else if (members.every(({ idle }) => idle)) {
      if (this.line.state !== "paused") this.line.pause();
    } else {
      this.line.start();
    }
  }

  close() {
    this.#members.clear();
    this.#arrange();
  }

  #listener() {
    const tell = (type) => (value) => this.#tell({ type, value });
    return {
      event: tell("event"),
      gap: tell("gap"),
      skipped: tell("skipped"),
      position: tell("position"),
      state: tell("state"),
      blocked: tell("blocked"),
      credentials: (refresh) => this.#credentials(refresh),
    };
  }

  #tell(message) {
    this.#number += 1;
    for (const member of this.#members.keys()) {
      this.post(member, { ...message, number: this.#number });
    }
  }

  // Hooks are functions of a tab: any of them will do.
  async #credentials(refresh) {
    if (!this.line.options.asks) return this.line.options.given;
    const members = [...this.#members].sort(([, a], [, b]) => a.idle - b.idle);
    for (const [member] of members) {
      const ask = (this.#asks += 1);
      const answer = await new Promise((resolve) => {
        this.#asked.set(ask, resolve);
        setTimeout(() => resolve(null), HOOK_WITHIN);
        this.post(member, { type: "ask", ask, refresh });
      });
      if (answer?.error) throw new Error(answer.error);
      if (answer) return answer.value;
    }
    throw new Error("no tab has given a token");
  }
}
