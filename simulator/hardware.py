"""What is on one simulated board: outputs, inputs, faults, and the interpreter that sits on it. For simulator.board.

Its timer interrupt is the firmware's own (firmware.player), run here because an interpreter on a PC has no interrupts.
It says what is on and when the watchdog is due; it starts and ends nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
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
BUTTONS = ("panic", "silent")


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
    stands still, so that not even its timer interrupt runs. `pulse` is the mask of a test pulse, `holds` how often
    each button was held for long enough, `turned_at` up to when the interrupt has run."""

    name: str
    folder: Path
    runtime: str
    timer: SirenTimer
    inputs: dict[str, int] = field(default_factory=lambda: dict(INPUTS))
    faults: set[str] = field(default_factory=set)
    player: Player = field(default_factory=player)
    level: int = 0
    pulse: int = 0
    holds: list[int] = field(default_factory=lambda: [0, 0])
    turned_at: float = field(default_factory=time.monotonic)
    powered: bool = False
    frozen: bool = False
    cause: int = _POWER_ON
    resets: int = 0
    reported: str = ""
    log: list[str] = field(default_factory=list)
    lines: int = 0
    process: Process | None = None
    writer: asyncio.StreamWriter | None = None
    greeted: bool = False
    fed_at: float = 0.0
    # Power and watchdog never start two interpreters at once, nor one that nobody ends.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    mourner: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """The pins float, so everything is off; the interrupt begins anew with the program."""
        self.level, self.pulse, self.frozen, self.player = 0, 0, False, player()
        self.holds = [0, 0]

    def interrupt(self, now: float) -> None:
        """The timer interrupt up to a moment. The program starts it, and it runs on this processor: not while that is
        dead or frozen. Buttons are sampled once for each period that has passed, however late this process is."""
        if not self.powered or self.frozen or self.process is None or not self.greeted:
            self.turned_at = now
            return
        periods = int((now - self.turned_at) * 1000 / PERIOD_MS)
        self.turned_at += periods * PERIOD_MS / 1000
        for place, name in enumerate(BUTTONS):
            for _ in range(periods):
                self._sample(place, bool(self.inputs[name]), now)
        self.level = self.player.turn(ticks(now)) | self.pulse

    def _sample(self, place: int, pressed: bool, now: float) -> None:
        """One look at a button. The program learns of a whole hold by its number, when it next looks: it may hang now."""
        now_ms, latch = int(now * 1000), self.player.latches[place]
        before = latch.level(False, now_ms)
        self.player.sample(place, pressed)
        if latch.level(False, now_ms) and not before:
            self.holds[place] += 1

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
        return int(levels(self.player.score, ticks(now)))

    @property
    def busy(self) -> bool:
        """Whether its interrupt has something to do that a person would notice a delay of."""
        return self.powered and bool(self.player.score or self.level or self.inputs["panic"] or self.inputs["silent"])

    def overdue(self, now: float, watchdog_s: float) -> bool:
        """Whether the watchdog has waited long enough for a feed."""
        starting = self.process is not None and not self.greeted
        limit_s = max(watchdog_s, _START_S) if starting else watchdog_s
        return self.powered and "no_watchdog" not in self.faults and now - self.fed_at >= limit_s

    def signal(self, number: int, interrupts: bool) -> None:
        """Stop or end its interpreter; one that is stopped takes the timers along, unless `interrupts` go on."""
        if number in (signal.SIGSTOP, signal.SIGCONT):
            self.frozen = number == signal.SIGSTOP and not interrupts
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def command(self, port: int) -> list[str]:
        """How the interpreter is started."""
        main = [str(ROOT / "simulator" / "device" / "main.py"), str(port), self.name, str(self.folder)]
        if self.runtime == "micropython":
            return [str(Path(sys.executable).with_name("micropython")), "-X", f"heapsize={_HEAP}", *main]
        return [sys.executable, *main]

    def tell(self, line: str) -> None:
        """One line to the program on it, if there is one that listens."""
        if self.writer is not None:
            self.writer.write((line + "\n").encode())

    def note(self, text: str) -> None:
        """One line of its console, the newest of the last 200."""
        self.log.append(text)
        self.lines += 1
        del self.log[:-_LOG_LINES]
