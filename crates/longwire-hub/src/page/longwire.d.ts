// Types of /longwire.js.

/** A place in the hub's log: `#EPOCH-OFFSET`. */
export type Position = string;

export interface Backoff {
  /** Ceiling of the first delay in milliseconds; it doubles from attempt to attempt. Default 1000. */
  base?: number;
  /** Ceiling of every delay in milliseconds. Default 30000. */
  cap?: number;
  /** Least delay in milliseconds. Default 100. */
  floor?: number;
  /** After so many milliseconds of a healthy connection the delays begin anew. Default 10000. */
  healthy?: number;
}

/** What is called for each attempt. `refresh` says that the last answer was refused. */
export type Hook<T> = (attempt: { refresh: boolean }) => T | Promise<T>;

export interface Options {
  /** Exact topics, URI templates, or `*`. */
  topics: string | Iterable<string>;
  /** The default, "auto", is WebSocket, or Server-Sent Events where upgrades do not get through. */
  transport?: "auto" | "websocket" | "sse";
  /** Header fields of event streams and publishes; a WebSocket cannot carry them. */
  headers?: HeadersInit | Hook<HeadersInit>;
  /** A token of the hub; a WebSocket and an EventSource get a ticket for each attempt. */
  token?: string | Hook<string | null | undefined>;
  /** Names of events. With them, event streams are read by the browser's own EventSource. */
  events?: Iterable<string>;
  /** Where to begin if no position is kept: a position, an event's id, "earliest". Default: now. */
  after?: Position | "earliest" | (string & {});
  /** Where the position is kept: like localStorage, the default; `false` keeps none. */
  store?: Pick<Storage, "getItem" | "setItem"> | false;
  /** "latest": where this client falls behind, only the newest event of each topic, and `skipped`. */
  slow?: "latest";
  /** Keeps this client's position and connection apart from others with the same topics. */
  name?: string;
  /** Whether the tabs of an origin share one connection, and how. Default true in a page. */
  shared?: boolean | "worker" | "locks";
  /** Milliseconds after which a hidden page rests; `false`: never. Default 60000. */
  pauseHidden?: number | false;
  /** Whether cookies go to a hub of another origin. Default false. */
  withCredentials?: boolean;
  backoff?: Backoff;
  /** How much may wait to be published or answered. */
  queue?: {
    /** Events. Default 1000. */
    items?: number;
    /** Bytes of their data. Default 4194304. */
    bytes?: number;
  };
  /** Closes the client. */
  signal?: AbortSignal;
}

export type Transport = "websocket" | "sse";

export interface HubEvent {
  /** The publisher's id, or else the position; empty for an ephemeral event. */
  id: string;
  /** `null` over Server-Sent Events, if the publisher gave an id, and for an ephemeral event. */
  position: Position | null;
  /** The event's name; "message" if it has none. */
  event: string;
  /** Bytes if a binary event came over WebSocket; over Server-Sent Events they are base64 text. */
  data: string | Uint8Array;
  /** `null` over Server-Sent Events. */
  topics: string[] | null;
  transport: Transport;
  /** Of the WebSocket message, or the block of the event stream; `null` from an EventSource. */
  bytes: number | null;
}

export interface Gap {
  /** Where this client stood. */
  requested: string | null;
  /** The stream goes on after this position. */
  resumed: Position;
  /** "lost" if the client itself noticed it. */
  reason: "evicted" | "epoch" | "ahead" | "unknown" | "malformed" | "lost" | (string & {});
  /** Bounds of what the hub keeps. */
  earliest?: Position;
  head?: Position;
}

/** Events that were for this client were left out. */
export interface Skipped {
  /** As `slow` asks for, newer ones of their topics follow; or more were ephemeral than are held. */
  reason: "latest" | "ephemeral" | (string & {});
  /** How many, if that is known. */
  count?: number;
  /** They came after this position, and up to that one. Ephemeral events have none. */
  after?: Position;
  until?: Position;
}

export type State = "connecting" | "open" | "waiting" | "paused" | "closed";

export interface StateChange {
  state: State;
  transport: Transport | null;
  /** Why it waits or has closed. */
  reason?: string;
  /** Milliseconds until the next attempt; `null` until the network is back. */
  retryIn?: number | null;
}

export interface Failure {
  reason?: string;
  /** An HTTP status. */
  status?: number;
  /** A close code of WebSocket. */
  code?: number;
  /** The client has closed. */
  final: boolean;
}

export interface Publish {
  topic?: string;
  /** The canonical one first. */
  topics?: Iterable<string>;
  data?: string | ArrayBuffer | ArrayBufferView;
  /** By it the hub knows an event that comes again. Default: one that no other event has. */
  id?: string;
  /** The event's name. */
  event?: string;
  retry?: number;
  private?: boolean;
  /** Live only, without an id: sent at once and once, past what waits. */
  ephemeral?: boolean;
}

/** What became of an event that was published. */
export interface Published {
  /** Empty for an ephemeral event. */
  id: string;
  position: Position | null;
}

/** Why it was not, or is not known to be. */
export interface PublishError extends Error {
  name: "PublishError";
  /**
   * - `full`: too much waits already. It was not sent.
   * - `closed`: the client has closed. It was not sent.
   * - `unsent`: no token could be had. It was not sent.
   * - `refused`: the hub refused it, and the message says why.
   * - `unknown`: it was sent, and is or is not in the log: no answer came for two minutes, or until
   *   the client closed, the hub lost its log, or the token its rights.
   */
  code: "full" | "closed" | "unsent" | "refused" | "unknown";
  /** An HTTP status, if there was an answer. */
  status: number | null;
}

export interface ClientEvents {
  event: CustomEvent<HubEvent>;
  gap: CustomEvent<Gap>;
  skipped: CustomEvent<Skipped>;
  state: CustomEvent<StateChange>;
  error: CustomEvent<Failure>;
}

export interface Client extends EventTarget, AsyncIterable<Item> {
  readonly url: URL;
  readonly state: State;
  readonly transport: Transport | null;
  readonly topics: string[];
  /** What the next connection resumes from. */
  readonly position: string | null;
  /** How many events wait to be published or answered. */
  readonly queued: number;
  /** Adds topics, from the client's position on. */
  subscribe(topics: string | Iterable<string>): void;
  unsubscribe(topics: string | Iterable<string>): void;
  /**
   * Resolves once the event is in the log. Without a connection it waits; events are sent in order,
   * and again until they are answered. Rejects with a `PublishError`, or the signal's reason.
   */
  publish(event: Publish, options?: { signal?: AbortSignal }): Promise<Published>;
  /** Disconnects, until `resume` goes on where it was. */
  pause(): void;
  resume(): void;
  /** Ends it: nothing is told any more, and what waits to be published is rejected. */
  close(): void;

  addEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (this: Client, event: ClientEvents[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (this: Client, event: ClientEvents[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

export type Item =
  | ({ type: "event" } & HubEvent)
  | ({ type: "gap" } & Gap)
  | ({ type: "skipped" } & Skipped);

/** Subscribes to topics of the hub at `url`, such as "/.well-known/mercure". */
export function connect(url: string | URL, options: Options): Client;
