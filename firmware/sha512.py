"""SHA-512 (FIPS 180-4) in plain integers, for boards whose hashlib has SHA-256 only. Imported by ed25519 when it verifies.

Many times slower than a library, and good for some hundred octets; whoever has more to digest takes SHA-256.
"""

_MASK = (1 << 64) - 1


def sha512(octets):
    """The 64 octets of the digest of `octets`."""
    octets = bytes(octets)
    padded = octets + b"\x80" + bytes(-(len(octets) + 17) % 128) + (8 * len(octets)).to_bytes(16, "big")
    state = _START
    for at in range(0, len(padded), 128):
        state = _block(state, padded[at : at + 128])
    return b"".join([word.to_bytes(8, "big") for word in state])


def _block(state, octets):
    words = [int.from_bytes(octets[at : at + 8], "big") for at in range(0, 128, 8)]
    a, b, c, d, e, f, g, h = state
    for index in range(80):
        if index > 15:
            early, late = words[index - 15], words[index - 2]
            mixed = (_turn(early, 1) ^ _turn(early, 8) ^ early >> 7) + (_turn(late, 19) ^ _turn(late, 61) ^ late >> 6)
            words.append(words[index - 16] + words[index - 7] + mixed & _MASK)
        one = h + (_turn(e, 14) ^ _turn(e, 18) ^ _turn(e, 41)) + (e & f ^ ~e & g) + _ROUND[index] + words[index]
        two = (_turn(a, 28) ^ _turn(a, 34) ^ _turn(a, 39)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = one + two & _MASK, a, b, c, d + one & _MASK, e, f, g
    return [before + after & _MASK for before, after in zip(state, (a, b, c, d, e, f, g, h))]


def _turn(word, count):
    return (word >> count | word << 64 - count) & _MASK


def _root(number, power):
    """The whole part of the second or third root, by Newton from above."""
    root = 1 << 68
    while True:
        better = ((power - 1) * root + number // root ** (power - 1)) // power
        if better >= root:
            return root
        root = better


# The constants are the first 64 bits behind the point of the roots of the first primes (FIPS 180-4, 4.2.3 and 5.3.5);
# reckoning them takes less flash than writing them down.
_PRIMES = [
    number for number in range(2, 410) if all([number % divisor for divisor in range(2, 21) if divisor < number])
]
_ROUND = [_root(prime << 192, 3) & _MASK for prime in _PRIMES]
_START = [_root(prime << 128, 2) & _MASK for prime in _PRIMES[:8]]
