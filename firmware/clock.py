"""Time on a device without a clock: a monotonic count of milliseconds, and the wall clock that TIME frames set.

Ticks of a board wrap after 2**30 ms (12.4 days); here they do not. Between two TIMEs the wall clock runs on ticks.
"""

TICKS_PERIOD = 1 << 30


class Clock:
    """Made once per boot from `ticks_ms`, a function that wraps; must be asked at least once in 6 days."""

    def __init__(self, ticks_ms):
        self._ticks_ms = ticks_ms
        self._last = ticks_ms()
        self._ms = 0
        self._wall = None  # (Unix seconds, milliseconds of this boot when it was so)

    def ms(self):
        """Milliseconds since this boot."""
        ticks = self._ticks_ms()
        self._ms += (ticks - self._last) % TICKS_PERIOD
        self._last = ticks
        return self._ms

    def set(self, unix_s):
        """It is `unix_s` now."""
        self._wall = (unix_s, self.ms())

    def now(self):
        """Unix seconds, or None before the first TIME of this boot."""
        if self._wall is None:
            return None
        unix_s, at = self._wall
        return unix_s + (self.ms() - at) // 1000
