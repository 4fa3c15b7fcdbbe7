// An Express server with event streams: PORT is the argument, requests are told as lines of JSON.
import { createRequire } from "node:module";

const express = createRequire(`${process.env.LONGWIRE_NPM}/`)("express");

const app = express();
app.use(express.json());

const open = (response) => {
  response.set({ "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
};

app.use((request, response, next) => {
  console.log(JSON.stringify([request.method, request.url, request.headers, request.body ?? null]));
  next();
});

// Three events after the last one, and the end; as from many a tutorial.
app.get("/events", (request, response) => {
  open(response);
  const last = Number(request.get("last-event-id") ?? 0);
  response.write("retry: 10\n\n");
  for (let id = last + 1; id <= last + 3; id += 1) {
    response.write(`id: ${id}\nevent: tick\ndata: ${JSON.stringify({ last, id })}\n\n`);
  }
  response.end();
});

// For ever, a comment every 50 ms.
app.get("/quiet", (request, response) => {
  open(response);
  response.write("id: 7\ndata: first\n\n");
  const timer = setInterval(() => response.write(": still here\n\n"), 50);
  response.on("close", () => {
    clearInterval(timer);
    console.log(JSON.stringify(["closed"]));
  });
});

app.post("/ask", (request, response) => {
  open(response);
  for (const word of request.body.prompt.split(" ")) {
    response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: word } }] })}\n\n`);
  }
  response.end("data: [DONE]\n\n");
});

app.get("/gone", (request, response) => response.status(204).end());

app.listen(Number(process.argv[2]), "127.0.0.1", () => console.log('["listening"]'));
