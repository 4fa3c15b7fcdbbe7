// ANCHOR: socket
/// Sends bytes as one binary message, and resolves with the bytes of the answer.
export function exchange(url, bytes) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    // The default is a Blob, which has to be read asynchronously.
    socket.binaryType = "arraybuffer";
    // Before it is open, send() throws.
    socket.onopen = () => socket.send(bytes);
    socket.onmessage = ({ data }) => {
      socket.close(1000);
      resolve(new Uint8Array(data));
    };
    socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
  });
}
// ANCHOR_END: socket

// ANCHOR: events
/// The bytes of an event whose data are base64.
export function fromBase64(text) {
  // Not in every browser yet. Without it, a plain loop: Uint8Array.from() takes twenty times as long.
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let n = 0; n < bytes.length; n++) bytes[n] = characters.charCodeAt(n);
  return bytes;
}
// ANCHOR_END: events
