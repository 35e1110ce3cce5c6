"""A neighbourhood by itself: presses sound it under the local key, over the real flows and store."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol import codes, gateway
from protocol.keys import center_pair
from protocol.messages import ACK, COMMAND
from protocol.topics import topic
from tests.gateway import frames
from tests.gateway.desk import Desk
from tests.gateway.street import OWN, alone, commands, own_events, press, sense


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway whose two centers said hello, its WAN down."""
    return alone(tmp_path)


def test_a_press_at_one_center_sounds_the_others_of_its_group_at_once(desk: Desk) -> None:
    """In the same turn, with the incident that the center opened and the activation that central uses too."""
    desk.up(press())
    assert commands(desk, 1) == []
    (order,) = commands(desk, 2)
    assert (order.authority, order.counter, order.incident, order.activation) == (codes.LOCAL, 11, OWN, 1)
    assert (order.class_, order.action, order.duration) == (codes.GENERAL, 0x10 | codes.SIREN | codes.STROBE, 30)
    assert (order.issued, order.ttl) == (desk.clock.now(), 60)


def test_a_press_that_is_told_again_sounds_once(desk: Desk) -> None:
    """A center tells until central confirms it; the street hears it once."""
    desk.up(press())
    desk.up(press(), press(age=20))
    assert len(commands(desk, 2)) == 1


def test_an_unanswered_center_is_told_again_each_three_seconds(desk: Desk) -> None:
    """Also after a restart of the gateway, with the same counter; its answer ends it."""
    desk.up(press())
    (first,) = commands(desk, 2)
    desk.tick(3)
    desk.tick(3)
    assert commands(desk, 2) == [first, first]
    desk.store.close()
    again = Desk(desk.folder, desk.clock)
    again.tick()
    assert commands(again, 2) == [first]
    again.up(frames.ack(2, first.counter, 6, codes.LOCAL), name="C000002")
    again.tick(3)
    assert commands(again, 2) == []


@pytest.mark.parametrize(
    "told",
    [
        press(status=codes.SILENT_PANIC),
        press(status=codes.SILENT_FOB),
        press(status=codes.PANIC_FOB_FIXED),
        press(status=codes.MOTION),
        press(status=codes.TAMPER),
        press(age=181),
    ],
    ids=["silent button", "silent fob", "fixed code", "motion", "cabinet", "three minutes old"],
)
def test_what_must_not_sound_a_neighbourhood_does_not(desk: Desk, told: bytes) -> None:
    """Silent ones are silent; a recording wakes nobody; a sensor never sounds; an old press is for the operators."""
    desk.up(told)
    assert (commands(desk, 1), commands(desk, 2)) == ([], [])


def test_a_forged_press_sounds_nothing(desk: Desk) -> None:
    """Whoever writes to the local broker without the center's local key."""
    desk.up(press()[:-1] + b"\0")
    desk.up(frames.ack(1, 0, 5, codes.CENTRAL, status=codes.PANIC, incident=OWN))
    assert commands(desk, 2) == []


def test_the_wall_button_sounds_every_center_and_waits_for_central(desk: Desk) -> None:
    """With an incident of the gateway's own; the press is on disk until central has it."""
    sense(desk, codes.PANIC)
    (first,), (second,) = commands(desk, 1), commands(desk, 2)
    assert first.incident == second.incident == gateway.incident(1, desk.clock.now())
    assert own_events(desk) == [(codes.PANIC, first.incident, 0)]


def test_two_presses_are_two_incidents(desk: Desk) -> None:
    """Also within one second."""
    sense(desk, codes.PANIC)
    sense(desk, codes.PANIC)
    assert len({order.incident for order in commands(desk, 1)}) == 2


def test_the_silent_wall_button_moves_nothing(desk: Desk) -> None:
    """Central is told, and nobody in the street."""
    sense(desk, codes.SILENT_PANIC)
    assert (commands(desk, 1), commands(desk, 2)) == ([], [])
    assert [event[0] for event in own_events(desk)] == [codes.SILENT_PANIC]


def test_a_full_disk_keeps_no_press_from_sounding(desk: Desk) -> None:
    """At once, and once; what central must know is told when the disk takes it, with the same incident and its true age."""
    with desk.full_disk():
        sense(desk, codes.PANIC)
        (order,) = commands(desk, 1)
        desk.up(press())
        assert [told.incident for told in commands(desk, 2)] == [order.incident, OWN]
        desk.tick(5)
    desk.tick(1)
    desk.tick(1)
    # Sent again until the center answers, and never ordered anew.
    assert {told.counter for told in commands(desk, 1)} == {order.counter}
    assert own_events(desk) == [(codes.PANIC, order.incident, 0)]
    assert ACK.peek(desk.kept()[-1].octets).age == 6


def test_an_outbox_without_room_keeps_no_press_from_sounding(tmp_path: Path) -> None:
    """The street hears it; the report waits for room."""
    desk = Desk(tmp_path, max_rows=1)
    desk.up(frames.hello(1))
    desk.up(frames.ack(sequence=1))
    desk.passed()
    sense(desk, codes.PANIC)
    assert len(commands(desk, 1)) == 1
    desk.receipt(1, 1 << 24 | 1)
    desk.tick(1)
    assert [event[0] for event in own_events(desk)] == [codes.PANIC]
    assert commands(desk, 1) == []


def test_a_center_that_starts_anew_gets_the_same_pair_under_a_new_counter(desk: Desk) -> None:
    """What was sealed for its boot before is dead; the pair keeps it from sounding twice."""
    desk.up(press())
    (first,) = commands(desk, 2)
    nonce = b"boot two"
    desk.up(frames.hello(2, boot=4, nonce=nonce, local=11), name="C000002")
    key = center_pair(frames.center_root(2), 2, 0, codes.LOCAL).down
    # Its time, and the command.
    renewed = COMMAND.open(key, desk.passed(2)[0], nonce)
    assert (renewed.counter, renewed.incident, renewed.activation) == (12, first.incident, first.activation)
    assert len(desk.waiting()) == 1


def test_a_stepped_clock_heals(desk: Desk) -> None:
    """A center that calls it stale gets a new one with the present time."""
    desk.up(press())
    (first,) = commands(desk, 2)
    desk.up(frames.ack(2, first.counter, 6, codes.LOCAL, status=codes.STALE), name="C000002")
    (second,) = commands(desk, 2)
    assert (second.counter, second.incident) == (first.counter + 1, first.incident)


def test_a_center_that_never_said_hello_is_named(tmp_path: Path) -> None:
    """The others sound."""
    desk = Desk(tmp_path)
    desk.up(frames.hello(1))
    desk.passed()
    sense(desk, codes.PANIC)
    assert len(commands(desk, 1)) == 1
    assert desk.log.until("center_not_commanded")["center"] == 2


def test_the_alarm_lamp_is_lit_for_what_is_loud_and_for_nothing_silent(desk: Desk) -> None:
    """A silent order is not seen on the cabinet; a loud one is, until it ends or everything is stopped."""
    silent = frames.command(issued=desk.clock.now(), class_=3, action=codes.ACTIVATE | codes.INDICATOR)
    desk.down(1, [silent])
    desk.tick()
    assert desk.lamps.shown == (False, True, False)
    sense(desk, codes.PANIC)
    desk.tick()
    assert desk.lamps.shown == (False, True, True)
    desk.tick(30)
    assert desk.lamps.shown == (False, True, False)
    sense(desk, codes.PANIC)
    sense(desk, codes.STOPPED_LOCALLY)
    desk.tick()
    assert desk.lamps.shown == (False, True, False)


def test_a_press_sounds_its_own_group_alone(tmp_path: Path) -> None:
    """A gateway may have centers of two neighbourhoods."""
    desk = Desk(tmp_path, groups={2: 7})
    for center in frames.MINE:
        desk.up(frames.hello(center), name=f"C00000{center}")
    desk.passed(1), desk.passed(2)
    desk.up(press())
    assert (commands(desk, 1), commands(desk, 2)) == ([], [])
    sense(desk, codes.PANIC)
    assert (len(commands(desk, 1)), len(commands(desk, 2))) == (1, 1)


def test_a_local_counter_is_used_once_in_all_its_starts(desk: Desk) -> None:
    """It is on disk before the command leaves: the next one after a power cut is higher, also without another hello."""
    desk.up(press())
    (first,) = commands(desk, 2)
    desk.store.close()
    again = Desk(desk.folder, desk.clock)
    sense(again, codes.PANIC)
    assert [order.counter for order in commands(again, 2)] == [first.counter + 1]


def test_a_drill_lights_no_lamp(desk: Desk) -> None:
    """Whatever it says: the centers move nothing loud for it."""
    desk.down(1, [frames.command(issued=desk.clock.now(), authority=codes.DRILL)])
    desk.tick()
    assert desk.lamps.shown[2] is False


def test_what_the_disk_refused_is_looked_at_as_closely(desk: Desk) -> None:
    """A press under another center's name, retained, or of another authority sounds nothing without a disk either."""
    centers, own = desk.flows.centers, topic("C000001", "up")
    centers.unsaved(desk.received("local", topic("C000002", "up"), press()))
    centers.unsaved(desk.received("local", own, press(), retained=True))
    centers.unsaved(desk.received("local", own, frames.ack(1, 0, 5, codes.CENTRAL, status=codes.PANIC, incident=OWN)))
    assert commands(desk, 2) == []
    centers.unsaved(desk.received("local", own, press()))
    assert len(commands(desk, 2)) == 1
