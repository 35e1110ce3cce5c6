"""What a gateway itself is told and what it says of itself, inside envelopes under the hop key; see docs/protocol.md.

Central and gateway only: none of these frames ever reaches an alarm center, and none goes to a board.
"""

import json
import struct
from collections import namedtuple

from protocol.codes import CENTRAL
from protocol.errors import Malformed
from protocol.layout import kind_of, pack_numbers, type_octet
from protocol.messages import ACK, KIND_ACKS, KIND_GATEWAY, Ack
from protocol.topics import center_name, gateway_name

# What a frame of kind KIND_GATEWAY is about.
STOP_GROUP = 1
SETTINGS = 2
STATUS = 3
ASK = 4
WANT = 5
PIECE = 6

# Stop every center of the gateway under the local key (`group` 0), or those of one group. The same `order` is one stop,
# however often it arrives; it is worth nothing `ttl` seconds after `issued`.
StopGroup = namedtuple("StopGroup", ("order", "issued", "ttl", "incident", "group"))
# Acks of consecutive outbox numbers from `sequence` on, without the gateway's signature: two of them fit one SMS.
Acks = namedtuple("Acks", ("sequence", "time", "acks"))

# A gateway wants the octets of a release's image from `offset` on; `image` is the first 8 octets of the SHA-256 that was signed.
# The answer is a piece from there on; an empty one where the image ends: it is still offered.
Want = namedtuple("Want", ("image", "offset"))
Piece = namedtuple("Piece", ("image", "offset", "octets"))

MAX_JSON = 1024
# At 20 kbit/s a command waits for less than a second behind a piece.
PIECE_SIZE = 2048
_WANT = ">BBQI"
_STOP = ">BBIIHQH"
_ACKS = ">BII"
_ACKS_SIZE = 9
_HEAD_SIZE = 2

# What a gateway says of itself travels as an ack whose center is this bit and its own number.
_GATEWAY_BIT = 1 << 31
# Incidents that a gateway opens (a wall button) have the two top bits set, those of centers only the topmost.
_INCIDENT = 3 << 62


def about(frame: bytes) -> int:
    """What a frame of kind KIND_GATEWAY is about; raises Malformed."""
    if kind_of(frame) != KIND_GATEWAY or len(frame) < _HEAD_SIZE:
        raise Malformed("not a frame for or of a gateway")
    return frame[1]


def ask() -> bytes:
    """Central knows nothing of this gateway's centers: tell presence and digest as at a connection. Two octets."""
    return bytes((type_octet(KIND_GATEWAY), ASK))


def image_of(digest: bytes) -> int:
    """The name of an image in these frames."""
    return int.from_bytes(digest[:8], "big")


def want(message: Want) -> bytes:
    """A want's octets."""
    return pack_numbers(_WANT, type_octet(KIND_GATEWAY), WANT, *message)


def read_want(frame: bytes) -> Want:
    """A want from its octets; raises Malformed."""
    if about(frame) != WANT or len(frame) != struct.calcsize(_WANT):
        raise Malformed("%d octets cannot be a want" % len(frame))
    return Want(*struct.unpack(_WANT, frame)[2:])


def piece(message: Piece) -> bytes:
    """A piece's octets; raises Malformed when it is too long."""
    if len(message.octets) > PIECE_SIZE:
        raise Malformed("a piece of %d octets, at most %d" % (len(message.octets), PIECE_SIZE))
    octets: bytes = message.octets
    return pack_numbers(_WANT, type_octet(KIND_GATEWAY), PIECE, message.image, message.offset) + octets


def read_piece(frame: bytes) -> Piece:
    """A piece from its octets; raises Malformed."""
    start = struct.calcsize(_WANT)
    if about(frame) != PIECE or not start <= len(frame) <= start + PIECE_SIZE:
        raise Malformed("%d octets cannot be a piece" % len(frame))
    _, _, image, offset = struct.unpack(_WANT, frame[:start])
    return Piece(image, offset, frame[start:])


def stop_group(message: StopGroup) -> bytes:
    """A group stop's octets."""
    return pack_numbers(_STOP, type_octet(KIND_GATEWAY), STOP_GROUP, *message)


def read_stop_group(frame: bytes) -> StopGroup:
    """A group stop from its octets; raises Malformed."""
    if about(frame) != STOP_GROUP or len(frame) != struct.calcsize(_STOP):
        raise Malformed("%d octets cannot be a group stop" % len(frame))
    return StopGroup(*struct.unpack(_STOP, frame)[2:])


def document(what: int, content: dict[str, object]) -> bytes:
    """SETTINGS for a gateway, or its STATUS, as a JSON object of at most 1,024 octets; raises Malformed."""
    octets = json.dumps(content, separators=(",", ":")).encode()
    if len(octets) > MAX_JSON:
        raise Malformed("a document of %d octets, at most %d" % (len(octets), MAX_JSON))
    return bytes((type_octet(KIND_GATEWAY), what)) + octets


def read_document(what: int, frame: bytes) -> dict[str, object]:
    """The JSON object of a SETTINGS or STATUS frame; raises Malformed."""
    if about(frame) != what or len(frame) - _HEAD_SIZE > MAX_JSON:
        raise Malformed("not the document that was expected")
    try:
        content = json.loads(frame[_HEAD_SIZE:].decode())
    except (ValueError, UnicodeError, RecursionError) as error:
        raise Malformed("not JSON: %s" % error)
    if not isinstance(content, dict):
        raise Malformed("not a JSON object")
    return content


def acks(message: Acks) -> bytes:
    """A batch of acks in octets; raises Malformed for none, or for one of another length."""
    if not message.acks:
        raise Malformed("a batch without acks")
    for ack in message.acks:
        if len(ack) != ACK.size or kind_of(ack) != ACK.kind:
            raise Malformed("%d octets cannot be a sealed ack" % len(ack))
    return pack_numbers(_ACKS, type_octet(KIND_ACKS), message.sequence, message.time) + b"".join(message.acks)


def read_acks(frame: bytes) -> Acks:
    """A batch of acks from its octets, the acks still sealed; raises Malformed."""
    if kind_of(frame) != KIND_ACKS or len(frame) <= _ACKS_SIZE or (len(frame) - _ACKS_SIZE) % ACK.size:
        raise Malformed("%d octets cannot be a batch of acks" % len(frame))
    _, sequence, time = struct.unpack(_ACKS, frame[:_ACKS_SIZE])
    return Acks(sequence, time, [frame[at : at + ACK.size] for at in range(_ACKS_SIZE, len(frame), ACK.size)])


def speaker(gateway: int) -> int:
    """The center number under which a gateway speaks of itself."""
    return _GATEWAY_BIT | gateway


def gateway_of(center: int) -> int:
    """The gateway that speaks of itself under this center number; 0 when it is a center's."""
    return center & 0xFFFF if center >> 16 == _GATEWAY_BIT >> 16 else 0


def speaker_name(center: int) -> str:
    """The name of whoever an ack is from: `C000042`, or `G000007` for a gateway that speaks of itself."""
    own = gateway_of(center)
    return gateway_name(own) if own else center_name(center)


def event(gateway: int, status: int, incident: int, sequence: int, age_s: int) -> Ack:
    """A gateway's own event (wall button, cabinet, mains): an ack that its hop key seals."""
    return Ack(CENTRAL, 0, speaker(gateway), 0, incident, status, 0, sequence, min(age_s, 0xFFFF), 0)


def incident(gateway: int, count: int) -> int:
    """The incident that a gateway opens with its `count`-th press."""
    return _INCIDENT | gateway << 32 | count & 0xFFFFFFFF
