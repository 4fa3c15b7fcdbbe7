import { byteLength } from "./values.js";

// `text/event-stream` as the HTML Standard has it, for streams that no EventSource reads:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
//
// Text comes in pieces split anywhere. Lines end at CR, LF or CRLF; a CR at the end of a piece ends
// its line at once, and an LF that comes first in the next piece belongs to it.

// Of an event, in bytes: four times the data that a hub takes.
const MAX_EVENT = 4 << 20;

export class EventStreamParser {
  // The broken bytes become U+FFFD, and one byte order mark at the beginning is dropped.
  #decoder = new TextDecoder();
  #line = [];
  // The length of that.
  #pending = 0;
  #afterCr = false;
  #data = [];
  #name = "";
  #id = "";
  #bytes = 0;
  lastEventId = "";

  // `onEvent({event, data, id, bytes})`, with the bytes of the block, and `onRetry(milliseconds)`.
  constructor(onEvent, onRetry = () => {}) {
    Object.assign(this, { onEvent, onRetry });
  }

  // Throws if an event is too long to be kept: nothing more of this stream is to be read.
  push(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    const ends = /\r\n?|\n/g;
    let from = 0;
    if (this.#afterCr && text) {
      if (text[0] === "\n") {
        from = 1;
        this.#bytes += this.#bytes > 0;
      }
      this.#afterCr = false;
    }
    ends.lastIndex = from;
    for (let end; (end = ends.exec(text)); from = ends.lastIndex) {
      this.#line.push(text.slice(from, end.index));
      const line = this.#line.length === 1 ? this.#line[0] : this.#line.join("");
      this.#line = [];
      this.#pending = 0;
      this.#afterCr = end[0] === "\r" && ends.lastIndex === text.length;
      this.#bytes += byteLength(line) + end[0].length;
      this.#take(line);
    }
    if (from < text.length) this.#line.push(text.slice(from));
    this.#pending += text.length - from;
    this.#check();
  }

  #check() {
    if (this.#bytes + this.#pending > MAX_EVENT) throw new RangeError("an event is over 4 MiB");
  }

  #take(line) {
    this.#check();
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value[0] === " ") value = value.slice(1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.onRetry(Number(value));
  }

  #dispatch() {
    this.lastEventId = this.#id;
    const [data, event] = [this.#data, this.#name || "message"];
    const [id, bytes] = [this.lastEventId, this.#bytes];
    this.#data = [];
    this.#name = "";
    this.#bytes = 0;
    if (data.length) this.onEvent({ event, data: data.join("\n"), id, bytes });
  }
}
