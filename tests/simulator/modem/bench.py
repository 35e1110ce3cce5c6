"""Modems without a pty, in virtual time: what a computer writes to them and gets from them. For the tests beside it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.modem.center import Center
from simulator.modem.clock import ARGENTINA
from simulator.modem.device import Device
from simulator.modem.dialect import DIALECTS
from simulator.modem.journal import Journal
from simulator.modem.terminal import Terminal

ONE, TWO, OTHER = "+5492611111111", "+5492612222222", "+5492619999999"
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=ARGENTINA)


@dataclass(order=True)
class Due:
    """A call to come; see `clock.Timer`."""

    at: float
    serial: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """Time that passes when it is told to; see `clock.Clock`."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[Due] = []
        self._serial = 0

    def later(self, seconds: float, call: Callable[[], None]) -> Due:
        self._serial += 1
        due = Due(self.now + seconds, self._serial, call)
        heapq.heappush(self._due, due)
        return due

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0].at <= end:
            due = heapq.heappop(self._due)
            self.now = due.at
            if not due.cancelled:
                due.call()
        self.now = end


class Computer:
    """The other end of a modem's line; see `terminal.Port`."""

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        self.feed = feed
        self.is_open = True
        self.heard = bytearray()
        self.gaps: list[float] = []

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def write(self, octets: bytes, gap_s: float) -> None:
        self.heard += octets
        self.gaps.append(gap_s)

    def got(self) -> str:
        """What has come since the last time."""
        heard = self.heard.decode("latin-1")
        self.heard.clear()
        return heard


class Bench:
    """Modems that have started and registered, with the echo off and nothing left to hear."""

    def __init__(
        self, numbers: Sequence[str] = (ONE, TWO), dialect: str = "quectel", pin: str = "", usb: bool = False
    ) -> None:
        self.clock = VirtualClock()
        self.journal = Journal()
        self.center = Center(self.clock, self.journal)
        self.devices: list[Device] = []
        self.computers: list[Computer] = []
        for number in numbers:
            device = Device(number, DIALECTS[dialect], self.center, self.clock, self.journal, pin=pin, usb=usb)

            def plugged(feed: Callable[[bytes], None]) -> Computer:
                self.computers.append(Computer(feed))
                return self.computers[-1]

            Terminal(device, plugged)
            self.center.join(device)
            self.devices.append(device)
            device.power_on()
        self.clock.advance(1)
        for at in range(len(numbers)):
            self.ask("ATE0", at)

    def ask(self, line: str, modem: int = 0, seconds: float = 1) -> str:
        """All that comes within the time after a line was entered."""
        self.computers[modem].feed(line.encode("latin-1") + b"\r")
        return self.hear(modem, seconds)

    def hear(self, modem: int = 0, seconds: float = 1) -> str:
        """All that comes within the time."""
        self.clock.advance(seconds)
        return self.computers[modem].got()

    def type(self, text: str, modem: int = 0, seconds: float = 1) -> str:
        """All that comes after a message was typed and ended."""
        self.computers[modem].feed(text.encode("latin-1") + b"\x1a")
        return self.hear(modem, seconds)

    def noted(self, what: str) -> list[tuple[str, str]]:
        """Who and what text, of the journal's entries of a kind."""
        return [(entry.who, entry.text) for entry in self.journal.entries(what=what)]


def reply(*lines: str, result: str = "OK") -> str:
    """A reply as it goes over the line: a block of information lines, then the result."""
    information = "\r\n" + "\r\n".join(lines) + "\r\n" if lines else ""
    return f"{information}\r\n{result}\r\n"
