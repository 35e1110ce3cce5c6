"""Nothing but the very octets of a sealed frame is ever taken, and nothing else happens than a ProtocolError."""

import sys

from protocol.errors import ProtocolError
from tests.both.readers import read, sealed

INPUTS = 10000 if sys.implementation.name == "micropython" else 40000


class Dice:
    """The same numbers on both interpreters (xorshift, 32 bits)."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        """A number from 0 to limit - 1."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % limit

    def octets(self, count):
        """So many random octets."""
        return bytes([self.below(256) for _ in range(count)])


def truncated(dice, frame, _):
    """Its end, or its beginning, is missing."""
    cut = 1 + dice.below(len(frame))
    return frame[:-cut] if dice.below(2) else frame[cut:]


def extended(dice, frame, _):
    """Something before or after it."""
    more = dice.octets(1 + dice.below(40))
    return frame + more if dice.below(2) else more + frame


def flipped(dice, frame, _):
    """One to four bits changed."""
    changed = bytearray(frame)
    for _ in range(1 + dice.below(4)):
        changed[dice.below(len(frame))] ^= 1 << dice.below(8)
    return bytes(changed)


def spliced(dice, frame, other):
    """The beginning of one frame and the end of another, at its place or anywhere."""
    at = dice.below(len(frame))
    return frame[:at] + (other[at:] if dice.below(2) else other[dice.below(len(other)) :])


def swapped(dice, frame, other):
    """The body of one under the tag of another."""
    return frame[:-16] + other[-16:]


def overwritten(dice, frame, _):
    """A run of random octets, of the same length as what was there."""
    at = dice.below(len(frame))
    count = min(1 + dice.below(16), len(frame) - at)
    return frame[:at] + dice.octets(count) + frame[at + count :]


def noise(dice, frame, _):
    """The right length and first octet, all else random."""
    return frame[:1] + dice.octets(len(frame) - 1)


MUTATIONS = (truncated, extended, flipped, spliced, swapped, overwritten, noise)


def test_nothing_but_the_frame_itself_is_taken():
    """Seeded mutations of each sealed frame, given to every reader under that frame's key."""
    frames = sealed()
    good = {octets for _, _, _, octets in frames}
    dice = Dice(20260101)
    tried = 0
    while tried < INPUTS:
        reader, key, nonce, frame = frames[tried % len(frames)]
        other = frames[dice.below(len(frames))][3]
        octets = MUTATIONS[tried // len(frames) % len(MUTATIONS)](dice, frame, other)
        if octets in good:
            continue  # a splice may happen to be a whole frame
        for name in (reader, "hop", "report", "command"):
            try:
                taken = read(name, key, nonce, octets)
            except ProtocolError:
                continue
            raise AssertionError((name, octets.hex(), taken))
        tried += 1
    assert tried >= INPUTS


def test_the_unsealed_readers_raise_nothing_else():
    """Receipts, presence, digests and countersigned acks: a value or a ProtocolError, whatever comes."""
    dice = Dice(7)
    frames = [octets for _, _, _, octets in sealed()]
    values = errors = 0
    for turn in range(INPUTS // 8):
        frame = frames[turn % len(frames)]
        start = bytes([0x40 | dice.below(64)])
        octets = start + (dice.octets((8, 9, 8 + 37, 119)[dice.below(4)]) if dice.below(2) else frame[1:])
        for name in ("receipt", "presence", "digest", "countersigned"):
            try:
                read(name, None, b"", octets)
                values += 1
            except ProtocolError:
                errors += 1
    assert values > 0
    assert errors > 0


def test_each_frame_itself_is_taken():
    """So that the refusals above mean something."""
    for reader, key, nonce, octets in sealed():
        assert read(reader, key, nonce, octets) is not None
