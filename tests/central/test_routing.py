"""Which centers do what for one alert; above all: a silent class never moves anything loud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.alert import LATE_S, Alert, Position
from central.domain.group import Center, Group
from central.domain.policy import Policy
from central.domain.routing import route
from protocol.codes import INDICATOR, LOUD, SIREN, STROBE
from tests.central.rig import AWAY, HOME, square

CENTERS = (Center(1, 1, -34.6, -58.4), Center(2, 1, -34.6, -58.4))
GROUP = Group(1, 1, "Barrio 1", square(1), CENTERS)
LOUD_POLICY = Policy("general", 1, "General", False, SIREN | STROBE, 0, 30)


def alert(position: Position | None = HOME, age_s: float = 0.0, center: int | None = None) -> Alert:
    """An alert of group 1."""
    return Alert("alert-1", 1, "general", "app", 1, None, position, age_s, center)


@given(
    home=st.integers(0, 15),
    away=st.integers(0, 15),
    position=st.sampled_from([HOME, AWAY, None]),
    age_s=st.floats(0, 1000),
    center=st.sampled_from([None, 1]),
)
def test_a_silent_class_never_moves_anything_loud(
    home: int, away: int, position: Position | None, age_s: float, center: int | None
) -> None:
    """Whatever its policy says: a mistake in a file of classes is not a siren at a victim's door."""
    policy = Policy("gender_violence", 3, "", True, home, away, 30)
    plan = route(alert(position, age_s, center), GROUP, policy)
    assert [step.outputs & LOUD for step in plan.active] == [0] * len(plan.active)
    assert plan.reason


def test_a_silent_class_keeps_the_indicator_it_asks_for() -> None:
    """What nobody can hear or see from the street is left as the policy says."""
    policy = Policy("duress", 16, "", True, SIREN | INDICATOR, 0, 30)
    assert [step.outputs for step in route(alert(), GROUP, policy).active] == [INDICATOR, INDICATOR]


def test_a_silent_class_that_asks_for_a_siren_says_why_nothing_moves() -> None:
    """The operator reads the reason on the timeline."""
    plan = route(alert(), GROUP, Policy("gender_violence", 3, "", True, SIREN, SIREN, 30))
    assert (plan.steps, "silent" in plan.reason) == ((), True)


@pytest.mark.parametrize("position", [HOME, None])
def test_at_home_every_center_of_the_group_is_commanded(position: Position | None) -> None:
    """Also without a position: who presses in the group's name is at home."""
    plan = route(alert(position), GROUP, LOUD_POLICY)
    expected = [(1, SIREN | STROBE, 30), (2, SIREN | STROBE, 30)]
    assert [(step.center.number, step.outputs, step.duration_s) for step in plan.active] == expected


def test_the_pressed_center_is_commanded_too_with_the_reason() -> None:
    """Its pair of incident and activation was executed, so it only confirms."""
    plan = route(alert(center=2), GROUP, LOUD_POLICY)
    assert ["its own button" in step.reason for step in plan.active] == [False, True]


def test_away_from_home_the_away_policy_holds() -> None:
    """Somebody in trouble in another town does not wake their own street."""
    assert route(alert(AWAY), GROUP, LOUD_POLICY).active == ()
    policy = Policy("general", 1, "", False, SIREN, STROBE, 30)
    assert [step.outputs for step in route(alert(AWAY), GROUP, policy).active] == [STROBE, STROBE]


@pytest.mark.parametrize(("age_s", "commanded"), [(0.0, 2), (LATE_S, 2), (LATE_S + 0.1, 0), (86_400.0, 0)])
def test_what_comes_late_wakes_nobody(age_s: float, commanded: int) -> None:
    """Three minutes is the limit; later it is for the operators."""
    plan = route(alert(age_s=age_s), GROUP, LOUD_POLICY)
    assert (len(plan.active), "operators only" in plan.reason) == (commanded, commanded == 0)


def test_without_a_group_or_a_center_the_operators_are_told() -> None:
    """The plan is empty and has a reason; it is never an error."""
    empty = Group(7, 1, "Nuevo", square(1))
    reasons = [route(alert(), group, LOUD_POLICY).reason for group in (None, empty)]
    expected = ["no group for this alert: operators only", "group 7 has no center: operators only"]
    assert reasons == expected


def test_a_silent_button_moves_nothing_whatever_its_class_does() -> None:
    """A class that would sound, raised by a silent button: the operators alone."""
    loud = alert(None)
    pressed = Alert(loud.id, 1, "general", "button", 1, center=1, discreet=True)
    assert route(loud, GROUP, LOUD_POLICY).active != ()
    assert route(pressed, GROUP, LOUD_POLICY).active == ()
