"""What is on one simulated board: outputs, inputs, faults, and the interpreter that sits on it. For simulator.board.

It says what is on and when the watchdog is due; it starts and ends nothing.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from protocol.codes import SIREN
from simulator.siren_timer import SirenTimer

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ("stuck", "dead", "no_watchdog")
RUNTIMES = ("micropython", "cpython")
_HEAP = "256k"
# A real watchdog starts with the program; until it has said hello a slow machine may take this long to start it.
_START_S = 15.0
_LOG_LINES = 200
_POWER_ON = 1


@dataclass
class Board:
    """One board; `level` is what the firmware asked for, `process` its interpreter while it lives."""

    name: str
    folder: Path
    runtime: str
    timer: SirenTimer
    inputs: dict[str, int] = field(
        default_factory=lambda: {"panic": 0, "silent": 0, "tamper": 0, "mains": 1, "battery_mv": 12_700}
    )
    faults: set[str] = field(default_factory=set)
    level: int = 0
    powered: bool = False
    cause: int = _POWER_ON
    resets: int = 0
    reported: str = ""
    log: list[str] = field(default_factory=list)
    process: Process | None = None
    writer: asyncio.StreamWriter | None = None
    greeted: bool = False
    fed_at: float = 0.0
    # Power and watchdog never start two interpreters at once, nor one that nobody ends.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    mourner: asyncio.Task[None] | None = None

    @property
    def driven(self) -> int:
        """What has power at its input: a stuck siren always, whatever was asked."""
        return self.level | SIREN if "stuck" in self.faults else self.level

    @property
    def outputs(self) -> int:
        """What is really on: a siren that is dead or cut by the hardware timer is off."""
        if not self.powered:
            return 0
        return self.driven & ~SIREN if self.timer.cut or "dead" in self.faults else self.driven

    def overdue(self, now: float, watchdog_s: float) -> bool:
        """Whether the watchdog has waited long enough for a feed."""
        starting = self.process is not None and not self.greeted
        limit_s = max(watchdog_s, _START_S) if starting else watchdog_s
        return self.powered and "no_watchdog" not in self.faults and now - self.fed_at >= limit_s

    def command(self, port: int) -> list[str]:
        """How the interpreter is started."""
        main = [str(ROOT / "simulator" / "device" / "main.py"), str(port), self.name, str(self.folder)]
        if self.runtime == "micropython":
            return [str(Path(sys.executable).with_name("micropython")), "-X", f"heapsize={_HEAP}", *main]
        return [sys.executable, *main]

    def note(self, text: str) -> None:
        """One line of its console, the newest of the last 200."""
        self.log.append(text)
        del self.log[:-_LOG_LINES]
