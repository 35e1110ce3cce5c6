"""The signed manifest of a release: what it is, for which board, from when and until when. Pure; called by slots.

The fields are those of SUIT (RFC 9124), in one fixed layout. It decides whether a release may be fetched, and fetches nothing.
"""

import struct
from collections import namedtuple

from protocol.errors import BadTag, Malformed

# `board` is the class of devices; `sequence` rises with every release; `minimum_from` is the lowest sequence that may be
# replaced by it; `expiry` is in Unix seconds; `size` (octets) and `digest` (SHA-256) are of the image.
Manifest = namedtuple("Manifest", ("sequence", "board", "version", "size", "digest", "minimum_from", "expiry"))

MAGIC = b"SRM\x01"
CONTEXT = b"sereno/1 release\0"
# For whoever signs, to pack MAGIC and the fields with; what then unpacks to the same fields may be signed behind CONTEXT.
LAYOUT = ">4sI16s16sI32sII"
SIGNED = 84
SIZE = SIGNED + 64

MAX_IMAGE = 256 * 1024
# Octets of flash for each octet of an image: measured on littlefs in blocks of 4 kB, an image beside the slot that it is
# unpacked into takes 4.4 times its size, of which `held` in unpack counts the slot's part a little short.
ROOM = 4

_TEXT = "abcdefghijklmnopqrstuvwxyz0123456789_.+-"


def unpack(octets):
    """What the first 84 octets say, nobody having signed it yet; raises Malformed."""
    if len(octets) < SIGNED or octets[:4] != MAGIC:
        raise Malformed("not a manifest")
    _, sequence, board, version, size, digest, minimum_from, expiry = struct.unpack_from(LAYOUT, octets, 0)
    if not sequence or not 0 < size <= MAX_IMAGE:
        raise Malformed("a manifest of sequence 0, or of an image of no size that may be")
    return Manifest(sequence, _text(board), _text(version), size, digest, minimum_from, expiry)


def read(octets, release_key):
    """The manifest that the holder of the release key (32 octets, Ed25519) signed; raises Malformed or BadTag."""
    if len(octets) != SIZE:
        raise Malformed("%d octets cannot be a signed manifest" % len(octets))
    manifest = unpack(octets)
    # Here, and not above: it is needed for seconds in years.
    from firmware.ed25519 import verify

    if not verify(release_key, CONTEXT + octets[:SIGNED], octets[SIGNED:]):
        raise BadTag("nobody signed this manifest with the release key")
    return manifest


def acceptable(manifest, running_sequence, board_class, now, free_octets, alarm):
    """None when this release may be fetched, else why not.

    `now` is Unix seconds or None, `free_octets` what an image and its slot may take, `alarm` whether one runs.
    """
    if alarm:
        return "an alarm runs"
    if manifest.board != board_class:
        return "for another board"
    if manifest.sequence == running_sequence:
        return "running already"
    if manifest.sequence < running_sequence:
        return "older than what runs"
    if manifest.minimum_from > running_sequence:
        return "needs a release between"
    if now is None:
        return "no time yet"
    if now >= manifest.expiry:
        return "expired"
    if manifest.size * ROOM > free_octets:
        return "too large"
    return None


def _text(field):
    text = bytes(field).rstrip(b"\0")
    if not text or [octet for octet in text if chr(octet) not in _TEXT]:
        raise Malformed("a text of the manifest is not one")
    return text.decode()
