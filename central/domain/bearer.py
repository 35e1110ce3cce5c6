"""What goes to gateways by SMS, when, and in which order: by what is known of MQTT, never by waiting to find out (decision 0014).

Pure; called by the SMS rounds. MQTT always carries everything when it is up; this is the second way beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.hop import SMS_ROOM

# The most urgent first.
STOP, LOUD, QUIET, TIME, RECEIPT, SETTINGS = range(6)


@dataclass(frozen=True)
class SmsPolicy:
    """Seconds: `after_s` without an answer until a command goes by SMS although MQTT seems up; `again_s` until it goes once more,
    doubling; `stop_again_s` between two sendings of a stop; `receipts_s` between two receipts to one gateway; `silent_s`
    without anything sealed until MQTT counts as lost."""

    after_s: float = 8.0
    again_s: float = 30.0
    stop_again_s: float = 20.0
    receipts_s: float = 15.0
    silent_s: float = 90.0


@dataclass
class Reach:
    """What is known of one gateway at the broker, in Unix seconds: when it was last heard under seal, when its last will came,
    when the broker said that nobody subscribes to its topic. The last two are None once something says otherwise."""

    heard_at: float = 0.0
    will_at: float | None = None
    nobody_at: float | None = None

    def lost(self, since: float, now: float, policy: SmsPolicy) -> str:
        """Why nothing reaches it by MQTT, in words for the timeline; empty when nothing says so. `since` is when we began to listen."""
        if self.will_at is not None:
            return "its connection broke"
        if self.nobody_at is not None:
            return "it does not listen at the broker"
        silent_s = now - max(self.heard_at, since)
        return f"nothing was heard from it for {silent_s:.0f} s" if silent_s > policy.silent_s else ""


@dataclass(frozen=True)
class Unanswered:
    """A sealed command without an answer, for a gateway that has a number; `sms_at` is when it last went by SMS."""

    gateway: int
    center: int
    authority: int
    counter: int
    incident: int
    loud: bool
    frame: bytes
    issued: float
    sms_at: float | None = None
    sms_tries: int = 0

    def due(self, at_once: bool, now: float, policy: SmsPolicy) -> bool:
        """Whether it goes by SMS now; `at_once` when MQTT is lost, or its center just said hello by SMS."""
        if self.sms_at is not None:
            return now >= self.sms_at + policy.again_s * float(2 ** min(self.sms_tries - 1, 8))
        return at_once or now >= self.issued + policy.after_s


@dataclass(frozen=True)
class UnprovenStop:
    """A group stop of which neither the gateway nor all the centers have said that it is done."""

    number: int
    gateway: int
    group: int
    incident: int
    issued: float
    sms_at: float | None = None
    sms_tries: int = 0

    def due(self, at_once: bool, now: float, policy: SmsPolicy) -> bool:
        """Whether it goes by SMS now."""
        if self.sms_at is not None:
            return now >= self.sms_at + policy.stop_again_s
        return at_once or now >= self.issued + policy.after_s


@dataclass(frozen=True)
class Piece:
    """Frames that go together, and `of`, what they stand for; `tries` how often it went, `since` how long it waits.

    With `alone` no other piece goes with it: a frame of variable size is the last of its envelope.
    """

    rank: int
    gateway: int
    since: float
    tries: int
    frames: tuple[bytes, ...]
    of: object = None
    alone: bool = False

    @property
    def size(self) -> int:
        """In octets."""
        return sum(map(len, self.frames))


@dataclass
class Letter:
    """Pieces for one SMS to one gateway; `place` is 0 for the first of this gateway's, 1 for the second."""

    gateway: int
    place: int
    pieces: list[Piece] = field(default_factory=list)

    def takes(self, piece: Piece) -> bool:
        """Whether there is room for one more."""
        if piece.alone or any(one.alone for one in self.pieces):
            return not self.pieces
        return sum(one.size for one in self.pieces) + piece.size <= SMS_ROOM


def letters(pieces: Iterable[Piece], room: int) -> list[Letter]:
    """The `room` letters that go now: the most urgent first, what never went before what did, each gateway's first before
    any gateway's second. What is less urgent rides along where there is room."""
    by_gateway: dict[int, list[Letter]] = {}
    for piece in sorted(pieces, key=lambda one: (one.rank, one.tries, one.since)):
        mine = by_gateway.setdefault(piece.gateway, [])
        letter = next((one for one in mine if one.takes(piece)), None)
        if letter is None:
            letter = Letter(piece.gateway, len(mine))
            mine.append(letter)
        letter.pieces.append(piece)
    every = [letter for mine in by_gateway.values() for letter in mine]
    return sorted(every, key=_order)[:room]


def _order(letter: Letter) -> tuple[int, int, int, float]:
    first = letter.pieces[0]
    return first.rank, first.tries, letter.place, first.since
