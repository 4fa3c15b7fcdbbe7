"""An ASGI application with event streams, served by hypercorn; the port is the argument."""

import asyncio
import json
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    head = {"type": "http.response.start", "status": 200}
    if scope["path"] == "/limited" and "last-event-id" in headers:
        head["status"] = 429
        head["headers"] = [(b"retry-after", b"0")]
        await send(head)
        await send({"type": "http.response.body", "body": b"slow down"})
        return
    head["headers"] = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await send(head)
    for number in range(3):
        seen = {
            "number": number,
            "last": headers.get("last-event-id"),
            "version": scope["http_version"],
        }
        block = f"id: {number}\r\ndata: {json.dumps(seen)}\r\n\r\n"
        await send(
            {"type": "http.response.body", "body": block.encode(), "more_body": True}
        )
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b""})


config = Config()
config.bind = [f"127.0.0.1:{sys.argv[1]}"]
asyncio.run(serve(application, config))
