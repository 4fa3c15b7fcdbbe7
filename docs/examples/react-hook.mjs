// ANCHOR: hook
import { useEffect, useRef, useState } from "react";
import { follow } from "./event-source.mjs";

/// Calls `handlers[name](data)` for every event of the stream, and tells whether it is "open" or
/// "waiting". The stream lives as long as the component and its URL.
export function useEvents(url, handlers) {
  const [state, setState] = useState("waiting");
  // The handlers of the latest render, without a new connection for each of them.
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  const names = Object.keys(handlers).sort().join("\n");
  useEffect(() => {
    setState("waiting");
    const stream = follow(url, {
      names: names.split("\n"),
      on: (name, data) => latest.current[name]?.(data),
      state: setState,
    });
    return () => stream.close();
  }, [url, names]);
  return state;
}
// ANCHOR_END: hook
