"""Python's h2 and wsproto as a client of RFC 8441."""

import json
import socket
import sys

import h2.connection
import h2.errors
import h2.events
import h2.settings
import wsproto.events
from wsproto.connection import Connection, ConnectionType

host, port = sys.argv[1].split(":")
tcp = socket.create_connection((host, int(port)))
http = h2.connection.H2Connection()
http.initiate_connection()
tcp.sendall(http.data_to_send())
ended = False


def receive():
    """What comes next on the connection; data is acknowledged."""
    global ended
    events = http.receive_data(tcp.recv(65536))
    for event in events:
        if isinstance(event, h2.events.DataReceived):
            http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        ended = ended or isinstance(event, h2.events.StreamEnded)
        if isinstance(event, h2.events.StreamReset):
            assert ended and event.error_code == h2.errors.ErrorCodes.NO_ERROR, event
    tcp.sendall(http.data_to_send())
    return events


def until(kind):
    while True:
        for event in receive():
            if isinstance(event, kind):
                return event


until(h2.events.RemoteSettingsChanged)
announced = http.remote_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL]
stream = http.get_next_available_stream_id()
http.send_headers(
    stream,
    [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", sys.argv[1]),
        (":path", "/"),
        ("sec-websocket-version", "13"),
    ],
)
tcp.sendall(http.data_to_send())
response = dict(until(h2.events.ResponseReceived).headers)

ws = Connection(ConnectionType.CLIENT)


def send(event):
    http.send_data(stream, ws.send(event))
    tcp.sendall(http.data_to_send())


def messages():
    while True:
        for event in receive():
            if isinstance(event, h2.events.DataReceived):
                ws.receive_data(event.data)
        yield from ws.events()


incoming = messages()
send(wsproto.events.TextMessage("grüße"))
text = next(incoming).data
# More than a frame of HTTP/2, within the first window.
send_bytes = bytes(range(256)) * 60
send(wsproto.events.BytesMessage(send_bytes))
received = b""
while True:
    event = next(incoming)
    received += event.data
    if event.message_finished:
        break
send(wsproto.events.Ping(b"are you there"))
pong = next(incoming)
send(wsproto.events.CloseConnection(code=1000, reason="done"))
close = next(incoming)
while not ended:
    receive()
print(
    json.dumps(
        {
            "announced": announced,
            "status": response[b":status"].decode(),
            "text": text,
            "same": bytes(received) == send_bytes,
            "pong": bytes(pong.payload).decode(),
            "close": close.code,
        }
    )
)
