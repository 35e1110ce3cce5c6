"""Errors of the wire protocol.

ProtocolError
├── Malformed    the octets are not a frame of this protocol (or a value does not fit its field)
└── BadTag       the octets are a frame, and nobody who holds the key made them
"""


class ProtocolError(Exception):
    """Anything wrong with octets that came from, or go to, a wire."""


class Malformed(ProtocolError):
    """Wrong length, unknown kind, unknown version, or a value that its field cannot hold."""


class BadTag(ProtocolError):
    """The authentication tag does not verify: forged, damaged, or made for another key, boot or direction."""
