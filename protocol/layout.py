"""How a message becomes octets: one table row per frame, packed and unpacked by the same few lines.

A layout is a struct format whose first octet is the type octet. MicroPython's struct truncates a value that does
not fit and CPython's raises another error, so ranges are checked here.
"""

import struct

try:
    from typing import Any
except ImportError:  # MicroPython has no typing, and does not evaluate annotations.
    pass

from protocol.errors import BadTag, Malformed
from protocol.hmac import TAG_SIZE, Mac, same

VERSION = 1
NONCE_SIZE = 8
NO_NONCE = bytes(NONCE_SIZE)

_LIMITS = {"B": 0xFF, "H": 0xFFFF, "I": 0xFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}


def type_octet(kind: int, authority: int = 0) -> int:
    """First octet of every frame: version in the top two bits, kind in the next four, authority in the last two."""
    return VERSION << 6 | kind << 2 | authority


def kind_of(frame: bytes) -> int:
    """The kind of a frame by its first octet; raises Malformed when it is empty or of another version."""
    if not frame:
        raise Malformed("empty frame")
    if frame[0] >> 6 != VERSION:
        raise Malformed("version %d, this end speaks version %d" % (frame[0] >> 6, VERSION))
    return frame[0] >> 2 & 0x0F


def pack_numbers(layout: str, *values: int) -> bytes:
    """The octets of `values` in a struct format of B, H, I and Q alone; raises Malformed for one that does not fit."""
    for value, char in zip(values, layout[1:]):
        if not 0 <= value <= _LIMITS[char]:
            raise Malformed("%r does not fit its field" % (value,))
    return struct.pack(layout, *values)


def authority_of(frame: bytes) -> int:
    """The authority that a frame claims; whether it has it only the tag can tell."""
    kind_of(frame)
    return frame[0] & 0x03


class Layout:
    """One kind of frame: `make` builds the message from the authority and the values of `fields`.

    `fields` is a struct format without byte order for all that follows the type octet (B, H, I, Q and <n>s).
    """

    def __init__(self, kind: int, name: str, fields: str, make: Any) -> None:
        self.kind = kind
        self.name = name
        self.make = make
        self.format = ">B" + fields
        self.body_size = struct.calcsize(self.format)
        self.size = self.body_size + TAG_SIZE
        self._limits = [_LIMITS.get(char) for char in fields if not ("0" <= char <= "9")]
        self._context = b"sereno/1 " + name.encode() + b"\0"

    def pack(self, message: Any) -> bytes:
        """The body's octets, no tag; raises Malformed when a value does not fit its field."""
        values = message[1:]
        for value, limit in zip(values, self._limits):
            # The only field that is not a number is a nonce; struct would pad or cut one of another length in silence.
            if not 0 <= value <= limit if limit is not None else len(value) != NONCE_SIZE:
                raise Malformed("%s: %r does not fit its field" % (self.name, value))
        if not 0 <= message[0] <= 3:
            raise Malformed("%s: no authority %r" % (self.name, message[0]))
        try:
            return struct.pack(self.format, type_octet(self.kind, message[0]), *values)
        except (struct_error, TypeError, ValueError) as error:
            raise Malformed("%s: %s" % (self.name, error))

    def unpack(self, body: bytes) -> Any:
        """The message in a body without tag; raises Malformed for another kind, version or length."""
        if kind_of(body) != self.kind:
            raise Malformed("kind %d where a %s was expected" % (kind_of(body), self.name))
        if len(body) != self.body_size:
            raise Malformed("%s has %d octets, not %d" % (self.name, self.body_size, len(body)))
        return self.make(body[0] & 0x03, *struct.unpack(self.format, body)[1:])

    def seal(self, key: Mac, message: Any, nonce: bytes = NO_NONCE) -> bytes:
        """Body and tag; `nonce` (8 octets, not sent) is the receiver's boot nonce for frames towards a center."""
        body = self.pack(message)
        if len(nonce) != NONCE_SIZE:
            raise Malformed("%s: a nonce has %d octets, not %d" % (self.name, NONCE_SIZE, len(nonce)))
        return body + key.tag(self._context + nonce + body)

    def open(self, key: Mac, frame: bytes, nonce: bytes = NO_NONCE) -> Any:
        """The message of a sealed frame; raises Malformed, or BadTag when the key's holder did not make it."""
        if len(frame) != self.size:
            raise Malformed("a sealed %s has %d octets, not %d" % (self.name, self.size, len(frame)))
        body = frame[:-TAG_SIZE]
        message = self.unpack(body)
        if not same(key.tag(self._context + nonce + body), frame[-TAG_SIZE:]):
            raise BadTag("%s: tag does not verify" % self.name)
        return message

    def peek(self, frame: bytes) -> Any:
        """The message of a sealed frame without verifying it: for addressing and logs, never for acting."""
        if len(frame) != self.size:
            raise Malformed("a sealed %s has %d octets, not %d" % (self.name, self.size, len(frame)))
        return self.unpack(frame[:-TAG_SIZE])


# struct.error is ValueError on MicroPython, a class of its own on CPython.
struct_error = getattr(struct, "error", ValueError)
