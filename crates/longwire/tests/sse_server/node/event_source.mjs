// Reads a stream with the EventSource of a package, until it is closed for good; prints what it
// heard as one line of JSON.
import { createRequire } from "node:module";

const [library, url] = process.argv.slice(2);
const { EventSource } = createRequire(`${process.env.LONGWIRE_NPM}/`)(library);

const source = new EventSource(url);
const heard = [];
const note = (event) => heard.push([event.type, event.lastEventId, event.data]);
for (const name of ["message", "tick", "longwire-position"]) source.addEventListener(name, note);
// Asked again and again: not every source says that it is closed, or keeps the process alive until
// it has reconnected.
setInterval(() => {
  if (source.readyState !== 2) return;
  console.log(JSON.stringify(heard));
  process.exit();
}, 20);
