"""The board's own cap on what is loud, behind the center's: pure counting in ticks, for an interrupt. Used by player.

It is a second opinion: a fault in the center or a frozen loop must not be able to hold a siren on.
"""

from firmware.score import TICKS_MASK
from protocol.codes import LOUD, POWER

# Above the 180 s of the center, below the 185 s of the timer relay in the siren's supply.
LIMIT_MS = 183000
# The timer relay arms itself anew after this long off; so does this.
REST_MS = 10000


class Limit:
    """One period begins with the first loud output and ends after 10 s in which none was on.

    `periods` counts them, so that a second timer can be set for each; `cut` says that the present one is over.
    """

    def __init__(self):
        self.cut = False
        self.periods = 0
        self._running = False
        self._resting = False
        self._since = 0  # tick at which the period began
        self._off = 0  # tick since which nothing loud was on

    def allowed(self, mask, ticks):
        """The part of a wanted mask that may be on. Takes no memory."""
        if self._running:
            if self._resting and ((ticks - self._off) & TICKS_MASK) >= REST_MS:
                self._running = self.cut = False
            elif ((ticks - self._since) & TICKS_MASK) >= LIMIT_MS:
                self.cut = True
        if not mask & LOUD:
            if self._running and not self._resting:
                self._resting = True
                self._off = ticks
        else:
            self._resting = False
            if not self._running:
                self._running = True
                self._since = ticks
                self.periods += 1
        return mask & ~(LOUD | POWER) if self.cut else mask
