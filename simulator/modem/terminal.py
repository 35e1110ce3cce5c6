"""The modem's end of the serial line: command lines in, replies and unsolicited lines out, with the faults of both.

`pty` is its port. What a command does is in `commands`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from simulator.modem import command
from simulator.modem.actions import strike
from simulator.modem.command import Command, CommandError, Later, Outcome, Prompt
from simulator.modem.commands import carry_out
from simulator.modem.device import Device
from simulator.modem.dialect import CME, CMS
from simulator.modem.faults import STATES

_CR, _LF, _BACKSPACE, _ESCAPE, _END = 0x0D, 0x0A, 0x08, 0x1B, 0x1A
MAX_LINE = 2048
_AT = re.compile(r"AT(.*)", re.IGNORECASE | re.DOTALL)


class Port(Protocol):
    """The computer's side of the line."""

    def open(self) -> None:
        """It is there; an open one stays so."""

    def close(self) -> None:
        """It is gone, as when a plug is pulled."""

    def write(self, octets: bytes, gap_s: float) -> None:
        """Octets for the computer, all at once or each so long after the other."""


class Terminal:
    """Implements `device.Line`. A line that comes while a command is carried out waits for its end.

    `plugged` makes the port for one who hears what the computer writes.
    """

    def __init__(self, device: Device, plugged: Callable[[Callable[[bytes], None]], Port]) -> None:
        self._device = device
        self._port = plugged(self.feed)
        self._write = self._port.write
        self._turn = 0  # counts starts and replies: what was due for an earlier one is void
        self._forget()
        device.line = self

    def _forget(self) -> None:
        self._turn += 1
        self._input = bytearray()
        self._line = bytearray()
        self._last = ""
        self._text = ""
        self._prompt: Prompt | None = None
        self._busy = False
        self._commands: list[Command] = []
        self._reply: list[list[str]] = []  # one for each command of the line
        self._held: list[tuple[str, ...]] = []

    def start(self) -> None:
        """See `device.Line`."""
        self._forget()
        self._port.open()

    def stop(self) -> None:
        """See `device.Line`."""
        self._forget()
        if self._device.usb or self._device.unplugged:
            self._port.close()

    def say(self, *lines: str) -> None:
        """See `device.Line`; while a message is typed they wait."""
        if self._prompt:
            self._held.append(lines)
            return
        self._device.journal.note(self._device.number, "said", "\n".join(lines))
        self._write(_block(*lines), 0)

    def feed(self, octets: bytes) -> None:
        """What the computer wrote."""
        if not self._device.powered or self._device.hung:
            return
        self._input += octets
        while self._input and not self._busy:
            self._take(self._input.pop(0))

    def _take(self, octet: int) -> None:
        if self._device.settings.echo and octet not in (_ESCAPE, _END):
            self._write(bytes((octet,)), 0)
        if self._prompt and octet in (_ESCAPE, _END):
            self._typed(self._prompt, cancelled=octet == _ESCAPE)
        elif octet == _CR and not self._prompt:
            text = self._line.decode("latin-1")
            self._line.clear()
            self._entered(text)
        elif octet == _BACKSPACE:
            del self._line[-1:]
        elif self._prompt or octet not in (_LF, _ESCAPE, _END):
            self._line.append(octet)
            del self._line[:-MAX_LINE]

    def _entered(self, line: str) -> None:
        if line.upper() == "A/":
            line = self._last
        found = _AT.search(line)
        if not found:
            return
        device = self._device
        device.journal.note(device.number, "command", found[0])
        self._last, self._text, self._busy = found[0], found[1], True
        if not device.settings.echo and device.faults.strikes("echo", self._text):
            self._write(found[0].encode("latin-1") + b"\r", 0)
        turn = self._turn
        for name in STATES:
            if fault := device.faults.strikes(name, self._text):
                strike(device, fault)
        if turn != self._turn or device.hung:
            return
        try:
            if fault := device.faults.strikes("error", self._text):
                raise CommandError("CME", int(fault.number(100)))
            self._commands = command.read(self._text)
        except CommandError as error:
            self._fail(error)
            return
        self._next()

    def _next(self) -> None:
        while self._commands:
            next_command = self._commands.pop(0)
            if not self._settle(lambda: carry_out(self._device, next_command)):  # noqa: B023 - called at once
                return
        self._answer("OK")

    def _settle(self, doing: Callable[[], Outcome]) -> bool:
        """Whether the command is over and well; if not, the rest comes later or has been answered."""
        try:
            outcome = doing()
        except CommandError as error:
            self._fail(error)
            return False
        if isinstance(outcome, Prompt):
            self._prompt, self._busy = outcome, False
            if not self._device.faults.strikes("no_prompt", self._text):
                self._write(b"\r\n> ", 0)
            return False
        if isinstance(outcome, Later):
            turn, finish = self._turn, outcome.finish

            def go_on() -> None:
                if turn == self._turn and self._settle(finish):
                    self._next()

            self._device.clock.later(outcome.seconds, go_on)
            return False
        if outcome:
            self._reply.append(outcome)
        return True

    def _typed(self, prompt: Prompt, cancelled: bool) -> None:
        text = self._line.decode("latin-1")
        self._line.clear()
        self._prompt, self._busy = None, True
        held, self._held = self._held, []
        for lines in held:
            self.say(*lines)
        if cancelled:
            self._answer("OK")
            return
        self._device.journal.note(self._device.number, "typed", text)
        if self._device.faults.strikes("unsent", self._text):
            self._idle()
        elif self._settle(lambda: prompt.finish(text)):
            self._next()

    def _fail(self, error: CommandError) -> None:
        level = self._device.settings.number("+CMEE")
        if not error.family or not level:
            self._answer("ERROR")
            return
        named = (CME if error.family == "CME" else CMS).get(error.code) if level == 2 else None
        self._answer(f"+{error.family} ERROR: {named or error.code}")

    def _answer(self, result: str) -> None:
        """The reply goes out, as the faults let it."""
        device, faults, text = self._device, self._device.faults, self._text
        reply, self._reply, self._commands = self._reply, [], []
        lines = [line for one in reply for line in one]
        device.journal.note(device.number, "reply", "\n".join([*lines, result]))
        sent = any(line.startswith(("+CMGS:", "+CMSS:")) for line in lines)
        if faults.strikes("no_reply", text) or (sent and faults.strikes("no_cmgs", text)):
            self._idle()
            return
        noise = faults.strikes("garbage", text)
        octets = faults.octets(int(noise.number(20))) if noise else b""
        verbose = device.settings.verbose
        octets += b"".join(_block(*one) if verbose else _plain(*one) for one in reply)
        if between := faults.strikes("urc_in_reply", text):
            octets += _block(between.value or "RING")
        octets += _block(result) if verbose else (b"0\r" if result == "OK" else b"4\r")
        pace = faults.strikes("dribble", text)
        gap_s = pace.number(0.002) if pace else 0.0
        turn = self._turn

        def go_out() -> None:
            if turn == self._turn and not device.hung:
                self._write(octets, gap_s)
                self._idle()

        if late := faults.strikes("slow", text):
            device.clock.later(late.number(2), go_out)
        else:
            go_out()

    def _idle(self) -> None:
        self._busy = False
        self._reply, self._commands = [], []
        if self._input:
            self._device.clock.later(0, lambda: self.feed(b""))


def _block(*lines: str) -> bytes:
    return ("\r\n" + "\r\n".join(lines) + "\r\n").encode("latin-1")


def _plain(*lines: str) -> bytes:
    """The same after ATV0 (V.250 6.2.6)."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
