"""The places in which a modem keeps messages: SM on the card, ME in the modem, SR for status reports, MT for ME and SM
together (3GPP TS 27.005 3.1)."""

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
    """Places numbered from 0."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._stored: dict[int, Stored] = {}

    @property
    def used(self) -> int:
        """How many places are taken."""
        return len(self._stored)

    @property
    def indexes(self) -> range:
        """All places."""
        return range(self.places)

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


class Joint(Storage):
    """Two storages as one; the places of the second follow those of the first."""

    def __init__(self, first: Storage, second: Storage) -> None:
        super().__init__(first.places + second.places)
        self._first, self._second = first, second

    @property
    def used(self) -> int:
        """See `Storage`."""
        return self._first.used + self._second.used

    def put(self, message: Stored) -> int | None:
        """See `Storage`."""
        index = self._first.put(message)
        if index is not None:
            return index
        index = self._second.put(message)
        return None if index is None else self._first.places + index

    def get(self, index: int) -> Stored | None:
        """See `Storage`."""
        storage, place = self._at(index)
        return storage.get(place)

    def items(self) -> list[tuple[int, Stored]]:
        """See `Storage`."""
        return self._first.items() + [(self._first.places + index, stored) for index, stored in self._second.items()]

    def delete(self, index: int) -> None:
        """See `Storage`."""
        storage, place = self._at(index)
        storage.delete(place)

    def _at(self, index: int) -> tuple[Storage, int]:
        first = self._first.places
        return (self._first, index) if index < first else (self._second, index - first)
