"""Releases for tests and campaigns, on both interpreters: an image, and a manifest signed with a key that protects nothing.

Real releases are made by the installer. Signing is RFC 8032, 5.1.6, over the firmware's own curve.
"""

import struct
from hashlib import sha256

from firmware import ed25519
from firmware.sha512 import sha512
from protocol.manifest import CONTEXT, LAYOUT, MAGIC, Manifest

SEED = b"a key for tests, known to anyone"
ISSUED = 1790000000
EXPIRY = ISSUED + 30 * 86400


def public_key(seed: bytes = SEED) -> bytes:
    """The 32 octets that verify what `sign` makes."""
    public: bytes = ed25519.encode(_times(_secret(seed)[0]))
    return public


def sign(message: bytes, seed: bytes = SEED) -> bytes:
    """The 64 octets of a signature."""
    scalar, prefix = _secret(seed)
    order: int = ed25519.ORDER
    number = int.from_bytes(sha512(prefix + message), "little") % order
    commitment: bytes = ed25519.encode(_times(number))
    challenge = int.from_bytes(sha512(commitment + public_key(seed) + message), "little")
    return commitment + ((number + challenge * scalar) % order).to_bytes(32, "little")


def image(files: dict[str, bytes]) -> bytes:
    """The release image of these files, as firmware.package reads it: path to content, sorted."""
    parts = [b"SRI\x01"]
    for path in sorted(files):
        parts += [bytes([len(path)]), path.encode(), struct.pack(">I", len(files[path])), files[path]]
    return b"".join(parts) + b"\0"


def manifest(octets: bytes, sequence: int, seed: bytes = SEED, **other: object) -> bytes:
    """The signed manifest of an image for the board `unix`; `other` are fields to set differently, unchecked."""
    fields = {
        "sequence": sequence,
        "board": "unix",
        "version": f"0.{sequence}",
        "size": len(octets),
        "digest": sha256(octets).digest(),
        "minimum_from": 0,
        "expiry": EXPIRY,
    }
    fields.update(other)
    return signed(Manifest(**fields), seed)


def signed(fields: Manifest, seed: bytes = SEED) -> bytes:
    """A manifest with these fields, whatever they say, and its signature."""
    sequence, board, version, *rest = fields
    body = struct.pack(LAYOUT, MAGIC, sequence, board.encode(), version.encode(), *rest)
    return body + sign(CONTEXT + body, seed)


def _secret(seed: bytes) -> tuple[int, bytes]:
    digest = sha512(seed)
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, digest[32:]


def _times(scalar: int) -> tuple[int, int, int, int]:
    point: tuple[int, int, int, int] = ed25519.both(scalar, ed25519.BASE, 0, ed25519.BASE)
    return point
