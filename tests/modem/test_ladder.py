"""The ladder as a table of outages: when each stage is tried, and what it was worth."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modem.ladder import (
    BEARER,
    CARD,
    CONTEXT,
    ITSELF,
    MAX_FACTOR,
    PATIENCE_S,
    POWER,
    REBOOT,
    REBOOT_AFTER_S,
    REGISTRATION,
    RESET,
    SEARCHING,
    SECOND_SIM,
    SETTLED_S,
    SILENT,
    STAGES,
    UNREGISTERED,
    Figures,
    Health,
    Ladder,
    decide,
)

ALL = frozenset(STAGES)
POLL_S = 10.0
WELL = None


def outage(
    troubles: Iterable[str | None],
    available: frozenset[str] = ALL,
    state: Ladder | None = None,
    poll_s: float = POLL_S,
    start: float = 0.0,
) -> tuple[Ladder, list[tuple[float, str]]]:
    """Feed one judgement each poll; the state at the end, and what was done when."""
    state = state or Ladder()
    done = []
    for poll, trouble in enumerate(troubles):
        now = start + poll * poll_s
        state, decision = decide(state, Health(trouble, "."), now, available)
        if decision.stage:
            done.append((now, decision.stage))
    return state, done


def for_s(trouble: str | None, seconds: float) -> list[str | None]:
    """The same judgement for so long."""
    return [trouble] * (int(seconds / POLL_S) + 1)


@pytest.mark.parametrize(
    ("trouble", "first"),
    [
        (SILENT, [(30, RESET), (90, POWER)]),
        (CARD, [(120, RESET), (420, POWER), (1020, SECOND_SIM)]),
        (SEARCHING, [(600, REGISTRATION), (1800, RESET), (4800, POWER), (7800, SECOND_SIM), (10800, REBOOT)]),
        (UNREGISTERED, [(60, REGISTRATION), (360, RESET), (960, POWER), (2160, SECOND_SIM)]),
        (CONTEXT, [(30, BEARER), (150, REGISTRATION), (450, RESET), (1350, POWER), (4350, SECOND_SIM)]),
    ],
)
def test_each_trouble_has_its_stages_and_its_patience(trouble: str, first: list[tuple[float, str]]) -> None:
    """Only what can help in this trouble, the mildest first, each when the one before has had its time."""
    _, done = outage(for_s(trouble, first[-1][0]))
    assert done == first


def test_a_modem_that_comes_back_by_itself_within_its_patience_is_left_alone() -> None:
    """Five minutes of searching are usual; nothing is done, and the recovery is counted."""
    state, done = outage([*for_s(SEARCHING, 300), WELL])
    assert done == []
    assert state.figures == {ITSELF: Figures(successes=1, seconds=310, longest_s=310)}


def test_what_helped_is_credited_with_the_time_it_took() -> None:
    """The last stage before health: one success, and the seconds since it was done; those before only tries."""
    state, _ = outage([*for_s(SILENT, 90), SILENT, SILENT, WELL])
    assert state.figures == {RESET: Figures(tries=1), POWER: Figures(1, 1, 30, 30)}


def test_after_health_that_lasts_the_ladder_begins_at_the_bottom() -> None:
    """With the first patience; the figures stay."""
    state, _ = outage([*for_s(SILENT, 90), *for_s(WELL, SETTLED_S)])
    assert state == Ladder(figures=state.figures)
    _, done = outage(for_s(SILENT, 30), state=state, start=1000)
    assert done == [(1030, RESET)]


def test_after_health_that_nobody_saw_end_the_ladder_begins_at_the_bottom_too() -> None:
    """The next judgement may come long after the last one."""
    state, _ = outage([*for_s(SILENT, 90), WELL])
    _, done = outage(for_s(SILENT, 30), state=state, start=1000)
    assert done == [(1030, RESET)]


def test_health_that_does_not_last_does_not_begin_a_new_ladder() -> None:
    """A modem that falls again at once gets the next stage, not the same one for ever."""
    _, done = outage([*for_s(SILENT, 30), WELL, WELL, *for_s(SILENT, 60)])
    assert [stage for _, stage in done] == [RESET, POWER]


def test_a_search_after_a_reset_has_its_full_time() -> None:
    """The modem answers again and searches: the power is not cut after the minute that a silent one gets."""
    _, done = outage([*for_s(SILENT, 30), *for_s(SEARCHING, 2990)])
    assert done == [(30, RESET)]


def test_a_modem_that_starts_again_and_again_is_helped_all_the_same() -> None:
    """It searches now and then, never for long; the silent moments count from the last stage."""
    _, done = outage([SILENT, SEARCHING] * 30)
    assert [stage for _, stage in done[:2]] == [RESET, POWER]


def test_what_nobody_can_do_is_left_out() -> None:
    """A gateway without a relay for the modem's power goes from stage to stage without it."""
    _, done = outage(for_s(UNREGISTERED, 2000), available=frozenset({REGISTRATION, SECOND_SIM}))
    assert done == [(60, REGISTRATION), (1260, SECOND_SIM), (1380, REGISTRATION)]


def test_without_anything_to_do_it_waits_and_says_so() -> None:
    """A card that is missing, and no hands."""
    state, decision = decide(Ladder(), Health(CARD, "no card"), 0, frozenset({REGISTRATION}))
    assert (decision.stage, decision.reason) == (None, "no card; nothing here can help")
    assert state.since == 0


def test_waiting_says_for_how_long_and_for_what() -> None:
    """What an operator reads."""
    state, _ = decide(Ladder(), Health(SEARCHING, "searching"), 0, ALL)
    _, decision = decide(state, Health(SEARCHING, "searching"), 200, ALL)
    assert (decision.wait_s, decision.reason) == (400, "searching; next is registration")


def test_each_round_is_more_patient_than_the_one_before() -> None:
    """Twice, up to eight times; a modem that is dead for days is not worn out."""
    _, done = outage(for_s(SILENT, 20_000), available=frozenset({RESET, POWER}))
    gaps = [round(later - sooner) for (sooner, _), (later, _) in pairwise(done)]
    assert gaps[:5] == [60, 60, 120, 120, 240]
    assert set(gaps[7:]) == {30 * MAX_FACTOR, 60 * MAX_FACTOR}


def test_the_computer_is_started_again_only_after_an_hour_of_outage() -> None:
    """Reset and power have had several rounds by then."""
    _, done = outage(for_s(SILENT, 2 * REBOOT_AFTER_S))
    before = [stage for at, stage in done if at < REBOOT_AFTER_S]
    assert before.count(POWER) >= 4
    assert REBOOT not in before
    assert REBOOT in [stage for _, stage in done]


TROUBLES = st.sampled_from([SILENT, CARD, SEARCHING, UNREGISTERED, CONTEXT, WELL])
HISTORY = st.lists(st.tuples(TROUBLES, st.integers(1, 400)), min_size=1, max_size=20)


@given(HISTORY, st.sets(st.sampled_from(STAGES)).map(frozenset))
def test_no_history_makes_the_ladder_impatient_or_wrong(
    history: list[tuple[str | None, int]], available: frozenset[str]
) -> None:
    """What is done can be done and can help; a search is never ended early; two stages never follow at once."""
    troubles = [trouble for trouble, polls in history for _ in range(polls)]
    _, done = outage(troubles, available)
    for at, stage in done:
        poll = round(at / POLL_S)
        trouble = troubles[poll]
        assert trouble is not None
        assert stage in available & PATIENCE_S[trouble].keys()
        if trouble == SEARCHING:
            assert set(troubles[poll - int(PATIENCE_S[SEARCHING][REGISTRATION] / POLL_S) : poll]) == {SEARCHING}
    assert all(later - sooner >= 30 for (sooner, _), (later, _) in pairwise(done))


@given(HISTORY)
def test_tries_and_successes_add_up(history: list[tuple[str | None, int]]) -> None:
    """Each stage counts once when it is done; each return of health is credited once."""
    troubles = [trouble for trouble, polls in history for _ in range(polls)]
    state, done = outage(troubles)
    assert sum(figures.tries for figures in state.figures.values()) == len(done)
    returns = sum(before is not None and after is None for before, after in pairwise(troubles))
    assert sum(figures.successes for figures in state.figures.values()) == returns


@given(st.lists(st.sampled_from([SILENT, CARD, UNREGISTERED, CONTEXT]), min_size=60, max_size=60))
def test_an_outage_is_never_left_without_help(troubles: list[str]) -> None:
    """However the trouble changes, within ten minutes something is done."""
    _, done = outage(troubles)
    assert done
