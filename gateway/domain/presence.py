"""Who is there: told from sealed messages alone, with last wills and greetings as a hint to look sooner.

Called by the flows. A local broker or a serial line that is away says nothing about the centers behind it: their silence
is then not counted, or one broken cable would be told as twenty broken centers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A center that came or went, and since how many seconds it had been silent (up: before it spoke)."""

    center: int
    up: bool
    since_s: int
    reason: str


@dataclass
class _Center:
    heard_at: float | None
    deadline: float
    up: bool | None = None
    changed_at: float = 0.0
    hinted: bool = False


class Presence:
    """The centers of one gateway; all times are monotonic seconds."""

    def __init__(self, centers: Iterable[int], silent_after_s: float, hinted_after_s: float, now: float) -> None:
        self._silent_after_s = silent_after_s
        self._hinted_after_s = hinted_after_s
        self._centers = {center: _Center(None, now + silent_after_s) for center in centers}
        self._paused = set(self._centers)

    def heard(self, center: int, now: float) -> Change | None:
        """A message whose seal verified; a Change when the center was down or not yet known."""
        entry = self._centers[center]
        before = entry.heard_at
        entry.heard_at = now
        entry.deadline = now + self._silent_after_s
        entry.hinted = False
        if entry.up:
            return None
        reason = "first heard" if entry.up is None else "heard again"
        entry.up, entry.changed_at = True, now
        return Change(center, True, 0 if before is None else int(now - before), reason)

    def hinted(self, center: int, now: float) -> None:
        """Its last will arrived: unless something sealed comes soon, it is gone."""
        entry = self._centers.get(center)
        if entry is not None and entry.up is not False:
            entry.deadline = min(entry.deadline, now + self._hinted_after_s)
            entry.hinted = True

    def way_lost(self, centers: Iterable[int]) -> None:
        """What leads to these centers is away: their silence does not count from here."""
        self._paused.update(self._centers.keys() & centers)

    def way_back(self, centers: Iterable[int], now: float) -> None:
        """It is back: they get the time that was taken from them, and time to connect."""
        for center in self._paused.intersection(centers):
            entry = self._centers[center]
            entry.hinted = False
            entry.deadline = now + self._silent_after_s
        self._paused.difference_update(centers)

    def silent(self, now: float) -> list[Change]:
        """Those that have just become silent."""
        changes = []
        for center, entry in self._centers.items():
            if center not in self._paused and entry.up is not False and now >= entry.deadline:
                reason = "last will, then silence" if entry.hinted else "silence"
                since = now - (entry.heard_at if entry.heard_at is not None else entry.deadline - self._silent_after_s)
                entry.up, entry.changed_at = False, now
                changes.append(Change(center, False, max(0, int(since)), reason))
        return changes

    def known(self, now: float) -> list[Change]:
        """The present word on every center that has one, to be told after the uplink was away."""
        return [
            Change(center, entry.up, max(0, int(now - entry.changed_at)), "as it stands")
            for center, entry in self._centers.items()
            if entry.up is not None
        ]

    def state(self, center: int) -> str:
        """`up`, `down`, or `unknown` while neither is proven."""
        up = self._centers[center].up
        return "unknown" if up is None else "up" if up else "down"

    def silence_s(self, center: int, now: float) -> int | None:
        """Seconds since something sealed came from it; None when nothing ever did."""
        heard_at = self._centers[center].heard_at
        return None if heard_at is None else int(now - heard_at)
