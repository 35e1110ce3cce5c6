"""Frames with a body of variable length: a fixed header, the body, one tag. Used by report and release.

The octets of the body are sealed as they are, never re-encoded.
"""

from collections import namedtuple

try:
    from typing import Any
except ImportError:  # MicroPython has no typing, and does not evaluate annotations.
    pass

from protocol.errors import BadTag, Malformed
from protocol.hmac import TAG_SIZE, Mac, same
from protocol.layout import Layout


class BodyLayout:
    """One kind of such frame; `fields` are names and `formats` their struct characters (B, H, I, Q), after the authority."""

    def __init__(self, kind: int, name: str, fields: tuple[str, ...], formats: str, max_body: int) -> None:
        self.kind = kind
        self.max_body = max_body
        self._name = name
        self._head = Layout(kind, name, formats, namedtuple(name, ("authority",) + fields))
        self._context = b"sereno/1 " + name.encode() + b"\0"

    def seal(self, key: Mac, head: tuple[int, ...], body: bytes, nonce: bytes = b"") -> bytes:
        """Header, body, tag. `nonce` is the receiver's boot nonce for frames towards a center, else empty.

        `head` is the authority and the values of `fields`; raises Malformed for a body that is too long.
        """
        if len(body) > self.max_body:
            raise Malformed("a %s body has at most %d octets, not %d" % (self._name, self.max_body, len(body)))
        signed = self._head.pack(head) + body
        return signed + key.tag(self._context + nonce + signed)

    def open(self, key: Mac, frame: bytes, nonce: bytes = b"") -> tuple[Any, bytes]:
        """(header, body) of a sealed frame; raises Malformed or BadTag."""
        head, body = self.peek(frame)
        if not same(key.tag(self._context + nonce + frame[:-TAG_SIZE]), frame[-TAG_SIZE:]):
            raise BadTag("%s: tag does not verify" % self._name)
        return head, body

    def peek(self, frame: bytes) -> tuple[Any, bytes]:
        """The same without verifying: for addressing and logs, never for acting."""
        start = self._head.body_size
        if not start + TAG_SIZE <= len(frame) <= start + self.max_body + TAG_SIZE:
            raise Malformed("%d octets cannot be a %s" % (len(frame), self._name))
        return self._head.unpack(frame[:start]), frame[start:-TAG_SIZE]
