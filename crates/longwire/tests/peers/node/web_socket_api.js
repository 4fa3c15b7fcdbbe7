// A client with the browsers' WebSocket, for browsers and for undici. `peer.act` takes an action as
// an array, `peer.next` promises the next event as an array; README of both: `../client.rs`.
globalThis.peer = (() => {
  const pattern = (length) => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = i % 251;
    return bytes;
  };
  const intact = (bytes) => bytes.every((byte, i) => byte === i % 251);

  const events = [];
  let waiting;
  const emit = (...event) => {
    events.push(event);
    waiting?.();
  };

  let socket;
  const actions = {
    open(url, protocols) {
      socket = new WebSocket(url, protocols);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => emit("open", socket.protocol, socket.extensions);
      socket.onmessage = ({ data }) => {
        if (typeof data === "string") return emit("text", data);
        emit("binary", data.byteLength, intact(new Uint8Array(data)));
      };
      socket.onclose = ({ code, reason }) => emit("close", code, reason);
    },
    text: (text) => socket.send(text),
    binary: (length) => socket.send(pattern(length)),
    close: (code, reason) => (code ? socket.close(code, reason) : socket.close()),
  };
  return {
    act: ([name, ...rest]) => void actions[name](...rest),
    async next() {
      while (events.length === 0) await new Promise((resolve) => (waiting = resolve));
      return events.shift();
    },
  };
})();
