"""The committed vectors and a reader for each kind of octets in them, for tests on both interpreters."""

import json

from protocol import countersign, hop, report
from protocol.errors import ProtocolError
from protocol.hmac import Mac
from protocol.messages import ACK, BEAT, COMMAND, CONFIRM, FETCH, HELLO, TIME
from protocol.release import BLOCK, OFFER

_FILE = __file__.rsplit("/", 2)[0] + "/vectors/protocol.json"

with open(_FILE, encoding="utf-8") as _file:  # noqa: PTH123 (MicroPython has no pathlib)
    VECTORS = json.load(_file)

LAYOUTS = {
    "command": COMMAND, "ack": ACK, "hello": HELLO, "time": TIME, "beat": BEAT, "confirm": CONFIRM, "fetch": FETCH,
}  # fmt: skip
BODIES = {"offer": OFFER, "block": BLOCK}
WIDE = ("incident",)  # 64 bits, so a string in JSON


def octets(text):
    """Octets of hex."""
    return bytes.fromhex(text)


def value(name, told):
    """A field's value as the protocol has it, from the one in JSON."""
    if name == "nonce":
        return octets(told)
    return int(told) if name in WIDE else told


def message(vector):
    """The message of a vector of a sealed center frame."""
    return LAYOUTS[vector["kind"]].make(*[value(name, told) for name, told in vector["fields"]])


def read(reader, key, nonce, frame):
    """What a reader makes of octets; `key` is None for what has no seal of its own."""
    if reader in BODIES:
        return BODIES[reader].open(key, frame, nonce)
    if reader in LAYOUTS:
        return LAYOUTS[reader].open(key, frame, nonce)
    return _READERS[reader](key, frame)


_READERS = {
    "report": report.open,
    "hop": hop.open,
    "receipt": lambda _, frame: hop.read_receipt(frame),
    "presence": lambda _, frame: hop.read_presence(frame),
    "digest": lambda _, frame: hop.read_digest(frame),
    "countersigned": lambda _, frame: countersign.unpack(frame),
}


def sealed():
    """Every sealed vector as (reader, key, nonce, octets)."""
    frames = [(v["kind"], Mac(octets(v["key"])), octets(v["nonce"]), octets(v["octets"])) for v in VECTORS["frames"]]
    frames += [("report", Mac(octets(v["key"])), bytes(8), octets(v["octets"])) for v in VECTORS["reports"]]
    frames += [(v["kind"], Mac(octets(v["key"])), octets(v["nonce"]), octets(v["octets"])) for v in VECTORS["bodies"]]
    frames += [("hop", Mac(octets(v["key"])), bytes(8), octets(v["octets"])) for v in VECTORS["envelopes"]]
    return frames


def error_of(action, *arguments):
    """The name of the ProtocolError that a call raises; None when it raises nothing. Any other error passes."""
    try:
        action(*arguments)
    except ProtocolError as error:
        return type(error).__name__
    return None
