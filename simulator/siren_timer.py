"""The hardware timer behind a siren: pure, told the time by simulator.board; it knows nothing of the firmware.

It counts from the first on; only a rest gives the siren a new period, so the silences of a cadence do not stretch it.
"""

from __future__ import annotations

REST_S = 10.0


class SirenTimer:
    """`limit_s` after the first on it takes the siren's power (`cut`) until the siren was driven off for `REST_S`."""

    def __init__(self, limit_s: float) -> None:
        self.cut = False
        self._limit_s = limit_s
        self._on_since: float | None = None
        self._off_since: float | None = None

    def drive(self, on: bool, now: float) -> None:
        """The siren's drive is on or off from `now` (monotonic seconds)."""
        # A rest that ended between two ticks counts before it is forgotten.
        self.advance(now)
        if on:
            self._off_since = None
            if self._on_since is None:
                self._on_since = now
        elif self._on_since is not None and self._off_since is None:
            self._off_since = now

    def advance(self, now: float) -> bool:
        """Let time pass; whether the siren lost its power or got it back."""
        if self._on_since is None:
            return False
        before = self.cut
        if self._off_since is not None and now - self._off_since >= REST_S:
            self.cut, self._on_since, self._off_since = False, None, None
        elif now - self._on_since >= self._limit_s:
            self.cut = True
        return self.cut != before
