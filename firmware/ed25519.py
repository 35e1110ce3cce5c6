"""Ed25519 (RFC 8032, section 5.1): verifying only, in plain integers. Imported when there is something to verify.

Strict: one signature per key and message (S below the order, points in their one encoding, no key of small order). It
takes a second or two on a Pico W, and no secret goes through it, so that it need not take constant time.
"""

from firmware.sha512 import sha512

_P = (1 << 255) - 19
ORDER = (1 << 252) + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_MINUS_ONE_ROOT = pow(2, (_P - 1) // 4, _P)

# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z and T = XY/Z (section 5.1.4).
NEUTRAL = (0, 1, 1, 0)


def verify(public, message, signature):
    """Whether `signature` (64 octets) is the one that the holder of `public` (32 octets) made on `message`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key = decode(public)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER or _small(key):
        return False
    commitment = bytes(signature[:32])
    challenge = int.from_bytes(sha512(commitment + bytes(public) + bytes(message)), "little") % ORDER
    # Compared as octets: a commitment in another than its one encoding never matches.
    return encode(both(scalar, BASE, challenge, (_P - key[0], key[1], 1, _P - key[3]))) == commitment


def decode(octets):
    """The point in 32 octets, or None when they are not the one encoding of a point of the curve (5.1.3)."""
    y = int.from_bytes(octets, "little")
    odd = y >> 255
    y &= (1 << 255) - 1
    if y >= _P:
        return None
    over = y * y - 1
    under = _D * y * y + 1
    # Candidate root of over/under without a division: over * under**3 * (over * under**7) ** ((p - 5) / 8).
    cubed = under * under * under % _P
    x = over * cubed * pow(over * cubed * cubed * under % _P, (_P - 5) // 8, _P) % _P
    if (under * x * x - over) % _P:
        x = x * _MINUS_ONE_ROOT % _P
        if (under * x * x - over) % _P:
            return None
    if x == 0 and odd:
        return None
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


def encode(point):
    """The 32 octets of a point (5.1.2)."""
    inverse = pow(point[2], _P - 2, _P)
    x = point[0] * inverse % _P
    y = point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def both(first, one, second, other):
    """first * one + second * other, both scalars in one go (Straus)."""
    sums = (None, one, other, _add(one, other))
    result = NEUTRAL
    for bit in range(255, -1, -1):
        result = _add(result, result)
        which = (first >> bit & 1) | (second >> bit & 1) << 1
        if which:
            result = _add(result, sums[which])
    return result


def _add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] % _P * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _small(point):
    """Whether the point's order is 1, 2, 4 or 8: such a key has signatures that nobody made."""
    # x is 0 at the neutral point and at the one of order 2, and nowhere else.
    for _ in range(2):
        point = _add(point, point)
    return point[0] == 0


BASE = decode((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
