// ANCHOR: component
import { createElement, useState } from "react";
import { useEvents } from "./react-hook.mjs";

export function Metrics({ url }) {
  const [rows, setRows] = useState([]);
  const state = useEvents(url, {
    // From the state before: two events between two renders are two rows.
    update: (data) => setRows((rows) => [...rows, JSON.parse(data)].slice(-100)),
  });
  return createElement("pre", { "data-state": state }, JSON.stringify(rows));
}
// ANCHOR_END: component
