"""A server of event streams that can resume them, on Flask."""

import json
import threading
import time
import uuid

from flask import Flask, Response, request
from werkzeug.serving import make_server

# ANCHOR: log
# Ids of another run of this program mean nothing here.
EPOCH = uuid.uuid4().hex
KEPT = 1_000
HEARTBEAT = 15

events: list[str] = []
last = 0
changed = threading.Condition()


def publish(name: str, data: str) -> None:
    global last
    with changed:
        last += 1
        lines = "".join(f"data: {line}\n" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        events.append(f"event: {name}\nid: {EPOCH}.{last}\n{lines}\n")
        del events[:-KEPT]
        changed.notify_all()


def position(event_id: str) -> int | None:
    """The offset to go on from; None if what came after it is not known any more."""
    epoch, _, offset = event_id.partition(".")
    if epoch != EPOCH or not offset.isdecimal():
        return None
    return int(offset) if last - len(events) <= int(offset) <= last else None


def stream(event_id: str | None):
    with changed:
        at = position(event_id) if event_id else last
        gap = at is None
        if gap:
            at = last
    yield "event: gap\ndata\n\n" if gap else ":\n\n"
    while True:
        with changed:
            changed.wait_for(lambda: last > at, timeout=HEARTBEAT)
            missed = last - at
            # Slower than the log forgets: ended, and told so when it comes back.
            if missed > len(events):
                return
            due = events[len(events) - missed :] if missed else []
            at = last
        # Writing a comment is also how a connection that has gone is noticed.
        yield "".join(due) or ":\n\n"
# ANCHOR_END: log


# ANCHOR: app
app = Flask(__name__)


@app.get("/events")
def answer():
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    event_id = request.headers.get("Last-Event-ID") or request.args.get("lastEventID")
    return Response(stream(event_id), mimetype="text/event-stream", headers=headers)


def count() -> None:
    for n in range(1, 1 << 62):
        time.sleep(1)
        publish("message", json.dumps({"count": n, "time": time.time()}))
        if n % 5 == 0:
            publish("milestone", f"Reached {n} messages")
# ANCHOR_END: app


if __name__ == "__main__":
    threading.Thread(target=count, daemon=True).start()
    # One thread for each stream. A production server needs as many; `gunicorn --threads 500`.
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.port}/events", flush=True)
    server.serve_forever()
