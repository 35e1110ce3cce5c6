"""Presses by fob: as the buttons, with the fob's slot; a fixed code, which anybody may have recorded, reaches people first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from central.settings import Settings
from protocol import codes
from protocol.messages import COMMAND
from tests.central.rig import BUTTONS, Rig

PRESS = 1 << 63 | 1 << 32 | 5
LOW = "low assurance (fixed code): operators first, no center is commanded"


@pytest.fixture
def greeted(rig: Rig) -> Rig:
    """Both centers of group 1 have said hello."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    return rig


def incident(rig: Rig, number: int = PRESS) -> dict[str, Any]:
    """An incident as the API tells it."""
    found = rig.reader.incident(1, number)
    assert found is not None
    return found


def texts(rig: Rig, number: int = PRESS) -> list[str]:
    """The timeline's texts."""
    return [entry["text"] for entry in incident(rig, number)["timeline"]]


def commanded(rig: Rig) -> list[int]:
    """The centers that were sent a command since the last look."""
    return [COMMAND.peek(frame).center for frame in rig.frames(COMMAND.kind)]


def test_the_settings_map_every_press_and_nothing_else() -> None:
    """A fob of the loud kind to the class of the panic button, a silent one to that of the silent button."""
    settings = Settings(state=Path("state"), process=Path("S01"))
    assert settings.button_classes == BUTTONS
    assert sorted(BUTTONS) == sorted(codes.PRESSES)


def test_a_fob_of_rolling_code_commands_the_group(greeted: Rig) -> None:
    """As the button does, with its slot in the alert and on the timeline."""
    greeted.ack(1, status=codes.PANIC_FOB, incident=PRESS, battery=3)
    assert commanded(greeted) == [1, 2]
    (alert,) = incident(greeted)["alerts"]
    assert (alert["source"], alert["slot"], alert["low_assurance"]) == ("fob", 3, False)
    assert texts(greeted)[-1] == "center 1: panic fob, slot 3"


def test_a_fob_of_fixed_code_commands_no_center_and_says_why(greeted: Rig) -> None:
    """A recording of it must not wake the neighbourhood; the operators see it, and how little it proves."""
    greeted.ack(1, status=codes.PANIC_FOB_FIXED, incident=PRESS, battery=4)
    assert commanded(greeted) == []
    found = incident(greeted)
    (alert,) = found["alerts"]
    assert (found["class"], alert["source"], alert["slot"], alert["low_assurance"]) == ("general", "fob", 4, True)
    assert texts(greeted) == [
        f"alert C000001-{PRESS:016x}: {LOW}",
        "center 1: panic fob, fixed code (low assurance), slot 4",
    ]
    assert greeted.reader.alert(1, alert["id"])["plan"] == [LOW]  # type: ignore[index]


def test_a_fixed_code_that_is_late_as_well_commands_nothing(greeted: Rig) -> None:
    """And its age is told."""
    greeted.ack(1, status=codes.PANIC_FOB_FIXED, incident=PRESS, battery=4, age=300)
    assert (commanded(greeted), texts(greeted)[-1][-9:]) == ([], "300 s ago")


def test_a_better_press_after_a_fixed_code_commands_the_group(greeted: Rig) -> None:
    """It joins the same incident, which moved nothing so far."""
    greeted.ack(1, status=codes.PANIC_FOB_FIXED, incident=PRESS, battery=4)
    greeted.taken()
    greeted.alert()
    assert commanded(greeted) == [1, 2]
    assert len(incident(greeted)["alerts"]) == 2


def test_a_fixed_code_that_joins_says_so_and_starts_nothing_again(greeted: Rig) -> None:
    """Not even what expired: a recording is no reason to ask those centers once more."""
    number = greeted.alert().incident
    greeted.round(121)
    greeted.taken()
    assert greeted.states(number) == ["expired", "expired"]
    greeted.ack(1, status=codes.PANIC_FOB_FIXED, incident=PRESS, battery=4)
    assert (commanded(greeted), greeted.states(number)) == ([], ["expired", "expired"])
    assert f"alert C000001-{PRESS:016x} joins: {LOW}" in texts(greeted, number)
    greeted.ack(2, status=codes.PANIC_FOB, incident=1 << 63 | 2 << 32 | 5, battery=1)
    assert commanded(greeted) == [1, 2]


def test_the_center_that_sounds_for_a_fixed_code_makes_its_incident_sound(greeted: Rig) -> None:
    """Its own siren obeyed its own limits; nobody is told that nothing sounded."""
    greeted.ack(1, status=codes.PANIC_FOB_FIXED, incident=PRESS, battery=4)
    greeted.ack(1, status=codes.SOUNDING_LOCALLY, incident=PRESS, outputs=codes.SIREN)
    assert greeted.state(PRESS) == "sounding"


@pytest.mark.parametrize(("status", "low"), [(codes.SILENT_FOB, False), (codes.SILENT_FOB_FIXED, True)])
def test_a_silent_fob_moves_nothing(greeted: Rig, status: int, low: bool) -> None:
    """An incident for the operators, whatever the class does, and not one command."""
    greeted.ack(1, status=status, incident=PRESS, battery=2)
    assert (commanded(greeted), greeted.states(PRESS)) == ([], [])
    found = incident(greeted)
    (alert,) = found["alerts"]
    assert (found["class"], alert["slot"], alert["low_assurance"]) == ("gender_violence", 2, low)
    assert texts(greeted)[0].endswith("silent button: operators only")


def test_a_silent_fob_is_silent_also_when_its_class_is_not(greeted: Rig) -> None:
    """An installation may map it to a loud class; the fob stays discreet."""
    for status in codes.SILENT_PRESSES:
        assert BUTTONS[status] == "gender_violence"
    loud = dict.fromkeys(codes.PRESSES, "general")
    greeted.acks._button_classes = loud
    for count, status in enumerate(codes.SILENT_PRESSES):
        greeted.ack(1, status=status, incident=PRESS + count, battery=2)
    assert commanded(greeted) == []


def test_a_fob_told_twice_is_one_alert(greeted: Rig) -> None:
    """The same press again, under its own sequence or another."""
    octets = greeted.ack(1, status=codes.PANIC_FOB, incident=PRESS, battery=3)
    greeted.taken()
    greeted.receive(1, octets)
    greeted.ack(1, status=codes.PANIC_FOB, incident=PRESS, battery=3)
    assert (commanded(greeted), len(incident(greeted)["alerts"])) == ([], 1)


@pytest.mark.parametrize("status", codes.FOB_PRESSES)
def test_a_slot_is_not_taken_for_the_battery(greeted: Rig, status: int) -> None:
    """The heartbeat's millivolts stay; the press is told with its slot."""
    greeted.receive(1, greeted.gateways[1].envelope([greeted.centers[1].beat()]))
    greeted.ack(1, status=status, incident=PRESS, battery=7)
    told = greeted.fleet.describe(1, greeted.clock.at)
    assert told["battery_mv"] == 12600
    assert told["events"] == [{"event": codes.status_name(status), "s_ago": 0.0, "slot": 7}]
