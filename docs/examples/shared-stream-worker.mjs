// ANCHOR: worker
import { follow } from "./event-source.mjs";

// The worker's name is the URL: one worker, and one stream, for each.
const tabs = new Set();
let stream;

self.onconnect = ({ ports: [tab] }) => {
  tabs.add(tab);
  stream ??= follow(self.name, { on: (_, data) => tabs.forEach((tab) => tab.postMessage(data)) });
  tab.onmessage = () => tabs.delete(tab);
};
// ANCHOR_END: worker
