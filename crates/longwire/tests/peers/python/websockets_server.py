"""A server with websockets: it echoes and does as it is told, `../servers.rs` says what; options
come as JSON in the first argument."""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def emit(*event):
    print(json.dumps(event), flush=True)


async def ping(socket, payload):
    await (await socket.ping(payload))
    emit("pong", payload)


async def speak(socket):
    try:
        async for message in socket:
            word, *rest = message.split(" ") if isinstance(message, str) else [None]
            match word:
                case "close":
                    await socket.close(int(rest[0]), " ".join(rest[1:]))
                case "drop":
                    socket.transport.abort()
                case "fragments":
                    await socket.send(iter(rest))
                case "ping":
                    # Its answer is read by this loop.
                    pings.add(asyncio.create_task(ping(socket, rest[0])))
                case "big":
                    await socket.send(bytes(int(rest[0])))
                case _:
                    await socket.send(message)
    except ConnectionClosed:
        pass
    emit("close", socket.close_code, socket.close_reason)


pings = set()


async def main():
    options = json.loads(sys.argv[1])
    tls = None
    if options.get("certificate"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options["certificate"], options["key"])
    server = await serve(
        speak,
        "127.0.0.1",
        0,
        ssl=tls,
        max_size=32 << 20,
        select_subprotocol=lambda _, offered: "chat" if "chat" in offered else None,
        compression="deflate" if options.get("deflate") else None,
        process_request=lambda socket, request: (
            socket.respond(403, "no") if request.path == "/forbidden" else None
        ),
    )
    emit("listens", server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
