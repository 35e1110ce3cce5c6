"""The rules of threat T4: until when a siren may be on."""

from __future__ import annotations

import pytest

from simulator import overtime
from simulator.overtime import Limits, Round, latest, violations

LIMITS = Limits(duration_s=3.0, watchdog_s=1.5, hardware_s=4.0, margin_s=0.5)
ON = 100.0
WATCHED, ALONE = True, False


@pytest.mark.parametrize(
    ("watched", "faults", "lasts_s", "why"),
    [
        (WATCHED, [], 3.0, "activation"),
        (
            WATCHED,
            [(overtime.LINK, 1.0), (overtime.BROKER, 1.0), (overtime.GATEWAY, 1.0), (overtime.CENTRAL, 1.0)],
            3.0,
            "activation",
        ),
        (WATCHED, [(overtime.KILL, 1.0)], 2.5, "watchdog"),
        (WATCHED, [(overtime.FREEZE, 1.0)], 2.5, "watchdog"),
        (WATCHED, [(overtime.STALL, 1.0)], 2.5, "watchdog"),
        (WATCHED, [(overtime.STALL, 2.0)], 3.0, "activation"),
        (WATCHED, [(overtime.KILL, 2.9)], 4.0, "hardware timer"),
        (WATCHED, [(overtime.KILL, 2.0)], 3.5, "watchdog"),
        (WATCHED, [(overtime.KILL, 3.1)], 3.0, "activation"),
        (WATCHED, [(overtime.POWER_CUT, 1.0)], 1.0, "power"),
        (WATCHED, [(overtime.STALL, 0.5), (overtime.KILL, 1.5)], 2.0, "watchdog"),
        (WATCHED, [(overtime.KILL, 0.5), (overtime.POWER_CUT, 1.0)], 1.0, "power"),
        (ALONE, [(overtime.KILL, 1.0)], 4.0, "hardware timer"),
        (ALONE, [(overtime.FREEZE, 1.0)], 4.0, "hardware timer"),
        (ALONE, [(overtime.STALL, 1.0)], 3.0, "activation"),
        (ALONE, [(overtime.STALL, 1.0), (overtime.KILL, 2.0)], 4.0, "hardware timer"),
        (ALONE, [(overtime.KILL, 1.0), (overtime.POWER_CUT, 2.0)], 2.0, "power"),
        (WATCHED, [(overtime.KILL, -5.0)], 4.0, "hardware timer"),
    ],
)
def test_what_ends_a_siren_first(watched: bool, faults: list[tuple[str, float]], lasts_s: float, why: str) -> None:
    """The earliest of activation, watchdog, timer relay and power that can still act; on time or late."""
    one = Round("C000001", watched, faults=[(kind, ON + at) for kind, at in faults])
    assert latest(one, ON, LIMITS) == (ON + lasts_s, why)
    one.spells = [(ON, ON + lasts_s + 0.4)]
    assert violations(one, LIMITS) == []
    one.spells = [(ON, ON + lasts_s + 0.6)]
    assert [f"beyond its {why}" in found for found in violations(one, LIMITS)] == [True]


def test_an_activation_sounds_once() -> None:
    """A second time, after a start, is one too many; each is also judged by its length."""
    one = Round("C000001", faults=[(overtime.POWER_CUT, ON + 1)], spells=[(ON, ON + 1), (ON + 2, ON + 2.2)])
    assert violations(one, LIMITS) == ["C000001 (power cut): sounded 2 times in one activation"]


def test_what_is_not_of_the_board_does_not_silence_it() -> None:
    """A siren that stops because a link is cut is a lost alert."""
    one = Round("C000001", faults=[(overtime.LINK, ON + 1)], spells=[(ON, ON + 1)])
    assert violations(one, LIMITS) == ["C000001 (link): siren on for 1.00 s only"]
    one.faults = [(overtime.STALL, ON + 1)]
    assert violations(one, LIMITS) == []
