// An event stream over fetch, which can send headers and a body.
import { delay } from "./event-source.mjs";

// ANCHOR: parser
/// Reads `text/event-stream` as the HTML Standard says, however it is cut into chunks.
export class EventParser {
  retry;
  #decoder = new TextDecoder();
  #limit;
  #line = [];
  #size = 0;
  #afterCr = false;
  #name = "";
  #data;
  #id;

  constructor({ limit = 4 << 20, lastEventId = "" } = {}) {
    this.#limit = limit;
    this.#id = lastEventId;
  }

  /// The events that end in this chunk of bytes.
  *push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (!text) return;
    // The LF of a CRLF whose CR has ended the line already.
    if (this.#afterCr && text.startsWith("\n")) text = text.slice(1);
    this.#afterCr = text.endsWith("\r");
    const [first, ...rest] = text.split(/\r\n|\r|\n/);
    this.#keep(first);
    for (const next of rest) {
      const event = this.#field(this.#line.join(""));
      this.#line = [];
      this.#keep(next);
      if (event) yield event;
    }
  }

  #keep(text) {
    this.#line.push(text);
    this.#size += text.length;
    if (this.#size > this.#limit) throw new RangeError("the event is too long");
  }

  #field(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") (this.#data ??= []).push(value);
    if (name === "event") this.#name = value;
    if (name === "id" && !value.includes("\0")) this.#id = value;
    if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }

  #dispatch() {
    const event = this.#data && {
      name: this.#name || "message",
      data: this.#data.join("\n"),
      lastEventId: this.#id,
    };
    this.#name = "";
    this.#data = undefined;
    this.#size = 0;
    return event;
  }
}
// ANCHOR_END: parser

// ANCHOR: follow
/// Gives every event of `url` to `on`, with any headers, until the signal, 204 or a status that
/// trying again does not change.
export async function follow(url, { on, signal, lastEventId = "", ...request }) {
  for (let failures = 0; ; failures++) {
    try {
      const headers = new Headers({ ...request.headers, Accept: "text/event-stream" });
      if (lastEventId) headers.set("Last-Event-ID", lastEventId);
      const response = await fetch(url, { cache: "no-store", ...request, headers, signal });
      if (response.status === 204) return;
      const again = response.status >= 500 || [408, 429].includes(response.status);
      if (response.status !== 200 && !again) throw new Refused(response.status);
      if (response.status === 200) {
        if (!/^text\/event-stream\s*(;|$)/i.test(response.headers.get("Content-Type"))) {
          throw new Refused("not an event stream");
        }
        const parser = new EventParser({ lastEventId });
        const reader = response.body.getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          for (const event of parser.push(part.value)) {
            await on(event);
            lastEventId = event.lastEventId;
            failures = 0;
          }
        }
      }
    } catch (error) {
      if (signal?.aborted || error instanceof Refused || error instanceof RangeError) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delay(failures)));
  }
}

/// The server has answered, and would answer the same again.
export class Refused extends Error {}
// ANCHOR_END: follow
