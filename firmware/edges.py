"""Between the receiver's pin and firmware.radio: an interrupt puts the lengths of levels in, the loop takes codes out.

Used by firmware.board. What comes while it is full is lost; a frame with a hole in it is no frame, and a fob sends many.
"""

from array import array

from firmware.radio import Receiver

# 300 ms of a fob's frames; in one look twice of what a fob makes in 20 ms.
WAITING = 512
A_LOOK = 96
LONGEST_US = 2000000
_TICKS_MASK = (1 << 30) - 1


class Edges:
    """Times are ticks of microseconds that wrap at 2**30; one longer silence may look like a shorter one."""

    def __init__(self, ticks_us):
        self._lengths = array("i", [0] * WAITING)  # of low levels negative
        self._in = self._out = 0
        self._since_us = ticks_us
        self._receiver = Receiver()

    def edge(self, level, ticks_us):
        """The pin is at `level` since now. Takes no memory: a hard interrupt calls it."""
        us = (ticks_us - self._since_us) & _TICKS_MASK
        self._since_us = ticks_us
        us = LONGEST_US if us > LONGEST_US else us or 1
        at = self._in
        after = (at + 1) % WAITING
        if after != self._out:
            self._lengths[at] = -us if level else us
            self._in = after

    def codes(self):
        """Codes (kind, value) that were pressed since the last look; so much work at a time and no more."""
        heard = ()
        for _ in range(A_LOOK):
            at = self._out
            if at == self._in:
                break
            us = self._lengths[at]
            self._out = (at + 1) % WAITING
            code = self._receiver.edge(1, us) if us > 0 else self._receiver.edge(0, -us)
            if code is not None:
                heard += (code,)
        return heard
