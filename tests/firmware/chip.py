"""A chip of a few lines: `machine` and `network` as the board file uses them, with pins that tests read and set."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Levels = dict[int, int]


class Chip:
    """Pins by number; `events` is what was done to outputs and chip, in order; `now_ms` is its tick."""

    def __init__(self, cause: int = 1) -> None:
        self.levels: Levels = {}
        self.events: list[tuple[Any, ...]] = []
        self.now_ms = 0
        self.timers: list[dict[str, Any]] = []
        self.wall: tuple[int, ...] | None = None
        self.connected = False
        self.cause = cause

    def machine(self) -> ModuleType:
        """The module of the names that the board file imports."""
        chip = self

        class Pin:
            OUT, IN, PULL_UP, PULL_DOWN = 1, 0, 1, 2

            def __init__(self, number: int, mode: int, pull: int = 0, value: int | None = None) -> None:
                self._number = number
                if mode == Pin.OUT:
                    chip.events.append(("out", number, value))
                    chip.levels[number] = value or 0
                else:
                    chip.levels.setdefault(number, 1 if pull == Pin.PULL_UP else 0)

            def value(self, level: int | None = None) -> int:
                if level is not None:
                    chip.levels[self._number] = level
                return chip.levels[self._number]

        class Timer:
            ONE_SHOT, PERIODIC = 0, 1

            def __init__(self, _id: int, **settings: Any) -> None:
                self.settings: dict[str, Any] = {}
                if settings:
                    self.init(**settings)

            def init(self, **settings: Any) -> None:
                settings["due"] = chip.now_ms + settings["period"]
                if self.settings in chip.timers:
                    chip.timers.remove(self.settings)
                self.settings = settings
                chip.timers.append(settings)

        class Adc:
            def __init__(self, _number: int) -> None:
                pass

            def read_u16(self) -> int:
                return 0x8000

        class Watchdog:
            def __init__(self, timeout: int) -> None:
                chip.events.append(("watchdog", timeout))

            def feed(self) -> None:
                chip.events.append(("feed",))

        class Clock:
            def datetime(self, value: tuple[int, ...]) -> None:
                chip.wall = value

        module = ModuleType("machine")
        module.__dict__.update(
            Pin=Pin, Timer=Timer, ADC=Adc, WDT=Watchdog, RTC=Clock, PWRON_RESET=1, WDT_RESET=3,
            reset=lambda: chip.events.append(("reset",)), reset_cause=lambda: chip.cause,
        )  # fmt: skip
        return module

    def network(self) -> ModuleType:
        """The radio."""
        chip = self

        class Wlan:
            IF_STA, PM_NONE = 0, 16

            def __init__(self, _interface: int) -> None:
                pass

            def isconnected(self) -> bool:
                return chip.connected

            def active(self, _on: bool) -> None:
                pass

            def config(self, pm: int) -> None:
                pass

            def connect(self, ssid: str, _key: str) -> None:
                chip.events.append(("join", ssid))

        module = ModuleType("network")
        module.__dict__["WLAN"] = Wlan
        return module

    def install(self, patch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
        """Put the chip under the interpreter; the result imports the board file anew, as a start does."""
        patch.setitem(sys.modules, "machine", self.machine())
        patch.setitem(sys.modules, "network", self.network())
        patch.setattr(time, "ticks_ms", lambda: self.now_ms, raising=False)
        patch.setattr(time, "ticks_diff", lambda a, b: a - b, raising=False)

        def start() -> ModuleType:
            sys.modules.pop("firmware.board", None)
            return importlib.import_module("firmware.board")

        return start

    def run(self, until_ms: int, step_ms: int = 20) -> None:
        """Time passes with the program frozen: only interrupts run."""
        while self.now_ms < until_ms:
            self.now_ms += step_ms
            for timer in list(self.timers):
                while timer in self.timers and timer["due"] <= self.now_ms:
                    timer["callback"](None)
                    if timer["mode"]:
                        timer["due"] += timer["period"]
                    else:
                        self.timers.remove(timer)
