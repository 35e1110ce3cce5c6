"""Time as the modems and their message center see it: calls to be made later, and the time of day. The tests have one of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Protocol

ARGENTINA = timezone(-timedelta(hours=3))


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """It will not come; harmless after it came."""


class Clock(Protocol):
    """What tells the time."""

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Make a call after so many seconds, never at once."""

    def wall(self) -> datetime:
        """The time of day, with its zone."""


class LoopClock:
    """The running event loop's time."""

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """See `Clock`."""
        return asyncio.get_running_loop().call_later(seconds, call)

    def wall(self) -> datetime:
        """See `Clock`."""
        return datetime.now(ARGENTINA)
