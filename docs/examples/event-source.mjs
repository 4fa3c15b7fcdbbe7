// An EventSource that does not give up, for pages.

// ANCHOR: delay
/// Milliseconds to wait before the next attempt: anything from zero to a ceiling that doubles with
/// every failure and ends at 30 seconds.
export function delay(failures, random = Math.random) {
  return random() * Math.min(30_000, 1_000 * 2 ** failures);
}
// ANCHOR_END: delay

// ANCHOR: follow
/// Follows the events named `names` of `url`, each given to `on(name, data)` once and in order.
export function follow(url, { names = ["message"], on, state = () => {}, lastEventId = "" }) {
  let source;
  let timer;
  let failures = 0;

  function open() {
    const address = new URL(url, location.href);
    // A new EventSource sends no Last-Event-ID, so the position goes into the query.
    if (lastEventId) address.searchParams.set("lastEventID", lastEventId);
    source = new EventSource(address);
    source.onopen = () => state("open");
    for (const name of names) {
      source.addEventListener(name, (event) => {
        on(name, event.data);
        // Only what has been handled is not asked for again.
        lastEventId = event.lastEventId;
        failures = 0;
      });
    }
    source.onerror = () => {
      state("waiting");
      // CONNECTING: the browser tries again by itself, with Last-Event-ID.
      // CLOSED: the answer was not 200, or not an event stream, and the browser never tries again.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, delay(failures++));
    };
  }

  function close() {
    clearTimeout(timer);
    source.close();
  }

  open();
  return { close, open };
}
// ANCHOR_END: follow

// ANCHOR: hidden
/// Closes a stream while the page is hidden, and resumes it when the page is seen again.
export function pauseWhenHidden(stream) {
  document.addEventListener("visibilitychange", () => {
    stream.close();
    if (!document.hidden) stream.open();
  });
}
// ANCHOR_END: hidden
