"""Time on a device without a clock: a monotonic count of milliseconds, and the wall clock that TIME frames set.

Ticks of a board wrap after 2**30 ms (12.4 days); here they do not. Between two TIMEs the wall clock runs on ticks.
"""

from firmware.score import TICKS_MASK


class Clock:
    """Made once per boot from `ticks_ms`, a function that wraps; must be asked at least once in 6 days."""

    def __init__(self, ticks_ms):
        self._ticks_ms = ticks_ms
        self._first = self._last = ticks_ms()
        self._ms = 0
        self._wall = None  # (Unix seconds, milliseconds of this boot when it was so)
        self._shared = 0  # Unix milliseconds of the group's shared clock, less the milliseconds of this boot

    def ms(self):
        """Milliseconds since this boot."""
        ticks = self._ticks_ms()
        self._ms += (ticks - self._last) & TICKS_MASK
        self._last = ticks
        return self._ms

    def ticks(self, at_ms=None):
        """The board's tick at a millisecond of this boot, now when none is told."""
        return (self._first + (self.ms() if at_ms is None else at_ms)) & TICKS_MASK

    def set(self, unix_s):
        """It is `unix_s` now."""
        self._wall = (unix_s, self.ms())

    def share(self, unix_ms):
        """It is this Unix millisecond by the clock that the centers of a group share, for what they do in step."""
        self._shared = unix_ms - self.ms()

    def shared_origin(self, period_ms):
        """A tick, not later than now, at which a period of the shared clock began."""
        now_ms = self.ms()
        return self.ticks(now_ms - (now_ms + self._shared) % period_ms)

    def now(self):
        """Unix seconds, or None before the first TIME of this boot."""
        if self._wall is None:
            return None
        unix_s, at = self._wall
        return unix_s + (self.ms() - at) // 1000
