"""Publishes with the package pymercure: HUB TOKEN DATA ID TYPE TOPIC..., and prints the id; an empty
ID or TYPE is none."""

import sys
import urllib.parse  # which the package uses and does not import

from pymercure.message import Message
from pymercure.publisher.sync import SyncPublisher

hub, token, data, identifier, name, *topics = sys.argv[1:]
message = Message(topics, data, message_id=identifier or None, event_type=name or None)
print(SyncPublisher(hub, token).publish(message), flush=True)
