"""The envelope between central and a gateway, both ways: frames under the hop key that the two share.

It says "from my peer, for me, in this order" and nothing about what a center may do: the frames inside carry their
own seals, which the gateway cannot make. Frames of known size follow one another; one of variable size comes last.
Without any frame it is a sign of life, said and answered once a minute: every octet of it counts.
"""

import struct
from collections import namedtuple

from protocol.errors import BadTag, Malformed
from protocol.hmac import TAG_SIZE, Mac, same
from protocol.layout import kind_of, pack_numbers, type_octet
from protocol.messages import (
    ACK,
    BEAT,
    COMMAND,
    CONFIRM,
    FETCH,
    HELLO,
    KIND_ACKS,
    KIND_BLOCK,
    KIND_DIGEST,
    KIND_GATEWAY,
    KIND_HOP,
    KIND_OFFER,
    KIND_PRESENCE,
    KIND_RECEIPT,
    KIND_REPORT,
    TIME,
)

# `frames` is a list of octet strings.
Envelope = namedtuple("Envelope", ("gateway", "sequence", "frames"))
# Central has every outbox entry up to `upto`, and upto + 1 + n for each bit n that is set in `beyond`.
Receipt = namedtuple("Receipt", ("upto", "beyond"))
# A gateway's word on one center, from sealed round trips only: `up` 1 or 0, for how many seconds.
Presence = namedtuple("Presence", ("center", "up", "since"))
# Heartbeats of many centers: list of (age in seconds, sealed beat); `oldest` is the first outbox entry still kept.
Digest = namedtuple("Digest", ("time", "oldest", "beats"))

MAX_SIZE = 4096  # the broker's max_packet_size
# One SMS as text carries 120 octets (base64 in 160 characters), as 8-bit data 140: whatever goes by SMS keeps to the first.
SMS_SIZE = 120

_HEAD = ">BHI"
_HEAD_SIZE = 7
SMS_ROOM = SMS_SIZE - _HEAD_SIZE - TAG_SIZE
# A sign of life moves nothing, so half a tag does: to forge one takes 2 ** 64 tries on the line.
_SIGN_TAG_SIZE = 8
_RECEIPT = ">BII"
_PRESENCE = ">BIBI"
_DIGEST = ">BII"
_DIGEST_SIZE = 9
_CONTEXT = b"sereno/1 hop\0"

_SIZES = {
    COMMAND.kind: COMMAND.size,
    ACK.kind: ACK.size,
    HELLO.kind: HELLO.size,
    TIME.kind: TIME.size,
    BEAT.kind: BEAT.size,
    CONFIRM.kind: CONFIRM.size,
    FETCH.kind: FETCH.size,
    KIND_RECEIPT: 9,
    KIND_PRESENCE: 10,
}
_VARIABLE = (KIND_DIGEST, KIND_REPORT, KIND_OFFER, KIND_BLOCK, KIND_GATEWAY, KIND_ACKS)


def seal(key: Mac, gateway: int, sequence: int, frames: list[bytes]) -> bytes:
    """One envelope, at most 4,000 octets and the tag; a sign of life, of 15 octets, without frames.

    Raises Malformed when it would be longer, or when the other end could not take the same frames out of it again.
    """
    body = pack_numbers(_HEAD, type_octet(KIND_HOP), gateway, sequence) + b"".join(frames)
    if len(body) > MAX_SIZE - 96:
        raise Malformed("an envelope of %d octets is too long for the broker" % len(body))
    if split(body[_HEAD_SIZE:]) != list(frames):
        raise Malformed("a frame of variable size, or a cut one, would swallow those after it")
    return body + key.tag(_CONTEXT + body)[: _tag_size(frames)]


def open(key: Mac, octets: bytes) -> Envelope:
    """The envelope; raises BadTag, or Malformed. Nothing inside is looked at before the tag verified."""
    size = _tag_size(len(octets) > _HEAD_SIZE + _SIGN_TAG_SIZE)
    if len(octets) < _HEAD_SIZE + size or len(octets) == _HEAD_SIZE + TAG_SIZE or kind_of(octets) != KIND_HOP:
        raise Malformed("not a hop envelope")
    if not same(key.tag(_CONTEXT + octets[:-size])[:size], octets[-size:]):
        raise BadTag("hop envelope: tag does not verify")
    _, gateway, sequence = struct.unpack(_HEAD, octets[:_HEAD_SIZE])
    return Envelope(gateway, sequence, split(octets[_HEAD_SIZE:-size]))


def split(octets: bytes) -> list[bytes]:
    """The frames that stand one after another; raises Malformed for an unknown kind or a cut frame."""
    frames = []
    while octets:
        kind = kind_of(octets)
        size = len(octets) if kind in _VARIABLE else _SIZES.get(kind)
        if size is None or size > len(octets):
            raise Malformed("a frame of kind %d does not fit in %d octets" % (kind, len(octets)))
        frames.append(octets[:size])
        octets = octets[size:]
    return frames


def receipt(message: Receipt) -> bytes:
    """A receipt's octets."""
    return pack_numbers(_RECEIPT, type_octet(KIND_RECEIPT), message.upto, message.beyond)


def read_receipt(frame: bytes) -> Receipt:
    """A receipt from its octets; raises Malformed."""
    return Receipt(*_fields(KIND_RECEIPT, _RECEIPT, frame))


def presence(message: Presence) -> bytes:
    """A change of presence in octets."""
    return pack_numbers(_PRESENCE, type_octet(KIND_PRESENCE), message.center, message.up, message.since)


def read_presence(frame: bytes) -> Presence:
    """A change of presence from its octets; raises Malformed."""
    return Presence(*_fields(KIND_PRESENCE, _PRESENCE, frame))


def digest(message: Digest) -> bytes:
    """A digest's octets; 100 beats fit an envelope. Raises Malformed for a beat of another length."""
    for _, beat in message.beats:
        if len(beat) != BEAT.size:
            raise Malformed("a sealed beat has %d octets, not %d" % (BEAT.size, len(beat)))
    head = pack_numbers(_DIGEST, type_octet(KIND_DIGEST), message.time, message.oldest)
    return head + b"".join([pack_numbers(">H", min(age, 0xFFFF)) + beat for age, beat in message.beats])


def read_digest(frame: bytes) -> Digest:
    """A digest from its octets, the beats inside still sealed; raises Malformed."""
    entry = 2 + BEAT.size
    if kind_of(frame) != KIND_DIGEST or len(frame) < _DIGEST_SIZE or (len(frame) - _DIGEST_SIZE) % entry:
        raise Malformed("%d octets cannot be a digest" % len(frame))
    beats = [
        (struct.unpack(">H", frame[at : at + 2])[0], frame[at + 2 : at + entry])
        for at in range(_DIGEST_SIZE, len(frame), entry)
    ]
    _, time, oldest = struct.unpack(_DIGEST, frame[:_DIGEST_SIZE])
    return Digest(time, oldest, beats)


def _tag_size(frames: object) -> int:
    return TAG_SIZE if frames else _SIGN_TAG_SIZE


def _fields(kind: int, layout: str, frame: bytes) -> tuple[int, ...]:
    if kind_of(frame) != kind:
        raise Malformed("kind %d where %d was expected" % (kind_of(frame), kind))
    if len(frame) != struct.calcsize(layout):
        raise Malformed("%d octets where %d were expected" % (len(frame), struct.calcsize(layout)))
    return struct.unpack(layout, frame)[1:]
