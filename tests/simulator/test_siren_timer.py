"""The hardware timer behind a siren, in virtual time."""

from __future__ import annotations

import pytest

from simulator.siren_timer import REST_S, SirenTimer

LIMIT_S = 185.0


def test_it_cuts_at_the_limit_and_says_so_once() -> None:
    """Not a moment before, and only the change is news."""
    timer = SirenTimer(LIMIT_S)
    timer.drive(True, 100.0)
    assert [timer.advance(at) for at in (284.9, 285.0, 285.1)] == [False, True, False]
    assert timer.cut


def test_the_silences_of_a_cadence_do_not_stretch_it() -> None:
    """Half a second on, 1.5 s off, for ever: it counts from the first on."""
    timer = SirenTimer(LIMIT_S)
    at = 0.0
    while at < LIMIT_S:
        assert not timer.cut
        timer.drive(True, at)
        timer.drive(False, at + 0.5)
        at += 2.0
    timer.drive(True, at)
    assert timer.cut


def test_a_rest_gives_a_new_period() -> None:
    """Before any cut as after one: the count begins again at the next on."""
    timer = SirenTimer(LIMIT_S)
    timer.drive(True, 0.0)
    timer.drive(False, 180.0)
    timer.drive(True, 180.0 + REST_S)
    timer.advance(190.0 + LIMIT_S - 0.1)
    assert not timer.cut
    timer.advance(190.0 + LIMIT_S)
    assert timer.cut
    timer.drive(False, 400.0)
    assert not timer.advance(400.0 + REST_S - 0.1)
    assert timer.advance(400.0 + REST_S)
    assert not timer.cut


@pytest.mark.parametrize("again", [True, False])
def test_a_cut_siren_stays_cut_without_a_rest(again: bool) -> None:
    """Driven on for an hour, or off for less than the rest and on again."""
    timer = SirenTimer(LIMIT_S)
    timer.drive(True, 0.0)
    timer.advance(LIMIT_S)
    if again:
        timer.drive(False, 200.0)
        timer.drive(True, 200.0 + REST_S - 0.1)
    timer.advance(3600.0)
    assert timer.cut


def test_an_idle_siren_is_never_cut() -> None:
    """Time alone does nothing."""
    timer = SirenTimer(LIMIT_S)
    timer.drive(False, 0.0)
    assert not timer.advance(1e9)
    assert not timer.cut
