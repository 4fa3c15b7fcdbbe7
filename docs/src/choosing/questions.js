"use strict";

/// What to use, given an answer to each question: the choice, the reasons, and what to mind.
function recommend({ speaks, sent, late, often, between, streams }) {
  const why = [];
  const mind = [];

  if (late === "useless") {
    why.push("Both protocols run over TCP, where one lost packet holds up everything behind it.");
    mind.push("Not every browser has WebTransport: keep a fallback.");
    return { choice: "Neither: WebTransport, or a WebRTC data channel", why, mind };
  }
  if (often === "rarely" && speaks !== "both") {
    why.push("A connection kept open for a message an hour costs more than a request now and then.");
    mind.push("If a message has to arrive at once after all, take SSE.");
    return { choice: "Neither: ask again from time to time", why, mind };
  }

  const socket = [];
  if (speaks === "both") {
    socket.push("Both sides speak on one connection, in order: a frame costs 6 bytes where a request costs hundreds.");
  }
  if (sent === "bytes") {
    socket.push("It sends bytes as they are; an event stream is text, and base64 adds a third.");
  }
  if (between === "holds") {
    socket.push("A proxy that collects a response holds events back; it passes a WebSocket on, or refuses it at once.");
  }

  if (between === "refuses") {
    why.push("It is an ordinary response over HTTP, which passes where upgrades do not.");
    if (sent === "bytes") mind.push("Bytes travel as base64, a third more of them.");
    if (speaks === "both") mind.push("Each message of the client is a request: number them, so that they stay in order.");
    if (streams === "many") mind.push(ONE_STREAM);
    mind.push(REPLAY);
    return { choice: speaks === "server" ? "SSE" : "SSE, and POST for what the client says", why, mind };
  }
  if (between === "unknown") {
    why.push("Some networks refuse upgrades, others collect responses: a client that can do both gets through either.");
    why.push(...socket);
    mind.push("Give both carriers the same positions, so that a client can change over without losing anything.");
    return { choice: "WebSocket first, SSE and POST where upgrades do not get through", why, mind };
  }
  if (socket.length > 0) {
    why.push(...socket);
    mind.push("Reconnecting, resuming and heartbeats are yours to write, or a library's.");
    mind.push("Check Origin in the handshake: the browser does not do it for you.");
    return { choice: "WebSocket", why, mind };
  }
  why.push(
    speaks === "server"
      ? "Only the server speaks, and that is what an event stream is."
      : "What the client says now and then is a request, with an answer, a status and a log line.",
  );
  why.push("The browser reconnects by itself, and says what it had last.");
  if (streams === "many") mind.push(ONE_STREAM);
  mind.push(REPLAY);
  mind.push("Say that the response must not be collected: X-Accel-Buffering: no, and send a comment every 15 s.");
  return { choice: speaks === "server" ? "SSE" : "SSE, and POST for what the client says", why, mind };
}

const ONE_STREAM = "Over HTTP/1.1 a browser has six connections to an origin: one stream for all topics, shared by the tabs.";
const REPLAY = "Keep the events: the browser sends the last id, but to deliver what came after it is the server's work.";

/// Shows the recommendation as soon as every question has its answer.
function show(form) {
  const place = form.querySelector("#recommendation");
  const answers = Object.fromEntries(new FormData(form));
  const open = new Set([...form.querySelectorAll("input")].map(({ name }) => name));
  for (const name of Object.keys(answers)) open.delete(name);
  if (open.size > 0) {
    place.textContent = open.size === 1 ? "One question is open." : `${open.size} questions are open.`;
    return;
  }
  const { choice, why, mind } = recommend(answers);
  const element = (name, ...content) => {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  };
  const list = (items) => element("ul", ...items.map((item) => element("li", item)));
  place.replaceChildren(
    element("p", element("strong", choice)),
    element("p", "Why:"),
    list(why),
    ...(mind.length > 0 ? [element("p", "Mind:"), list(mind)] : []),
  );
}

if (typeof document !== "undefined") {
  const form = document.querySelector("#questions");
  form.addEventListener("change", () => show(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  // The fields are empty only after the event.
  form.addEventListener("reset", () => setTimeout(() => show(form)));
  // The arrow keys choose an answer here; the book would turn the page.
  form.addEventListener("keydown", (event) => event.stopPropagation());
  show(form);
}
