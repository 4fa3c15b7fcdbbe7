// Subscribes with the npm package `eventsource`, a token in the header, and prints each event as a
// line of JSON, after {"open": true}. It runs until killed.
import { createRequire } from "node:module";

const [url, token, ...names] = process.argv.slice(2);
const { EventSource } = createRequire(`${process.env.LONGWIRE_NPM}/`)("eventsource");

const source = new EventSource(url, {
  fetch: (input, init) =>
    fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
source.onopen = () => console.log(JSON.stringify({ open: true }));
const print = ({ type, data, lastEventId }) =>
  console.log(JSON.stringify({ type, data, id: lastEventId }));
for (const name of ["message", ...names]) source.addEventListener(name, print);
source.onerror = ({ code, message }) => console.error(code, message);
