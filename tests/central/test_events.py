"""A center's own word, asked by nobody: its buttons become incidents, once, in the transaction of the ack that told of them."""

from __future__ import annotations

import pytest

from protocol import codes
from protocol.messages import COMMAND
from tests.central.conftest import Disk
from tests.central.rig import Rig

PANIC_ID = 1 << 63 | 1 << 32 | 5


def test_a_panic_button_adopts_its_incident_and_commands_the_group(rig: Rig) -> None:
    """Under the id that the center minted, with the pair that the pressed center already executed."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    frames = rig.frames(COMMAND.kind)
    commands = [rig.centers[center].command(frame) for center, frame in zip((1, 2), frames, strict=True)]
    assert [(one.incident, one.activation, one.class_) for one in commands] == [(PANIC_ID, 1, 1)] * 2
    assert rig.reader.incidents(1)[0]["id"] == str(PANIC_ID)


def test_a_panic_told_twice_is_one_incident(rig: Rig) -> None:
    """The same ack again, and the same press under another sequence, open nothing and command nothing more."""
    rig.greet(2)
    rig.taken()
    octets = rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    assert len(rig.frames(COMMAND.kind)) == 1
    rig.receive(1, octets)
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    assert (rig.frames(COMMAND.kind), len(rig.reader.incidents(1))) == ([], 1)


def test_a_panic_whose_incident_was_not_saved_is_not_receipted(rig: Rig, full_disk: Disk) -> None:
    """The ack and its incident are one transaction: the gateway's next copy opens what the first could not."""
    octets = rig.gateways[1].countersign(rig.centers[1].ack(0, codes.PANIC, PANIC_ID), int(rig.clock.at))
    with full_disk():
        rig.receive(1, octets)
    assert (rig.owed, rig.reader.incidents(1)) == (set(), [])
    rig.receive(1, octets)
    assert (rig.owed, [row["id"] for row in rig.reader.incidents(1)]) == ({1}, [str(PANIC_ID)])


def test_a_gateway_cannot_press_the_button(rig: Rig) -> None:
    """It holds the local keys of its centers; an event under them opens nothing and sounds nothing."""
    rig.greet(2)
    rig.taken()
    before = rig.snapshot()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID, authority=codes.LOCAL)
    assert (rig.snapshot(), rig.taken()) == (before, [])
    assert rig.refusals() == ["authority 1 does not answer to central"]


def test_the_pressed_center_makes_its_incident_sound(rig: Rig) -> None:
    """Its siren was measured on: the deadline must not tell a person that nothing sounded."""
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    rig.ack(1, status=codes.SOUNDING_LOCALLY, incident=PANIC_ID, outputs=codes.SIREN)
    assert rig.state(PANIC_ID) == "sounding"


def test_a_silent_button_tells_the_operators_and_moves_nothing(rig: Rig) -> None:
    """An incident under the id that the center minted, and not one command, whatever the class does."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    rig.ack(1, status=codes.SILENT_PANIC, incident=PANIC_ID)
    assert (rig.frames(COMMAND.kind), rig.states(PANIC_ID), rig.kinds(PANIC_ID)) == ([], [], ["opened", "event"])
    assert rig.reader.incidents(1)[0]["class"] == "gender_violence"


def test_a_late_panic_moves_nothing_and_is_not_lost(rig: Rig) -> None:
    """A press that was cut off for longer than three minutes wakes nobody, and the operators see it."""
    rig.greet(2)
    rig.taken()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID, age=181)
    assert (rig.frames(COMMAND.kind), rig.states(PANIC_ID), rig.kinds(PANIC_ID)) == ([], [], ["opened", "event"])


def test_a_press_that_joins_an_incident_is_told_there(rig: Rig) -> None:
    """The center named it by an id of its own; its words and their evidence stand where the operators look."""
    rig.greet(1)
    incident = rig.alert().incident
    rig.taken()
    minted = 1 << 63 | 2 << 32 | 1
    rig.ack(2, status=codes.PANIC, incident=minted)
    rig.ack(2, status=codes.SOUNDING_LOCALLY, incident=minted, outputs=1)
    assert rig.kinds(incident)[-3:] == ["joined", "event", "event"]
    assert (rig.state(incident), len(rig.reader.evidence(incident)), len(rig.reader.evidence(minted))) == (
        "sounding", 2, 0
    )  # fmt: skip


def test_a_press_that_waited_in_its_gateway_is_as_old_as_it_is(rig: Rig) -> None:
    """The WAN came back an hour later: the operators learn of it, and no street is woken; a fresh one behind it sounds."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    gateway, now = rig.gateways[1], int(rig.clock.at)
    rig.receive(1, gateway.countersign(rig.centers[1].ack(0, codes.PANIC, PANIC_ID), now - 3600))
    (seen,) = rig.reader.incidents(1)
    assert (rig.frames(COMMAND.kind), seen["id"]) == ([], str(PANIC_ID))
    assert "3600 s old: operators only" in " ".join(entry["text"] for entry in rig.reader.entries_of(PANIC_ID))
    rig.receive(1, gateway.countersign(rig.centers[1].ack(0, codes.PANIC, PANIC_ID + 1), now - 170))
    assert len(rig.frames(COMMAND.kind)) == 2


@pytest.mark.parametrize("stamp", [0, 1_000_000_000, 4_000_000_000], ids=["none", "of 2001", "from the future"])
def test_a_gateway_without_a_clock_makes_no_press_old(rig: Rig, stamp: int) -> None:
    """A stamp that cannot be right says nothing."""
    rig.greet(1)
    rig.taken()
    rig.receive(1, rig.gateways[1].countersign(rig.centers[1].ack(0, codes.PANIC, PANIC_ID), stamp))
    assert len(rig.frames(COMMAND.kind)) == 1
