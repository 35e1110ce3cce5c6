"""One word silences every center of a gateway, under the local key, and each proves it; over the real flows and store."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ports import UPLINK
from protocol import codes, gateway, hop
from protocol.topics import DOWN, topic
from tests.gateway import frames
from tests.gateway.desk import Desk
from tests.gateway.street import alone, commands, own_events, sense, stop


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway whose two centers said hello, its WAN down."""
    return alone(tmp_path)


def test_a_group_stop_stops_every_center_and_its_proof_goes_up(desk: Desk) -> None:
    """By whichever bearer; told when the last one is measured silent, and not by an accepted stop of one that still sounds."""
    stop(desk)
    (first,), (second,) = commands(desk, 1), commands(desk, 2)
    assert (first.action, second.action) == (codes.STOP, codes.STOP)
    desk.up(frames.ack(1, first.counter, 6, codes.LOCAL))
    desk.up(frames.ack(2, second.counter, 6, codes.LOCAL, outputs=codes.SIREN), name="C000002")
    assert own_events(desk) == []
    desk.tick()
    assert own_events(desk) == []
    desk.up(frames.ack(2, second.counter, 7, codes.LOCAL, status=codes.STOPPED), name="C000002")
    desk.tick()
    assert own_events(desk) == [(codes.GROUP_STOPPED, frames.INCIDENT, 2)]


def test_the_same_group_stop_is_executed_once(desk: Desk) -> None:
    """It comes by both bearers, in envelopes of their own."""
    stop(desk)
    commands(desk, 1)
    stop(desk, order=1)
    octets = hop.seal(
        frames.hop_keys().down, 1, 200, [gateway.stop_group(gateway.StopGroup(1, desk.clock.now(), 60, 1, 0))]
    )
    desk.turns.turn([desk.received(UPLINK, topic(frames.GATEWAY, DOWN), octets)])
    assert commands(desk, 1) == []


def test_a_group_stop_that_comes_late_stops_nothing(desk: Desk) -> None:
    """An SMS of two minutes ago must not silence the alarm of this minute."""
    stop(desk, issued=desk.clock.now() - 61)
    assert commands(desk, 1) == []
    assert desk.log.until("group_stop_expired")["order"] == 1


def test_a_group_stop_of_another_group_stops_nothing(desk: Desk) -> None:
    """Both centers here are of group 1."""
    stop(desk, group=2)
    assert (commands(desk, 1), commands(desk, 2)) == ([], [])
    stop(desk, order=2, group=1)
    assert (len(commands(desk, 1)), len(commands(desk, 2))) == (1, 1)


def test_a_center_that_does_not_prove_its_stop_is_told(desk: Desk) -> None:
    """After a minute, once, with how many are missing."""
    stop(desk)
    (first,) = commands(desk, 1)
    desk.up(frames.ack(1, first.counter, 6, codes.LOCAL))
    desk.tick(59)
    assert own_events(desk) == []
    desk.tick(1)
    desk.tick(10)
    assert own_events(desk) == [(codes.GROUP_STOP_INCOMPLETE, frames.INCIDENT, 1)]
    assert desk.log.until("center_did_not_prove_its_stop")["center"] == 2


def test_the_gateways_stop_button_silences_its_group(desk: Desk) -> None:
    """Under the local key, as every center opens it."""
    sense(desk, codes.STOPPED_LOCALLY)
    (order,) = commands(desk, 1)
    assert (order.authority, order.action) == (codes.LOCAL, codes.STOP)


def test_a_full_disk_keeps_nothing_from_being_stopped(desk: Desk) -> None:
    """Neither the switch on the wall nor central's word by SMS; each once, sent again until it is answered."""
    with desk.full_disk():
        sense(desk, codes.STOPPED_LOCALLY)
        (switch,) = commands(desk, 1)
        stop(desk)
        (told,) = commands(desk, 1)
        assert [switch.action, told.action] == [codes.STOP, codes.STOP]
        desk.tick(3)
        assert [order.counter for order in commands(desk, 1)] == [switch.counter, told.counter]
    desk.up(frames.ack(1, switch.counter, 6, codes.LOCAL), frames.ack(1, told.counter, 7, codes.LOCAL))
    desk.tick(1)
    desk.tick(3)
    assert commands(desk, 1) == []


def test_the_switch_on_the_wall_takes_no_order_number_of_centrals(desk: Desk) -> None:
    """Central numbers its stops by the second; one of the same second is another stop."""
    sense(desk, codes.STOPPED_LOCALLY)
    commands(desk, 1)
    told = gateway.StopGroup(desk.clock.now(), desk.clock.now(), 60, frames.INCIDENT, 0)
    desk.down(1, [gateway.stop_group(told)])
    assert len(commands(desk, 1)) == 1


def test_a_proof_is_told_when_there_is_room_for_it(tmp_path: Path) -> None:
    """The outbox is full of answers when the last center proves its silence: the word waits, and is not lost."""
    desk = Desk(tmp_path, max_rows=1)
    desk.up(frames.hello(1))
    desk.up(frames.hello(2), name="C000002")
    desk.up(frames.ack(sequence=1))
    desk.passed(1), desk.passed(2)
    stop(desk)
    for center in frames.MINE:
        (order,) = commands(desk, center)
        desk.up(frames.ack(center, order.counter, 6, codes.LOCAL), name=f"C00000{center}")
    desk.tick(1)
    assert (own_events(desk), "outbox" in desk.state.faults) == ([], True)
    desk.receipt(102, 1 << 24 | 1)
    desk.tick(1)
    assert own_events(desk) == [(codes.GROUP_STOPPED, frames.INCIDENT, 2)]


def test_a_recorded_group_stop_stops_nothing_after_a_restart(desk: Desk) -> None:
    """Memory has forgotten the order; the window on disk has not forgotten the envelope."""
    octets = hop.seal(
        frames.hop_keys().down, 1, 200, [gateway.stop_group(gateway.StopGroup(1, desk.clock.now(), 60, 1, 0))]
    )
    desk.turns.turn([desk.received(UPLINK, topic(frames.GATEWAY, DOWN), octets)])
    (order,) = commands(desk, 1)
    desk.up(frames.ack(1, order.counter, 6, codes.LOCAL))
    desk.store.close()
    again = Desk(desk.folder, desk.clock)
    again.turns.turn([again.received(UPLINK, topic(frames.GATEWAY, DOWN), octets)])
    assert commands(again, 1) == []
