"""The outbox's order: what is sent now, what waits, and what a receipt covers.

Called by the flows, which keep the same entries on disk. News goes before backlog, backlog goes oldest first and
never more than a few at a time, so that an hour of acks does not stand before the ack of a siren that sounds now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.hop import Receipt

# An entry that is older than this when its turn comes belongs to the backlog.
LIVE_S = 20.0
_EPOCH_SHIFT = 24
_COUNT_MASK = (1 << _EPOCH_SHIFT) - 1
_BEYOND_BITS = 32


@dataclass
class Entry:
    """One countersigned ack that central has not confirmed; times are monotonic seconds."""

    sequence: int
    message: bytes
    kept_at: float
    next_at: float
    tries: int = 0


def epoch_of(sequence: int) -> int:
    """The key file's epoch in an outbox sequence."""
    return sequence >> _EPOCH_SHIFT


def highest(receipt: Receipt) -> int:
    """The highest sequence that a receipt says central has."""
    beyond = receipt.beyond & ((1 << _BEYOND_BITS) - 1)
    return int(receipt.upto + beyond.bit_length())


def covers(receipt: Receipt, sequence: int) -> bool:
    """Whether central says that it has this one; a receipt speaks about its own epoch only."""
    if epoch_of(sequence) != epoch_of(receipt.upto):
        return False
    if sequence <= receipt.upto:
        return True
    beyond = sequence - receipt.upto - 1
    return beyond < _BEYOND_BITS and bool(receipt.beyond >> beyond & 1)


class Schedule:
    """When each entry goes: at once, again after `first_s`, doubling to `max_s`, at most `inflight` of the backlog."""

    def __init__(self, first_s: float, max_s: float, inflight: int) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._inflight = inflight
        self._entries: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, sequence: int, message: bytes, kept_at: float) -> Entry:
        """A new entry, due at once."""
        entry = Entry(sequence, message, kept_at, kept_at)
        self._entries[sequence] = entry
        return entry

    def covered(self, receipt: Receipt) -> list[int]:
        """The sequences that a receipt covers; they stay until `remove`."""
        return [sequence for sequence in self._entries if covers(receipt, sequence)]

    def remove(self, sequences: Iterable[int]) -> None:
        """Forget these."""
        for sequence in sequences:
            self._entries.pop(sequence, None)

    def due(self, now: float) -> list[Entry]:
        """What goes now, in order. Entries that were sent and whose receipt may still come count as in flight."""
        flying = 0
        news: list[Entry] = []
        backlog: list[Entry] = []
        for entry in self._entries.values():
            if now < entry.next_at:
                flying += entry.tries > 0
            elif now - entry.kept_at <= LIVE_S:
                news.append(entry)
            else:
                backlog.append(entry)
        news.sort(key=lambda entry: entry.sequence)
        backlog.sort(key=lambda entry: entry.sequence)
        return news + backlog[: max(0, self._inflight - flying)]

    def sent(self, entry: Entry, now: float) -> None:
        """It was handed over: its next time."""
        entry.next_at = now + min(self._max_s, self._first_s * 2 ** min(entry.tries, 16))
        entry.tries += 1

    def restart(self, now: float) -> None:
        """The uplink is back: everything may go again, from the shortest pause."""
        for entry in self._entries.values():
            entry.next_at = now
            entry.tries = 0

    def oldest(self) -> Entry | None:
        """The entry with the lowest sequence."""
        return self._entries[min(self._entries)] if self._entries else None

    def waiting_since(self, now: float) -> float:
        """Seconds for which the longest-waiting entry that was sent has waited for its receipt; 0 without one."""
        return max((now - entry.kept_at for entry in self._entries.values() if entry.tries), default=0.0)


def count_left(sequence: int) -> int:
    """How many sequences this epoch still has after `sequence`."""
    return _COUNT_MASK - (sequence & _COUNT_MASK)
