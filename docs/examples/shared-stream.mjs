// ANCHOR: page
/// Follows `url` over the one stream that all tabs of this origin share.
export function share(url, on) {
  const worker = new SharedWorker(new URL("shared-stream-worker.mjs", import.meta.url), {
    type: "module",
    name: url,
  });
  worker.port.onmessage = ({ data }) => on(data);
  addEventListener("pagehide", () => worker.port.postMessage("bye"));
  return worker.port;
}
// ANCHOR_END: page
