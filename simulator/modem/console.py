"""`sereno-sim modem`: modems that run until they are interrupted, and faults that a tester types, one line each."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from simulator.errors import SimulatorError
from simulator.modem.actions import ACTIONS
from simulator.modem.device import REAL
from simulator.modem.faults import OF_CENTER, OF_MODEM
from simulator.modem.journal import Entry
from simulator.modem.modems import Modems


def _listed(title: str, lines: dict[str, str]) -> str:
    return "\n".join([title, *(f"  {name:16} {said}".rstrip() for name, said in lines.items())])


HELP = "\n".join(
    (
        "list                                  the modems and where they are",
        "N fault NAME [VALUE] [count=K] [probability=P] [after=K] [on=+CMGS]",
        "N clear [NAME]                        disarm a fault, or all",
        "N ACTION [VALUE]                      for example: 1 remove_sim",
        "center fault NAME ...  center clear   the same of the message center",
        "center phone NUMBER                   a telephone that takes messages",
        "message FROM TO TEXT                  a short message",
        "octets FROM TO HEX                    one of 8-bit data",
        "trace on|off                          show what happens",
        "quit",
        _listed("Faults of a modem N:", OF_MODEM),
        _listed("Actions on a modem N:", {name: said for name, (said, _) in ACTIONS.items()}),
        _listed("Faults of the center:", OF_CENTER),
    )
)


class Console:
    """Obeys lines; `tracing` says whether the journal is shown."""

    def __init__(self, tracing: bool) -> None:
        self.tracing = tracing
        self._modems: Modems | None = None

    def show(self, entry: Entry) -> None:
        """A line of the journal."""
        if self.tracing:
            print(f"{entry.who} {entry.what} {entry.text!r}", flush=True)

    def attend(self, modems: Modems) -> None:
        """These are the modems."""
        self._modems = modems

    def obey(self, line: str) -> str:
        """Do what a line says; the answer. SimulatorError for a line that cannot be done."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise SimulatorError("a quote is not closed") from None
        modems = self._modems
        if not words or modems is None:
            return ""
        match words:
            case ["help"]:
                return HELP
            case ["list"]:
                return "\n".join(f"{at} {modem.number} {modem.path}" for at, modem in enumerate(modems, 1))
            case ["trace", "on" | "off"]:
                self.tracing = words[1] == "on"
            case ["message", sender, recipient, *text] if text:
                modems.center.inject(sender, recipient, " ".join(text))
            case ["octets", sender, recipient, octets]:
                try:
                    modems.center.inject(sender, recipient, bytes.fromhex(octets))
                except ValueError:
                    raise SimulatorError(f"octets are written as pairs of hexadecimal digits, not {octets!r}") from None
            case ["center", "phone", number]:
                modems.center.phone(number)
            case ["center", "fault", name, *rest]:
                value, chances = _chances(rest)
                modems.center.fault(name, value, **chances)
            case ["center", "clear", *names] if len(names) < 2:
                modems.center.clear(*names)
            case [number, verb, *rest] if number.isdecimal():
                self._modem(modems, int(number), verb, rest)
            case _:
                raise SimulatorError(f"{words[0]!r} is no command here, or not with these words; `help` lists all")
        return "ok"

    def _modem(self, modems: Modems, number: int, verb: str, rest: list[str]) -> None:
        if not 1 <= number <= len(modems):
            raise SimulatorError(f"there is no modem {number}; there are 1 to {len(modems)}")
        modem = modems[number - 1]
        if verb == "fault" and rest:
            value, chances = _chances(rest[1:])
            modem.fault(rest[0], value, **chances)
        elif verb == "clear" and len(rest) < 2:
            modem.clear(*rest)
        else:
            modem.act(verb, " ".join(rest))


def _chances(words: list[str]) -> tuple[str, dict[str, int | float | str]]:
    """The value and the chances of a fault, as words."""
    value, chances = "", dict[str, int | float | str]()
    for word in words:
        name, given, text = word.partition("=")
        try:
            if given and name in ("count", "after"):
                chances[name] = int(text)
            elif given and name == "probability":
                chances[name] = float(text)
            elif given and name == "on":
                chances[name] = text
            else:
                value = f"{value} {word}".strip()
        except ValueError:
            raise SimulatorError(f"{name} takes a number, not {text!r}") from None
    return value, chances


def run(numbers: Sequence[str], dialect: str, links: Path | None, pin: str, usb: bool, slow: bool, trace: bool) -> None:
    """Start the modems, say where they are, obey stdin; after its end go on until interrupted."""
    console = Console(trace)
    signal.signal(signal.SIGTERM, _leave)
    with Modems(numbers, dialect, links, pin, usb, REAL if slow else None, heard=console.show) as modems:
        console.attend(modems)
        print(console.obey("list"), flush=True)
        for line in sys.stdin:
            if line.strip() == "quit":
                return
            try:
                print(console.obey(line), flush=True)
            except SimulatorError as error:
                print(f"? {error}", flush=True)
        threading.Event().wait()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
