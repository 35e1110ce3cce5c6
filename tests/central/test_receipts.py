"""What a receipt says is stored, against the set of what was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from central.domain.receipts import moved_on, received

BASE = 1 << 24
COUNTS = st.lists(st.integers(1, 60), max_size=120)


def told(upto: int, beyond: int) -> set[int]:
    """The counts of epoch 1 that a receipt covers."""
    return {*range(1, upto - BASE + 1), *(upto - BASE + 1 + bit for bit in range(32) if beyond >> bit & 1)}


def after(counts: list[int]) -> tuple[int, int]:
    """The receipt once these came, in this order."""
    upto, beyond = 0, 0
    for count in counts:
        upto, beyond = received(upto, beyond, BASE + count)
    return upto, beyond


@given(COUNTS)
def test_a_receipt_never_covers_what_did_not_come(counts: list[int]) -> None:
    """The gateway forgets what is covered: one that was not stored would be lost for ever."""
    if counts:
        assert told(*after(counts)) <= set(counts)


@given(st.permutations(range(1, 33)))
def test_within_the_window_a_receipt_covers_all_that_came(order: list[int]) -> None:
    """In any order, and at every moment, the naive set of what came is what is told."""
    upto, beyond = 0, 0
    for place, count in enumerate(order, 1):
        upto, beyond = received(upto, beyond, BASE + count)
        assert told(upto, beyond) == set(order[:place])
    assert (upto, beyond) == (BASE + 32, 0)


@given(COUNTS)
def test_sending_again_until_receipted_ends_with_everything_covered(counts: list[int]) -> None:
    """What lies beyond the window is told once it comes again, as the gateway does."""
    upto, beyond = after(counts)
    for _ in range(3):
        for count in range(1, 61):
            upto, beyond = received(upto, beyond, BASE + count)
    assert (upto, beyond) == (BASE + 60, 0)


@given(COUNTS, st.integers(1, 60))
def test_a_repeat_changes_nothing(counts: list[int], again: int) -> None:
    """The same entry twice is one entry."""
    once = received(*after(counts), BASE + again)
    assert received(*once, BASE + again) == once


@given(COUNTS, st.integers(1, 200))
def test_what_the_gateway_no_longer_has_is_not_waited_for(counts: list[int], oldest: int) -> None:
    """The mark moves to just before the oldest that exists, and never back; what is beyond stays known."""
    upto, beyond = after(counts)
    moved = moved_on(upto, beyond, BASE + oldest)
    assert told(*moved) == told(upto, beyond) | set(range(1, oldest))
    assert moved_on(*moved, BASE + oldest) == moved


def test_a_new_card_starts_afresh_and_the_old_one_cannot_come_back() -> None:
    """A higher epoch begins at its first entry; a lower one changes nothing."""
    upto, beyond = received(BASE + 40, 0b100, 2 * BASE + 1)
    assert (upto, beyond) == (2 * BASE + 1, 0)
    assert received(upto, beyond, BASE + 41) == (upto, beyond)
    assert moved_on(upto, beyond, BASE + 90) == (upto, beyond)
