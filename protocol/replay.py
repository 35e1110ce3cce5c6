"""The replay window of one authority and key epoch: which counters were already used (RFC 4303, 3.4.3).

New counters are accepted once, in any order, as long as they are within 64 of the newest one and above the floor.
Its whole state is 16 octets, so that a center writes it to flash before an output moves.
"""

import struct

from protocol.errors import Malformed

SIZE = 64
NEW = "new"
REPEAT = "repeat"
OLD = "old"

_MASK = (1 << SIZE) - 1
_LAYOUT = ">IIQ"


class Window:
    """Highest counter seen, one bit for each of the 64 counters up to it, and a floor under which all are dead."""

    def __init__(self, top: int = 0, bits: int = 0, floor: int = 0) -> None:
        self.top = top
        self.floor = floor
        self._bits = bits

    def verdict(self, counter: int) -> str:
        """`new`, `repeat` (seen exactly once before) or `old` (cannot be told from a replay)."""
        if counter > self.top:
            return NEW if counter > self.floor else OLD
        behind = self.top - counter
        if counter <= 0 or behind >= SIZE:
            return OLD
        if self._bits >> behind & 1:
            return REPEAT
        return NEW if counter > self.floor else OLD

    def accept(self, counter: int) -> None:
        """Mark a counter whose verdict was `new` as used."""
        if counter > self.top:
            self._bits = (self._bits << (counter - self.top) & _MASK) | 1 if counter - self.top < SIZE else 1
            self.top = counter
        else:
            self._bits |= 1 << (self.top - counter)

    def raise_floor(self, counter: int) -> bool:
        """Refuse every unused counter up to and including `counter`; a floor never goes down. Whether it rose."""
        rises = counter > self.floor
        if rises:
            self.floor = counter
        return rises

    def pack(self) -> bytes:
        """The window's 16 octets."""
        return struct.pack(_LAYOUT, self.top, self.floor, self._bits)


def unpack(octets: bytes) -> Window:
    """A window from its 16 octets; raises Malformed for another length."""
    if len(octets) != struct.calcsize(_LAYOUT):
        raise Malformed("a replay window has 16 octets, not %d" % len(octets))
    top, floor, bits = struct.unpack(_LAYOUT, octets)
    return Window(top, bits, floor)
