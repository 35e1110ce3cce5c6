"""The places in which a modem keeps messages: SM on the card, ME in the modem, SR for status reports (3GPP TS 27.005 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

UNREAD, READ, UNSENT, SENT, ALL = range(5)  # <stat>


@dataclass
class Stored:
    """A message in its place; `pdu` begins with the message center's number, `length` counts the octets after it."""

    status: int
    pdu: str
    length: int


class Storage:
    """Numbered places; the first is `first`: 0 with SIMCom and Quectel, 1 elsewhere."""

    def __init__(self, places: int, first: int = 0) -> None:
        self.places = places
        self._first = first
        self._stored: dict[int, Stored] = {}

    @property
    def used(self) -> int:
        """How many places are taken."""
        return len(self._stored)

    @property
    def indexes(self) -> range:
        """All places."""
        return range(self._first, self._first + self.places)

    def put(self, message: Stored) -> int | None:
        """Its place, the lowest free one; None when there is none."""
        for index in self.indexes:
            if index not in self._stored:
                self._stored[index] = message
                return index
        return None

    def get(self, index: int) -> Stored | None:
        """What is in a place."""
        return self._stored.get(index)

    def items(self) -> list[tuple[int, Stored]]:
        """What is in the taken places, in order."""
        return sorted(self._stored.items())

    def delete(self, index: int) -> None:
        """Free a place; a free one stays so."""
        self._stored.pop(index, None)
