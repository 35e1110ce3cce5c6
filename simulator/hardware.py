"""What is on one simulated board: outputs, inputs, faults, and the interpreter that sits on it. For simulator.board.

Its timer interrupt is the firmware's own (firmware.player), run here because an interpreter on a PC has no interrupts.
It says what is on and when the watchdog is due; it starts and ends nothing.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from firmware.inputs import Latch
from firmware.player import PERIOD_MS, Player
from firmware.score import TICKS_MASK, levels
from protocol.codes import POWER, SIREN
from simulator.circuit import Flow, flow
from simulator.siren_timer import SirenTimer

ROOT = Path(__file__).resolve().parent.parent
RUNTIMES = ("micropython", "cpython")
HOLD_MS = 1500
_HEAP = "256k"
# A real watchdog starts with the program; until it has said hello a slow machine may take this long to start it.
_START_S = 15.0
_LOG_LINES = 200
_POWER_ON = 1

# What a hand, the mains or the weather does to a board. `sound` and `light` are -1 where nothing is fitted.
INPUTS = {
    "panic": 0,
    "silent": 0,
    "tamper": 0,
    "mains": 1,
    "motion": 0,
    "battery_mv": 12_700,
    "resistance_mohm": 60,
    "microphone": 0,
    "light": -1,
}


def ticks(now: float) -> int:
    """The board's tick at a moment of the monotonic clock."""
    return int(now * 1000) & TICKS_MASK


def latches(hold_ms: int) -> tuple[Latch, Latch]:
    """The panic button's and the silent one's."""
    return Latch(hold_ms, PERIOD_MS), Latch(hold_ms, PERIOD_MS)


def player() -> Player:
    """What runs in a board's timer interrupt, after a reset."""
    return Player(latches(HOLD_MS))


@dataclass
class Board:
    """One board; `level` is what its pins are at, `process` its interpreter while it lives, `frozen` when its processor
    stands still, so that not even its timer interrupt runs."""

    name: str
    folder: Path
    runtime: str
    timer: SirenTimer
    inputs: dict[str, int] = field(default_factory=lambda: dict(INPUTS))
    faults: set[str] = field(default_factory=set)
    player: Player = field(default_factory=player)
    level: int = 0
    shown: tuple[bool, bool] = (False, False)
    powered: bool = False
    frozen: bool = False
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

    def reset(self) -> None:
        """The pins float, so everything is off; the interrupt begins anew with the program."""
        self.level, self.frozen, self.player = 0, False, player()

    def interrupt(self, now: float) -> None:
        """One period of the timer interrupt; it runs on this processor, so not while that is dead or frozen."""
        if not self.powered or self.frozen or self.process is None:
            return
        for place, name in enumerate(("panic", "silent")):
            self.player.sample(place, bool(self.inputs[name]))
        self.level = self.player.turn(ticks(now))

    def latched(self, place: int, now: float) -> bool:
        """A button as the program is shown it."""
        pressed = bool(self.inputs[("panic", "silent")[place]])
        return bool(self.player.latches[place].level(pressed, int(now * 1000)))

    @property
    def flow(self) -> Flow:
        """What flows at this moment."""
        level = self.level if self.powered else 0
        faults = self.faults if self.powered else set()
        return flow(level, faults, self.timer.cut, self.inputs["battery_mv"], self.inputs["resistance_mohm"])

    @property
    def driven(self) -> bool:
        """Whether the siren is driven as its hardware timer sees it, which stands before the second switch."""
        relay = self.level & SIREN or "stuck" in self.faults
        return bool(relay and (self.level & POWER or "stuck_path" in self.faults))

    @property
    def outputs(self) -> int:
        """What is really on."""
        return self.flow.outputs

    def asked(self, now: float) -> int:
        """What the program wants on now."""
        return levels(self.player.score, ticks(now))

    @property
    def busy(self) -> bool:
        """Whether its interrupt has something to do that a person would notice a delay of."""
        return self.powered and bool(self.player.score or self.level or self.inputs["panic"] or self.inputs["silent"])

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
