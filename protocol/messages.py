"""The frames of docs/protocol.md: what each holds, and its layout.

Numbers are unsigned, big endian. Times are Unix seconds; ttl, duration and age are seconds; battery is millivolts.
A message is a tuple whose first field is the authority; `LAYOUT.seal(key, message, nonce)` makes its frame.
"""

from collections import namedtuple

from protocol.layout import Layout

# For and of a gateway itself (protocol/gateway.py).
KIND_GATEWAY = 0
KIND_COMMAND = 1
KIND_ACK = 2
KIND_HELLO = 3
KIND_TIME = 4
KIND_BEAT = 5
KIND_REPORT = 6
KIND_CONFIRM = 7
KIND_FETCH = 8
KIND_HOP = 9
KIND_RECEIPT = 10
KIND_PRESENCE = 11
KIND_DIGEST = 12
KIND_OFFER = 13
KIND_BLOCK = 14
KIND_ACKS = 15

# A signed order to one center. `class_` and `action` as in protocol.codes; (incident, activation) never sounds twice.
Command = namedtuple(
    "Command",
    (
        "authority",
        "epoch",
        "center",
        "group",
        "counter",
        "issued",
        "ttl",
        "incident",
        "activation",
        "class_",
        "action",
        "duration",
        "flags",
    ),
)
COMMAND = Layout(KIND_COMMAND, "command", "BIHIIHQBBBHB", Command)

# What the center itself says about a command, or (counter 0) an event of its own. `age` is how long ago it happened.
Ack = namedtuple(
    "Ack",
    ("authority", "epoch", "center", "counter", "incident", "status", "outputs", "sequence", "age", "battery"),
)
ACK = Layout(KIND_ACK, "ack", "BIIQBBIHH", Ack)

# A center after a start or a link: its boot count, its nonce for this boot, the highest counter seen per authority.
Hello = namedtuple(
    "Hello",
    (
        "authority",
        "epoch",
        "center",
        "boot",
        "nonce",
        "request",
        "central",
        "local",
        "drill",
        "sequence",
        "cause",
    ),
)
HELLO = Layout(KIND_HELLO, "hello", "BII8sHIIIIB", Hello)

# The answer to a hello: its request number again (the nonce is in the tag), the time (`ms` the part below a second), and
# the counter floor.
Time = namedtuple("Time", ("authority", "epoch", "center", "time", "ms", "floor", "request"))
TIME = Layout(KIND_TIME, "time", "BIIHIH", Time)

# Whoever has the authority has stored the event of this sequence for good: the center need not tell of it again.
Confirm = namedtuple("Confirm", ("authority", "epoch", "center", "sequence"))
CONFIRM = Layout(KIND_CONFIRM, "confirm", "BII", Confirm)

# A center asks for the block of a release's image that begins at `offset`.
Fetch = namedtuple("Fetch", ("authority", "epoch", "center", "release", "offset"))
FETCH = Layout(KIND_FETCH, "fetch", "BIII", Fetch)

# The compact heartbeat. `flags` are the BEAT_ bits; `uptime` in seconds; `verdict` 0 full, 1 partial, 2 failed.
Beat = namedtuple(
    "Beat",
    ("authority", "epoch", "center", "sequence", "uptime", "battery", "flags", "outputs", "verdict"),
)
BEAT = Layout(KIND_BEAT, "beat", "BIIIHBBB", Beat)
