"""A client with websockets: actions come and events go as lines of JSON."""

import asyncio
import json
import os
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def pattern(length):
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def emit(*event):
    print(json.dumps(event), flush=True)


async def receive(socket):
    try:
        async for message in socket:
            if isinstance(message, bytes):
                emit("binary", len(message), message == pattern(len(message)))
            else:
                emit("text", message)
    except ConnectionClosed:
        pass
    emit("close", socket.close_code, socket.close_reason)


async def open(url, protocols):
    options = {}
    if url.startswith("wss:"):
        options["ssl"] = ssl.create_default_context(cafile=os.environ["LONGWIRE_TEST_CA"])
    socket = await connect(
        url, subprotocols=protocols or None, proxy=None, max_size=32 << 20, **options
    )
    extensions = socket.response.headers.get("Sec-WebSocket-Extensions", "")
    emit("open", socket.subprotocol or "", extensions)
    receiving.add(asyncio.create_task(receive(socket)))
    return socket


async def ping(socket, payload):
    await (await socket.ping(payload))
    emit("pong", payload)


receiving = set()


async def main():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    socket = None
    while line := await lines.readline():
        name, *rest = json.loads(line)
        try:
            match name:
                case "open":
                    socket = await open(*rest)
                case "text":
                    await socket.send(*rest)
                case "binary":
                    await socket.send(pattern(*rest))
                case "fragments":
                    await socket.send(iter(rest))
                case "ping":
                    await ping(socket, *rest)
                case "close":
                    await socket.close(*rest)
        except InvalidStatus as refused:
            emit("refused", refused.response.status_code)
        except ConnectionClosed:
            pass  # `receive` says so


asyncio.run(main())
