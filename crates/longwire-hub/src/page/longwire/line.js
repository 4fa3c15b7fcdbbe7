import { Backoff } from "./backoff.js";
import { openEventSource, openFetch, openWebSocket, refusal } from "./carriers.js";
import { Choice, recovery } from "./choice.js";
import { Cursor } from "./cursor.js";
import { Position } from "./position.js";
import { isOffline } from "./values.js";

const ATTEMPT_WITHIN = 10_000;

// One connection to the hub that comes back.
//
//             connect             opened             ended
//   paused ──────────► connecting ──────► open ──────────────► waiting ──► connecting …
//      ▲                                                          │
//      └───────────── pause, at any time; close, likewise, or a final refusal ──► closed
//
// There is at most one attempt or connection at any instant. Each has a number, its generation,
// and what an older one still has to say is not listened to.
//
// `on` is told: event(event), gap(gap), skipped(skipped), position(position), state(state),
// blocked(until), and is asked: credentials(refresh), a promise of {token, headers}.
export class Line {
  state = "paused";
  transport = null;
  // The epoch of the hub's log, if it was said.
  log = null;
  #generation = 0;
  #carrier = null;
  #timer;
  #due = 0;
  #openedAt = 0;
  // Credentials were refused: get others.
  #refresh = false;
  // When others were last tried without delay.
  #spared = -Infinity;
  // The last attempt failed without a reason: find it out first.
  #unsure = false;
  #offline = false;

  constructor(options, on, at) {
    Object.assign(this, { options, on });
    this.cursor = new Cursor(at);
    this.backoff = new Backoff(options.backoff);
    this.choice = new Choice(options.transport, options.blockedUntil);
    this.online = () => this.#hasten();
    globalThis.addEventListener?.("online", this.online);
  }

  // Goes on, or begins anew from another place.
  start(at) {
    if (this.state === "closed") return;
    if (at !== undefined) this.cursor = new Cursor(at);
    if (at !== undefined || this.state === "paused") this.#attempt();
  }

  pause() {
    if (this.state === "closed") return;
    this.#drop();
    this.#set("paused");
  }

  close(reason, error) {
    if (this.state === "closed") return;
    this.#drop();
    globalThis.removeEventListener?.("online", this.online);
    this.#set("closed", { reason, error });
  }

  #drop() {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#carrier?.close();
    this.#carrier = null;
    if (this.#openedAt) this.backoff.ended(performance.now() - this.#openedAt);
    this.#openedAt = 0;
  }

  #set(state, more) {
    this.state = state;
    this.on.state({ ...this.now, ...more });
  }

  get now() {
    const { state, transport, log } = this;
    return { state, transport, log };
  }

  #attempt() {
    this.#drop();
    const generation = this.#generation;
    const ended = (how) => generation === this.#generation && this.#ended(how);
    this.#timer = setTimeout(
      () => ended({ silent: true, reason: "no answer came in time" }),
      ATTEMPT_WITHIN,
    );
    this.#set("connecting");
    this.#open(generation, ended).catch(({ message }) => ended({ reason: message }));
  }

  async #open(generation, ended) {
    const { url, topics, names, credentials, slow } = this.options;
    const { token, headers: own } = await this.on.credentials(this.#refresh);
    const stale = () => generation !== this.#generation;
    if (stale()) return;
    const headers = { ...own };
    if (token) headers.Authorization = `Bearer ${token}`;
    const target = new URL(url);
    for (const topic of topics) target.searchParams.append("topic", topic);
    if (this.cursor.at) target.searchParams.append("lastEventID", this.cursor.at);
    if (slow) target.searchParams.append("slow", slow);

    if (this.#unsure) {
      const probe = { method: "HEAD", headers, credentials, cache: "no-store" };
      const response = await fetch(target, probe);
      if (stale()) return;
      if (!response.ok) return ended(await refusal(response));
      this.#unsure = false;
      if (this.transport === "websocket") this.choice.blame();
    }
    const carrier = this.choice.next(Date.now());
    this.transport = carrier;
    // An EventSource hears the names that it was told, and sends no headers.
    const native = names && !Object.keys(own ?? {}).length && "EventSource" in globalThis;
    if (token && (carrier === "websocket" || native)) {
      const ticket = await fetch(new URL("/.well-known/longwire/ticket", url), {
        method: "POST",
        headers: { Authorization: headers.Authorization },
        credentials,
      });
      if (stale()) return;
      if (!ticket.ok) return ended(await refusal(ticket));
      target.searchParams.append("ticket", (await ticket.text()).trim());
      if (stale()) return;
    }
    const on = {
      opened: (position, place) => this.#opened(position, place),
      heard: () => (this.#refresh = false),
      frame: (frame) => this.#frame(frame),
      retry: (time) => this.backoff.retry(time),
      ended: (how) => this.#ended(how),
    };
    this.#carrier =
      carrier === "websocket"
        ? openWebSocket(target, on)
        : native
          ? openEventSource(target, on, { names, credentials })
          : openFetch(target, on, { headers, credentials });
  }

  #opened(position, place) {
    clearTimeout(this.#timer);
    this.#openedAt = performance.now();
    this.#unsure = false;
    if (this.choice.opened(this.transport, Date.now())) this.on.blocked(this.choice.blockedUntil);
    const before = this.cursor.at;
    this.cursor.opened(position);
    if (this.cursor.at !== before) this.on.position(this.cursor.at);
    this.log = Position.parse(place)?.epoch ?? null;
    this.#set("open");
  }

  #frame({ type, ...frame }) {
    if (type === "event") {
      if (frame.retry !== undefined) this.backoff.retry(frame.retry);
      // An id that is a position is no publisher's.
      const told = frame.position ?? (Position.parse(frame.id) ? frame.id : null);
      const id = frame.id === told ? null : frame.id;
      const outcome = this.cursor.event(told, id, frame.prev);
      if (!outcome) return;
      if (outcome.gap) this.on.gap(outcome.gap);
      this.on.event({
        id: frame.id ?? told ?? "",
        position: told,
        event: frame.event ?? "message",
        data: frame.data ?? "",
        topics: frame.topics ?? null,
        transport: this.transport,
        bytes: frame.bytes ?? null,
      });
    } else if (type === "position") {
      if (this.cursor.at === null || this.cursor.at === "earliest") {
        this.cursor.opened(frame.position);
        return this.on.position(this.cursor.at);
      }
      const outcome = this.cursor.moved(frame.position, frame.prev);
      if (outcome?.gap) this.on.gap(outcome.gap);
      if (outcome) this.on.position(this.cursor.at);
    } else if (type === "gap") {
      this.cursor.gap(frame);
      this.on.gap(frame);
    } else if (type === "skipped") {
      this.on.skipped(frame);
    }
  }

  #ended(how) {
    const opened = this.#openedAt > 0;
    const { transport } = this;
    if (!opened) {
      this.choice.failed(transport);
      // Neither a failed WebSocket nor a closed EventSource says why.
      this.#unsure =
        how.refused || (transport === "websocket" && how.status === undefined && !how.silent);
      if (how.silent && transport === "websocket") this.#unsure = true;
    }
    const what = recovery(how);
    const { reason, status, code } = how;
    const error = { reason, status, code, final: what === "stop" };
    if (what === "refresh") {
      if (this.#refresh || !this.options.refreshes) error.final = true;
      this.#refresh = true;
    }
    if (error.final) return this.close(reason, error);
    this.#drop();
    if (how.retryAfter) this.backoff.retryAfter(how.retryAfter);
    // The end of a token is no failure, and needs no delay; but it is not believed again so soon.
    const now = performance.now();
    const spared = what === "refresh" && now - this.#spared >= this.backoff.healthy;
    if (spared) this.#spared = now;
    this.#wait(spared ? 0 : this.backoff.next(Math.random()), error);
  }

  #wait(delay, error) {
    this.#offline = isOffline(this.options.url);
    this.#due = performance.now() + delay;
    this.#set("waiting", {
      reason: this.#offline ? "offline" : error.reason,
      retryIn: this.#offline ? null : Math.round(delay),
      error,
    });
    if (!this.#offline) this.#timer = setTimeout(() => this.#attempt(), delay);
  }

  // The network is back.
  #hasten() {
    if (this.state === "open") this.#carrier?.probe();
    if (this.state !== "waiting") return;
    const left = this.#offline ? Infinity : this.#due - performance.now();
    clearTimeout(this.#timer);
    // Many come back at the same moment.
    this.#timer = setTimeout(() => this.#attempt(), Math.min(left, 100 + 900 * Math.random()));
    this.#offline = false;
  }
}
