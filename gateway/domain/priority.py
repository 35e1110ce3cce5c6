"""The outbox's order: what is sent now, what waits, what gives way, and what a receipt covers.

Called by the flows, which keep the same entries on disk. News goes before backlog, backlog goes oldest first and
never more than a few at a time, so that an hour of acks does not stand before the ack of a siren that sounds now.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, takewhile

from protocol import codes
from protocol.hop import Receipt

# An entry that is older than this when its turn comes belongs to the backlog.
LIVE_S = 20.0
_EPOCH_SHIFT = 24
_COUNT_MASK = (1 << _EPOCH_SHIFT) - 1
_BEYOND_BITS = 32


@dataclass(frozen=True)
class Kind:
    """One kind of message: the lowest `priority` goes first; `urgent` ones are worth an SMS at once.

    Only an `evictable` kind ever gives way, or ends after `ttl_s` seconds: whoever said it says it again until central
    confirms it, or it was news and is no more.
    """

    name: str
    priority: int
    urgent: bool = False
    evictable: bool = False
    ttl_s: int | None = None


PRESS = Kind("press", 0, urgent=True)
STOP = Kind("stop", 0, urgent=True)
COMMAND = Kind("command", 1, urgent=True)
ANSWER = Kind("answer", 1, urgent=True)
TOLD = Kind("told", 2)  # what a gateway says of itself
NEWS = Kind("news", 3, evictable=True, ttl_s=7 * 86_400)
KINDS = {kind.name: kind for kind in (PRESS, STOP, COMMAND, ANSWER, TOLD, NEWS)}

_PROOF = (codes.SOUNDING_LOCALLY, codes.STOPPED_LOCALLY, codes.GROUP_STOPPED, codes.GROUP_STOP_INCOMPLETE)


def kind_of(counter: int, status: int) -> Kind:
    """What kind of message an ack is: an answer to a command, a person's press, proof of a siren, or news."""
    if counter or status in _PROOF or not codes.event(status):
        return ANSWER
    if status in codes.PRESSES:
        return PRESS
    return TOLD if status == codes.EVICTED else NEWS


@dataclass
class Entry:
    """One ack that central has not confirmed; times are monotonic seconds, `stored_at` Unix seconds."""

    sequence: int
    ack: bytes
    kind: Kind
    stored_at: int
    kept_at: float
    next_at: float
    tries: int = 0
    sms_at: float | None = None
    sms_tries: int = 0


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
    """When each entry goes: at once, again after `first_s`, doubling to `max_s`, at most `inflight` of the backlog.

    Nothing that happens often looks at every entry: a hundred thousand of them may wait after a long outage.
    """

    def __init__(self, first_s: float, max_s: float, inflight: int) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._inflight = inflight
        # Each in the order of the numbers: what came lately, and behind it the backlog by priority.
        self._live: dict[int, Entry] = {}
        self._backlog: dict[int, dict[int, Entry]] = {kind.priority: {} for kind in KINDS.values()}
        # Those that were sent since the connection stands and are not confirmed.
        self._sent: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._live) + sum(map(len, self._backlog.values()))

    def __iter__(self) -> Iterator[Entry]:
        """By number, which is the order in which they were taken."""
        return iter(sorted(chain(*(bucket.values() for bucket in self._buckets())), key=lambda entry: entry.sequence))

    def first(self, count: int) -> list[Entry]:
        """The most important ones: what came lately, then the backlog."""
        live = sorted(self._live.values(), key=_order)
        return list(islice(chain(live, *(self._backlog[name].values() for name in sorted(self._backlog))), count))

    def add(self, entry: Entry) -> Entry:
        """A new entry, or one under a new number; none had a higher one before."""
        self._live[entry.sequence] = entry
        return entry

    def covered(self, receipt: Receipt) -> list[Entry]:
        """The entries that a receipt covers; they stay until `remove`."""
        top = highest(receipt)
        found: list[Entry] = []
        for bucket in self._buckets():
            numbers = takewhile(lambda sequence: sequence <= top, bucket)
            found += [bucket[sequence] for sequence in numbers if covers(receipt, sequence)]
        return found

    def remove(self, sequences: Iterable[int]) -> None:
        """Forget these."""
        for sequence in sequences:
            self._sent.pop(sequence, None)
            for bucket in self._buckets():
                if bucket.pop(sequence, None):
                    break

    def due(self, now: float) -> list[Entry]:
        """What goes now, in order. Entries that were sent and whose receipt may still come count as in flight."""
        self._age(now)
        live = sorted([entry for entry in self._live.values() if now >= entry.next_at], key=_order)
        room = max(0, self._inflight - sum(now < entry.next_at for entry in self._sent.values()))
        backlog = chain(*(self._backlog[priority].values() for priority in sorted(self._backlog)))
        return live + list(islice((entry for entry in backlog if now >= entry.next_at), room))

    def sent(self, entry: Entry, now: float) -> None:
        """It was handed over: its next time."""
        entry.next_at = now + min(self._max_s, self._first_s * 2 ** min(entry.tries, 16))
        entry.tries += 1
        self._sent[entry.sequence] = entry

    def restart(self, now: float) -> None:
        """The uplink is back: everything may go again, from the shortest pause."""
        for entry in self._sent.values():
            entry.next_at = now
            entry.tries = 0
        self._sent.clear()

    def oldest(self) -> Entry | None:
        """The entry with the lowest sequence."""
        firsts = [bucket[next(iter(bucket))] for bucket in self._buckets() if bucket]
        return min(firsts, key=lambda entry: entry.sequence, default=None)

    def waiting_since(self, now: float) -> float:
        """Seconds for which the longest-waiting entry that was sent has waited for its receipt; 0 without one."""
        return max((now - entry.kept_at for entry in self._sent.values()), default=0.0)

    def ended(self, now: float) -> list[Entry]:
        """Those whose time to live is over; the oldest stand first."""
        self._age(now)
        found: list[Entry] = []
        for kind in KINDS.values():
            if kind.ttl_s:
                limit = now - kind.ttl_s
                entries = self._backlog[kind.priority].values()
                found += takewhile(lambda entry, limit=limit: entry.kept_at <= limit, entries)  # type: ignore[misc]
        return found

    def yielding(self, kind: Kind, count: int, gone: Container[int]) -> list[Entry]:
        """At most `count` entries that may give way to one of `kind`: the least important first, then the oldest; none of
        the sequences in `gone`."""
        weakest = chain(*(self._backlog[priority].values() for priority in sorted(self._backlog, reverse=True)))
        entries = chain(weakest, sorted(self._live.values(), key=lambda entry: -entry.kind.priority))
        weak = (one for one in entries if one.kind.evictable and one.kind.priority > kind.priority)
        return list(islice((entry for entry in weak if entry.sequence not in gone), count))

    def _age(self, now: float) -> None:
        """What came a while ago joins the backlog, behind everything with lower numbers."""
        for sequence, entry in [one for one in self._live.items() if now - one[1].kept_at > LIVE_S]:
            del self._live[sequence]
            self._backlog[entry.kind.priority][sequence] = entry

    def _buckets(self) -> list[dict[int, Entry]]:
        return [self._live, *self._backlog.values()]


def count_left(sequence: int) -> int:
    """How many sequences this epoch still has after `sequence`."""
    return _COUNT_MASK - (sequence & _COUNT_MASK)


def _order(entry: Entry) -> tuple[int, int]:
    return entry.kind.priority, entry.sequence
