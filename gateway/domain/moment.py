"""One moment by two clocks, because each of them lies in its own way. Made by the clock's edge, kept with every message."""

from __future__ import annotations

from typing import NamedTuple


class Moment(NamedTuple):
    """Unix seconds, and seconds since the start of the machine that `boot` names."""

    wall: int
    boot: str
    up_s: float
