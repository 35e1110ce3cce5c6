"""What happened to the modems and the messages, in order: tests wait on it, the console shows it. Safe between threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from simulator.errors import SimulatorError


@dataclass(frozen=True)
class Entry:
    """`who` is a number; `what` one of command, typed, reply, said, power, network, fault, stored, accepted, refused, lost, delivered,
    expired, reported; `text` the line, the PDU or the other number."""

    who: str
    what: str
    text: str


class Journal:
    """Entries since the start; `heard` is called for each, on the modems' thread."""

    def __init__(self, heard: Callable[[Entry], None] | None = None) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._heard = heard

    def note(self, who: str, what: str, text: str = "") -> None:
        """Something happened."""
        entry = Entry(who, what, text)
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()
        if self._heard:
            self._heard(entry)

    def entries(self, who: str = "", what: str = "", containing: str = "") -> list[Entry]:
        """Those of a number, of a kind, that contain a text; an empty argument asks for nothing."""
        with self._changed:
            return self._matching(who, what, containing)

    def wait(
        self, who: str = "", what: str = "", containing: str = "", count: int = 1, timeout_s: float = 10.0
    ) -> list[Entry]:
        """The same as soon as there are `count` of them; SimulatorError when there are not in time."""
        with self._changed:
            if self._changed.wait_for(lambda: len(self._matching(who, what, containing)) >= count, timeout_s):
                return self._matching(who, what, containing)
        sought = " ".join(filter(None, (who, what, containing)))
        raise SimulatorError(f"the modems' journal has fewer than {count} of {sought!r} after {timeout_s:g} s")

    def _matching(self, who: str, what: str, containing: str) -> list[Entry]:
        return [
            entry
            for entry in self._entries
            if who in ("", entry.who) and what in ("", entry.what) and containing in entry.text
        ]
