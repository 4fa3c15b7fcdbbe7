// What callers give, as the module needs it.

export function topicsOf(topics) {
  const all = typeof topics === "string" ? [topics] : [...(topics ?? [])];
  for (const topic of all) {
    if (typeof topic !== "string" || topic === "") throw new TypeError("a topic is a text");
  }
  return new Set(all);
}

// Header fields as an object, which passes between tabs.
export function plain(headers) {
  if (!headers || typeof headers === "function") return headers;
  return Object.fromEntries(new Headers(headers));
}

// The body of a publish, and how many bytes of data it has.
export function formOf({ topic, topics = [topic], data = "", id, event, retry, ...flags }) {
  const body = new URLSearchParams([...topicsOf(topics)].map((name) => ["topic", name]));
  const text = typeof data === "string";
  body.append("data", text ? data : base64(data));
  if (!text) body.append("encoding", "base64");
  if (id !== undefined) body.append("id", id);
  if (event !== undefined) body.append("type", event);
  if (retry !== undefined) body.append("retry", retry);
  for (const flag of ["private", "ephemeral"]) if (flags[flag]) body.append(flag, "on");
  return { body: String(body), bytes: text ? byteLength(data) : data.byteLength };
}

function base64(data) {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

const utf8 = new TextEncoder();

export const byteLength = (text) => utf8.encode(text).length;

export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
}

// Without a network there is still this machine.
export function isOffline(url) {
  const { hostname } = new URL(url);
  const local = /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  return globalThis.navigator?.onLine === false && !local;
}
