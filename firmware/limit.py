"""The board's own cap on what is loud, behind the center's: pure counting, used by board beside a hardware timer.

It is a second opinion: a fault in the center or a frozen loop must not be able to hold a siren on.
"""

from protocol.codes import LOUD

# Above the 180 s of the center, below the 185 s of the timer relay in the siren's supply.
LIMIT_MS = 183000
# The timer relay arms itself anew after this long off; so does this.
REST_MS = 10000


class Limit:
    """One period begins with the first loud output and ends after 10 s in which none was on."""

    def __init__(self):
        self._since = None  # when the period began
        self._off = None  # since when nothing loud was on
        self.cut = False

    def begins(self, mask, now_ms):
        """Take note of a wanted mask; whether a new period begins with it, so that the timer must be set anew."""
        if self._off is not None and now_ms - self._off >= REST_MS:
            self._since = self._off = None
            self.cut = False
        if not mask & LOUD:
            if self._since is not None and self._off is None:
                self._off = now_ms
            return False
        self._off = None
        if self._since is not None:
            return False
        self._since = now_ms
        return True

    def allowed(self, mask, now_ms):
        """The part of a mask that may be on: nothing loud once the period has been cut or is over."""
        if self._since is not None and now_ms - self._since >= LIMIT_MS:
            self.cut = True
        return mask & ~LOUD if self.cut else mask
