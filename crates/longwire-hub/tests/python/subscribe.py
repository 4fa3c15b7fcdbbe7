"""Subscribes over WebSocket and prints each message as a line of JSON: text as it is, binary as
{"header": the JSON header, "bytes": the rest in base64}."""

import base64
import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

with connect(sys.argv[1], subprotocols=["longwire.v1"], proxy=None) as socket:
    assert socket.subprotocol == "longwire.v1"
    try:
        for message in socket:
            if isinstance(message, bytes):
                end = 2 + int.from_bytes(message[:2], "big")
                data = base64.b64encode(message[end:]).decode()
                message = json.dumps({"header": json.loads(message[2:end]), "bytes": data})
            print(message, flush=True)
    except ConnectionClosed:
        pass
    print(json.dumps({"type": "closed", "code": socket.close_code}), flush=True)
