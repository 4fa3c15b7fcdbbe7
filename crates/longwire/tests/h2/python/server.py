"""An echo server for hypercorn: HTTP/2 with TLS, WebSockets over RFC 8441."""

import asyncio
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "websocket" and scope["http_version"] == "2", scope
    await receive()
    if scope["path"] == "/forbidden":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            print("disconnected", message["code"], flush=True)
            return
        text = message.get("text")
        if text == "close":
            await send({"type": "websocket.close", "code": 4000, "reason": "asked to"})
            return
        await send({"type": "websocket.send", "text": text, "bytes": message.get("bytes")})


config = Config()
config.bind = [f"127.0.0.1:{sys.argv[1]}"]
config.certfile, config.keyfile = sys.argv[2:]
config.alpn_protocols = ["h2"]
config.errorlog = "-"
asyncio.run(serve(app, config))
