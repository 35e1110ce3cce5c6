"""The layout of a release's signed manifest, for whoever signs, passes on or believes one. Verifies nothing itself.

The fields are those of SUIT (RFC 9124), in one fixed order, big endian; docs/updates.md has the table.
"""

import struct
from collections import namedtuple

from protocol.errors import Malformed

# `board` is the class of devices; `sequence` rises with every release; `minimum_from` is the lowest sequence that may be
# replaced by it; `expiry` is in Unix seconds; `size` (octets) and `digest` (SHA-256) are of the image.
Manifest = namedtuple("Manifest", ("sequence", "board", "version", "size", "digest", "minimum_from", "expiry"))

MAGIC = b"SRM\x01"
# What the signature (Ed25519, the last 64 octets) covers: CONTEXT, then the first 84 octets.
CONTEXT = b"sereno/1 release\0"
LAYOUT = ">4sI16s16sI32sII"
SIGNED = 84
SIZE = SIGNED + 64

MAX_IMAGE = 256 * 1024

_TEXT = "abcdefghijklmnopqrstuvwxyz0123456789_.+-"


def unpack(octets: bytes) -> Manifest:
    """What the first 84 octets say, nobody having signed it yet; raises Malformed."""
    if len(octets) < SIGNED or octets[:4] != MAGIC:
        raise Malformed("not a manifest")
    _, sequence, board, version, size, digest, minimum_from, expiry = struct.unpack(LAYOUT, octets[:SIGNED])
    if not sequence or not 0 < size <= MAX_IMAGE:
        raise Malformed("a manifest of sequence 0, or of an image of no size that may be")
    return Manifest(sequence, _text(board), _text(version), size, digest, minimum_from, expiry)


def _text(field: bytes) -> str:
    text = bytes(field).rstrip(b"\0")
    if not text or [octet for octet in text if chr(octet) not in _TEXT]:
        raise Malformed("a text of the manifest is not one")
    return text.decode()
