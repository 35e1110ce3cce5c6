"""A disk that loses its power: of what was not synced, any sectors and the last names may be missing. Called by campaign T3.

What it promises: a sync of a file keeps its octets and its size, a sync of the folder keeps the names, a sector is old or new.
Names change in order, as with a journal; that a file's sync keeps its name too, as on ext4, is not counted on.
"""

from __future__ import annotations

import random

from simulator.traced import CREATE, MAPPED, REMOVE, RENAME, SAID, SIZE, SYNC, SYNC_NAMES, WRITE, Operation

SECTORS = (512, 4096)
# How much of what was not synced has reached the disk by itself.
_SHARES = (0.0, 0.3, 0.7, 0.97, 1.0)


class Disk:
    """One folder; `files` are certain, as a cut before left them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        # The names as they are certain, then after each change that is not; the last are what the program sees.
        self._names = [{name: _File(octets) for name, octets in files.items()}]

    def do(self, operation: Operation) -> None:
        """Take one operation of the program."""
        kind, name = operation.kind, operation.name
        seen = self._names[-1]
        if kind in (WRITE, SIZE):
            seen[name].later.append(operation)
        elif kind == SYNC:
            seen[name].sync()
        elif kind == SYNC_NAMES:
            self._names = [seen]
        elif kind == MAPPED:
            seen[name].mapped = True
        elif kind != SAID:
            self._names.append(_renamed(seen, operation))

    def cut(self, dice: random.Random) -> dict[str, bytes]:
        """The octets of all files after a power cut at this moment. The disk goes on as if nothing had happened."""
        share, sector = dice.choice(_SHARES), dice.choice(SECTORS)
        names = dice.choice(self._names)
        return {name: file.cut(dice, share, sector) for name, file in names.items()}


def _renamed(names: dict[str, _File], operation: Operation) -> dict[str, _File]:
    kind, name = operation.kind, operation.name
    after = dict(names)
    if kind == CREATE:
        after[name] = _File()
    elif kind == REMOVE:
        del after[name]
    elif kind == RENAME:
        after[operation.octets.decode()] = after.pop(name)
    return after


class _File:
    """What of a file is certain, and what was done since; of a file that is mapped nothing is ever certain."""

    def __init__(self, octets: bytes = b"") -> None:
        self._certain = bytearray(octets)
        self.later: list[Operation] = []
        self.mapped = False

    def sync(self) -> None:
        for operation in self.later:
            if operation.kind == SIZE:
                _resize(self._certain, operation.offset)
            else:
                _put(self._certain, operation.offset, operation.octets)
        self.later = []

    def cut(self, dice: random.Random, share: float, sector: int) -> bytes:
        """Of each sector and of the size, one of the versions since the last sync; where nothing ever came, zeros or rubbish."""
        octets = bytearray(self._certain)
        stale: set[int] = set()
        hole = dice.choice((b"\x00", b"\xa5"))
        for operation in self.later:
            if operation.kind == SIZE:
                if _reaches(dice, share, stale, -1):
                    _resize(octets, operation.offset)
                continue
            start, end = operation.offset, operation.offset + len(operation.octets)
            for number in range(start // sector, (end - 1) // sector + 1):
                first, last = max(start, number * sector), min(end, (number + 1) * sector)
                if _reaches(dice, share, stale, number):
                    _put(octets, first, operation.octets[first - start : last - start], hole)
        return dice.randbytes(len(octets)) if self.mapped else bytes(octets)


def _reaches(dice: random.Random, share: float, stale: set[int], number: int) -> bool:
    """Whether this version of a sector is on the disk; a version after one that is not there is not there either."""
    if number not in stale and dice.random() >= share:
        stale.add(number)
    return number not in stale


def _resize(octets: bytearray, size: int) -> None:
    del octets[size:]
    octets.extend(bytes(size - len(octets)))


def _put(octets: bytearray, offset: int, part: bytes, hole: bytes = b"\x00") -> None:
    octets.extend(hole * (offset - len(octets)))
    octets[offset : offset + len(part)] = part
