"""What goes by SMS, when and in which order: tables."""

from __future__ import annotations

import pytest

from central.domain.bearer import (
    LOUD,
    QUIET,
    RECEIPT,
    STOP,
    TIME,
    Piece,
    Reach,
    SmsPolicy,
    Unanswered,
    UnprovenStop,
    letters,
)
from central.domain.owed import CONFIRMS, HELLO_S, Owed
from protocol.codes import MAINS_LOST
from protocol.messages import Hello

POLICY = SmsPolicy()
COMMAND = (b"c" * 48,)


@pytest.mark.parametrize(
    ("reach", "now", "why"),
    [
        (Reach(), 90.0, ""),
        (Reach(), 90.1, "nothing was heard from it for 90 s"),
        (Reach(heard_at=10.0), 100.0, ""),
        (Reach(heard_at=10.0), 101.0, "nothing was heard from it for 91 s"),
        (Reach(heard_at=10.0, will_at=11.0), 12.0, "its connection broke"),
        (Reach(heard_at=10.0, nobody_at=11.0), 12.0, "it does not listen at the broker"),
    ],
)
def test_mqtt_is_known_to_be_lost_by_what_was_said_and_by_what_was_not(reach: Reach, now: float, why: str) -> None:
    """A last will, a broker that says that nobody listens, 90 s of silence since it was heard, or since we began to listen."""
    assert reach.lost(0.0, now, POLICY) == why


@pytest.mark.parametrize(
    ("tries", "at_once", "now", "due"),
    [
        (0, False, 7.9, False),
        (0, False, 8.0, True),
        (0, True, 0.0, True),
        (1, True, 29.9, False),
        (1, False, 30.0, True),
        (2, True, 59.9, False),
        (2, True, 60.0, True),
        (3, True, 119.9, False),
    ],
)
def test_a_command_goes_after_8_s_or_at_once_and_again_after_30_s_doubling(
    tries: int, at_once: bool, now: float, due: bool
) -> None:
    """Issued at 0; where it went before, it last did at 0 too."""
    order = Unanswered(1, 1, 0, 1, 5, True, b"", 0.0, 0.0 if tries else None, tries)
    assert order.due(at_once, now, POLICY) is due


@pytest.mark.parametrize(
    ("tries", "at_once", "now", "due"),
    [
        (0, False, 7.9, False),
        (0, False, 8.0, True),
        (0, True, 0.0, True),
        (3, True, 19.9, False),
        (3, False, 20.0, True),
    ],
)
def test_a_stop_goes_again_each_20_s(tries: int, at_once: bool, now: float, due: bool) -> None:
    """However often it went."""
    stop = UnprovenStop(1, 1, 1, 5, 0.0, 0.0 if tries else None, tries)
    assert stop.due(at_once, now, POLICY) is due


def going(pieces: list[Piece], room: int = 99) -> list[tuple[int, list[object]]]:
    """The gateway and the names of each letter."""
    return [(letter.gateway, [piece.of for piece in letter.pieces]) for letter in letters(pieces, room)]


def test_what_is_urgent_goes_first() -> None:
    """Stops, what can be heard, what cannot, times, receipts."""
    pieces = [Piece(rank, rank + 1, 0.0, 0, COMMAND, rank) for rank in (RECEIPT, TIME, QUIET, LOUD, STOP)]
    assert going(pieces, 3) == [(1, [STOP]), (2, [LOUD]), (3, [QUIET])]


def test_a_gateways_second_message_goes_before_what_is_less_urgent_elsewhere() -> None:
    """Rank before fairness, and before how often it went."""
    stop = Piece(STOP, 1, 0.0, 1, (b"s" * 22,), "stop", alone=True)
    pieces = [Piece(RECEIPT, 2, 0.0, 0, (b"r" * 9,), "receipt"), Piece(LOUD, 1, 0.0, 0, COMMAND, "command"), stop]
    assert going(pieces) == [(1, ["stop"]), (1, ["command"]), (2, ["receipt"])]


def test_two_commands_fit_one_message_and_every_gateway_gets_its_first_before_any_gets_a_second() -> None:
    """Gateway 1 has five centers, gateway 2 one that was commanded later."""
    pieces = [Piece(LOUD, 1, float(n), 0, COMMAND, n) for n in range(5)] + [Piece(LOUD, 2, 9.0, 0, COMMAND, "late")]
    assert going(pieces) == [(1, [0, 1]), (2, ["late"]), (1, [2, 3]), (1, [4])]


def test_what_never_went_goes_before_what_goes_again() -> None:
    """Also before a gateway's first of those."""
    pieces = [Piece(STOP, 1, 0.0, 1, COMMAND, "again"), Piece(STOP, 2, 5.0, 0, COMMAND, "first")]
    assert going(pieces, 1) == [(2, ["first"])]


def test_a_receipt_rides_along_where_there_is_room_and_a_stop_goes_alone() -> None:
    """A frame of variable size is the last in its envelope; nothing is put beside it."""
    receipt = Piece(RECEIPT, 1, 0.0, 0, (b"r" * 9,), "receipt")
    assert going([receipt, Piece(LOUD, 1, 0.0, 0, COMMAND, "command")]) == [(1, ["command", "receipt"])]
    stop = Piece(STOP, 1, 0.0, 0, (b"s" * 22,), "stop", alone=True)
    assert going([receipt, stop]) == [(1, ["stop"]), (1, ["receipt"])]


def test_receipts_to_one_gateway_are_15_s_apart_and_what_came_meanwhile_stays_owed() -> None:
    """The debt that was paid is the one that was looked at."""
    owed = Owed()
    owed.receipt(1, MAINS_LOST, b"first", 0.0)
    seen = owed.receipts(0.0, 15.0)[1]
    owed.receipt(1, MAINS_LOST, b"second", 0.1)
    owed.paid(1, seen, 0.2)
    assert owed.receipts(15.1, 15.0) == {}
    assert owed.receipts(15.2, 15.0)[1].confirms == (b"first", b"second")


def test_no_more_confirmations_are_owed_than_fit_and_each_once() -> None:
    """The others are asked for again by their centers."""
    owed = Owed()
    for confirm in (b"a", b"a", b"b", b"c", b"d", b""):
        owed.receipt(1, MAINS_LOST, confirm, 0.0)
    assert owed.receipts(0.0, 15.0)[1].confirms == (b"a", b"b", b"c")
    assert CONFIRMS * 26 + 9 <= 97


def test_the_time_is_owed_only_while_the_center_would_take_it() -> None:
    """Later it would arrive after its 60 s."""
    owed = Owed()
    owed.time(1, Hello(0, 0, 7, 1, bytes(8), 1, 0, 0, 0, 1, 1), 0.0)
    assert list(owed.times(HELLO_S - 0.1)) == [7]
    assert owed.times(HELLO_S) == {}
