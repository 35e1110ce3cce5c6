"""Whether memory stays flat: resident memory of each interpreter, and the heap that its own sealed reports tell of. For the soak.

The middle of the run's last third is held against that of its second; the first is for everything to be used once.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

import psutil

# More growth than this is a leak.
TOLERANCE = 0.10
# Fewer looks in a third of the run say nothing.
_LEAST = 3

Looks = list[tuple[float, float]]


class Memory:
    """`violations` are sentences; `figures` octets by what was looked at: middle of second and last third, worst change."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.figures: dict[str, dict[str, float]] = {}
        self._resident: dict[str, Looks] = {}

    def sample(self, name: str, at: float, pid: int) -> None:
        """Look at one interpreter; one that is gone by now is passed over."""
        try:
            octets = psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return
        # A process that is being replaced has no program in it yet, a dead one nothing at all.
        if octets:
            self._resident.setdefault(name, []).append((at, octets))

    def judge(self, began: float, ended: float, reports: Iterable[tuple[float, str, dict[str, Any]]]) -> None:
        """Both kinds, between two moments; `reports` are (when, center, body) with `heap` of [used, free]."""
        used: dict[str, Looks] = {}
        free: dict[str, Looks] = {}
        for at, name, body in reports:
            # CPython has no heap of its own to tell of.
            if body.get("heap"):
                used.setdefault(name, []).append((at, body["heap"][0]))
                free.setdefault(name, []).append((at, body["heap"][1]))
        self._compare("resident", self._resident, began, ended)
        self._compare("heap", used, began, ended)
        least = min((octets for looks in free.values() for _, octets in looks), default=0)
        self.figures["heap_free"] = {"least": least}

    def _compare(self, what: str, looks: dict[str, Looks], began: float, ended: float) -> None:
        second: list[float] = []
        last: list[float] = []
        worst = 0.0
        judged = 0
        for name, mine in looks.items():
            thirds = [_third(mine, began, ended, number) for number in (1, 2)]
            if min(map(len, thirds)) < _LEAST:
                continue
            judged += 1
            before, after = map(median, thirds)
            second.append(before)
            last.append(after)
            change = after / before - 1
            worst = max(worst, change, key=abs)
            if abs(change) > TOLERANCE:
                self.violations.append(f"{name}: {what} memory went from {before:.0f} to {after:.0f} octets")
        self.figures[what] = {
            "centers": judged,
            "second_third": median(second) if second else 0,
            "last_third": median(last) if last else 0,
            "worst_percent": round(100 * worst, 2),
        }


def _third(looks: Looks, began: float, ended: float, number: int) -> list[float]:
    length = (ended - began) / 3
    return [octets for at, octets in looks if began + number * length <= at < began + (number + 1) * length]
