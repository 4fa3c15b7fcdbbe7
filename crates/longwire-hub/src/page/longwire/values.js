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

export function base64(data) {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
}
