"""A command as it is read from a command line, and what carrying it out comes to (ITU-T V.250 5.2 to 5.4).

`terminal` reads with it; the tables of commands answer with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_EXTENDED = re.compile(r'([+*^#$%][A-Z0-9_]+)(=\?|\?|=)?((?:"[^"]*"?|[^";])*);?', re.IGNORECASE)
_BASIC = re.compile(r"(&?[A-Z]|\\[A-Z])(\d*)(?:(=|\?)(\d*))?;?", re.IGNORECASE)
_ARGUMENT = re.compile(r'\s*(?:"([^"]*)"?|([^,"]*))\s*(,|$)')


@dataclass(frozen=True)
class Command:
    """`name` in capitals, `form` one of nothing, `?`, `=?` and `=`, arguments without quotes."""

    name: str
    form: str = ""
    arguments: tuple[str, ...] = ()

    def argument(self, index: int, otherwise: str = "") -> str:
        """An argument, or what an absent or empty one stands for."""
        return self.arguments[index] if index < len(self.arguments) and self.arguments[index] else otherwise

    def number(self, index: int, otherwise: int = 0) -> int:
        """The same as a number; CommandError when it is none."""
        text = self.argument(index, str(otherwise))
        if not text.isdecimal():
            raise CommandError("CME", 50)
        return int(text)


class CommandError(Exception):
    """A command is not carried out: +CME ERROR or +CMS ERROR with a code, or a bare ERROR without family."""

    def __init__(self, family: str = "", code: int = 0) -> None:
        super().__init__(family, code)
        self.family = family
        self.code = code


@dataclass(frozen=True)
class Prompt:
    """The command asks for a text; `finish` carries it out with it."""

    finish: Callable[[str], Outcome]


@dataclass(frozen=True)
class Later:
    """The command takes its time."""

    seconds: float
    finish: Callable[[], Outcome]


Outcome = list[str] | Prompt | Later
"""Information lines before OK, or what must happen before there are any."""


def read(text: str) -> list[Command]:
    """The commands of a line, without its AT; CommandError for what cannot be read."""
    commands = []
    at = 0
    while at < len(text):
        if text[at] in " ;":
            at += 1
        elif found := _EXTENDED.match(text, at):
            commands.append(Command(found[1].upper(), found[2] or "", _arguments(found[3])))
            at = found.end()
        elif text[at] in "Dd":  # dialling takes the rest of the line
            commands.append(Command("D", "", (text[at + 1 :],)))
            break
        elif found := _BASIC.match(text, at):
            name, form = found[1].upper(), found[3] or ""
            if name == "S":
                commands.append(Command("S" + found[2], form, (found[4],)))
            else:
                commands.append(Command(name, form, (found[2],)))
            at = found.end()
        else:
            raise CommandError
    return commands


def _arguments(text: str) -> tuple[str, ...]:
    arguments = []
    at = 0
    while text.strip():
        found = _ARGUMENT.match(text, at)
        if not found:
            raise CommandError
        arguments.append((found[2] or "").strip() if found[1] is None else found[1])
        at = found.end()
        if not found[3]:
            break
    return tuple(arguments)
