"""Passes every message to everybody, on the package websockets."""

import asyncio
import sys

# ANCHOR: server
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosedError

clients = set()


async def chat(socket):
    clients.add(socket)
    try:
        async for message in socket:
            # Does not wait for anybody, and leaves out who is closing.
            broadcast(clients, message)
    except ConnectionClosedError:
        pass  # Who goes without a close frame has gone, too.
    finally:
        clients.remove(socket)


async def drop_the_slow(limit=64 * 1024):
    while True:
        await asyncio.sleep(1)
        for socket in list(clients):
            if socket.transport.get_write_buffer_size() > limit:
                socket.transport.abort()


async def main(origins):
    options = {"origins": origins, "max_size": 64 * 1024, "ping_interval": 20, "ping_timeout": 20}
    async with serve(chat, "127.0.0.1", 0, **options) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await drop_the_slow()
# ANCHOR_END: server


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
