"""Many centers without mains at about the same time are one event. Pure; called by the flow that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Centers tell after two minutes without mains, each with a jitter of its own and its true age: a gap wider than this is another event.
GAP_S = 300.0
# One center without mains is its fuse, two are a street's; from three on it is the grid.
FEWEST = 3


@dataclass(frozen=True)
class Blackout:
    """`centers` in the order in which they lost their mains; `first` and `last` are when, in Unix seconds."""

    centers: tuple[int, ...]
    first: float
    last: float


@dataclass(frozen=True)
class Battery:
    """What a center without mains still has; `hours` as it reckons itself, None when it has not said."""

    center: int
    hours: float | None
    millivolts: int


def blackouts(lost: Mapping[int, float]) -> list[Blackout]:
    """The blackouts among centers that are without mains since the given times, the earliest first."""
    found, chain = [], list[int]()
    for center in [*sorted(lost, key=lambda one: (lost[one], one)), None]:
        if chain and (center is None or lost[center] - lost[chain[-1]] > GAP_S):
            if len(chain) >= FEWEST:
                found.append(Blackout(tuple(chain), lost[chain[0]], lost[chain[-1]]))
            chain = []
        if center is not None:
            chain.append(center)
    return found


def ranked(batteries: list[Battery]) -> list[Battery]:
    """The first to go dark first; those that have not said for how long after those that have, by voltage."""
    return sorted(batteries, key=lambda one: (one.hours is None, one.hours or 0.0, one.millivolts, one.center))
