"""HMAC-SHA-256 (RFC 2104), HKDF (RFC 5869) and a comparison that takes the same time for any difference.

MicroPython has sha256 and neither hmac nor hkdf; the few lines here serve both interpreters.
"""

from hashlib import sha256

_BLOCK = 64
_IPAD = int.from_bytes(b"\x36" * _BLOCK, "big")
_OPAD = int.from_bytes(b"\x5c" * _BLOCK, "big")

TAG_SIZE = 16


class Mac:
    """HMAC-SHA-256 under one key of at most 64 octets, with the padded key blocks made once."""

    def __init__(self, key: bytes) -> None:
        if not 16 <= len(key) <= _BLOCK:
            raise ValueError("a key has 16 to 64 octets, not %d" % len(key))
        block = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
        self._inner = (block ^ _IPAD).to_bytes(_BLOCK, "big")
        self._outer = (block ^ _OPAD).to_bytes(_BLOCK, "big")

    def digest(self, data: bytes) -> bytes:
        """All 32 octets of the HMAC over `data`."""
        return sha256(self._outer + sha256(self._inner + data).digest()).digest()

    def tag(self, data: bytes) -> bytes:
        """The first 16 octets of the HMAC (RFC 2104, 5: at least half of the output)."""
        return self.digest(data)[:TAG_SIZE]


def same(one: bytes, other: bytes) -> bool:
    """Whether two octet strings are equal, without telling by the time taken where they differ."""
    if len(one) != len(other):
        return False
    difference = 0
    for a, b in zip(one, other):
        difference |= a ^ b
    return difference == 0


def hkdf(secret: bytes, info: bytes, salt: bytes = bytes(32), length: int = 32) -> bytes:
    """HKDF-SHA-256 (RFC 5869): `length` octets (at most 255 * 32) bound to `info`, from a uniform `secret`.

    `salt` has 16 to 64 octets.
    """
    expand = Mac(Mac(salt).digest(secret))
    block = b""
    okm = b""
    for index in range(1, (length + 31) // 32 + 1):
        block = expand.digest(block + info + bytes([index]))
        okm += block
    return okm[:length]
