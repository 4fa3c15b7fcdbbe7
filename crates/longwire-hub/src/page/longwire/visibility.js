// What becomes of the page, for its client, until the signal.
//
// A page that is hidden rests after a while; one that is frozen or goes leaves at once, and what it
// shared passes to another. `on` is told: look(), idle(idle), depart(), arrive(), online().
export function watchPage(pauseHidden, on, signal) {
  globalThis.addEventListener?.("online", () => on.online(), { signal });
  const { document } = globalThis;
  if (!document) return;
  let hiding;
  const look = () => {
    clearTimeout(hiding);
    if (!document.hidden) on.idle(false);
    else if (pauseHidden !== false) hiding = setTimeout(() => on.idle(true), pauseHidden);
    on.look();
  };
  document.addEventListener("visibilitychange", look, { signal });
  document.addEventListener("freeze", () => on.depart(), { signal });
  document.addEventListener("resume", () => on.arrive(), { signal });
  addEventListener("pagehide", () => on.depart(), { signal });
  addEventListener("pageshow", () => on.arrive(), { signal });
  look();
}
