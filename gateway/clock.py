"""This machine's clocks behind the port: monotonic for durations, wall clock for stamps, and how far to believe it.

Made by wiring. A Raspberry Pi has no battery for its clock, so the wall clock is believed in two degrees.
"""

from __future__ import annotations

import ctypes
import sys
import time
import uuid
from pathlib import Path

from gateway.domain.moment import Moment

# No moment before this program was written is possible: 2026-01-01.
EARLIEST = 1_767_225_600
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class SystemClock:
    """`trust` is "auto" (the kernel says whether it is synchronised), "always" or "never"."""

    def __init__(self, trust: str = "auto") -> None:
        self._trust = trust

    def monotonic(self) -> float:
        """Seconds that never step."""
        return time.monotonic()

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())

    def stamp(self) -> tuple[int, int]:
        """Unix seconds and the milliseconds below, of one moment."""
        return divmod(time.time_ns() // 1_000_000, 1000)

    def sane(self) -> bool:
        """Whether `now` is possible at all."""
        return self.now() >= EARLIEST

    def trusted(self) -> bool:
        """Whether a command may be called expired by this clock; otherwise its center alone judges that."""
        if self._trust == "never" or not self.sane():
            return False
        return self._trust == "always" or synchronised()

    def moment(self) -> Moment:
        """Now, by both clocks; where the kernel does not name its boot every process is one of its own."""
        return Moment(self.now(), _BOOT, time.clock_gettime(_UP) if _UP is not None else time.monotonic())


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid.uuid4().hex


_BOOT = _boot()
_UP = getattr(time, "CLOCK_BOOTTIME", None)  # goes on while the machine sleeps, unlike the monotonic one


def synchronised() -> bool:
    """Whether the kernel's clock is disciplined (chrony, timesyncd); False where nobody can tell."""
    if sys.platform != "linux":
        return False
    # struct timex begins with `modes` and has about 200 octets; zeros mean: only tell.
    timex = ctypes.create_string_buffer(512)
    state: int = ctypes.CDLL(None).adjtimex(timex)
    return 0 <= state < _TIME_ERROR
