"""Downwards through the real flows and the real store, on a virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ports import LOCAL, UPLINK
from protocol import codes, hop
from protocol.hop import Receipt
from protocol.topics import DOWN, topic
from tests.gateway import frames
from tests.gateway.desk import Desk, VirtualClock

NOW = VirtualClock().wall


def command(center: int = 1, counter: int = 1, **changed: int) -> bytes:
    """A command of this virtual moment."""
    return frames.command(center, counter, **{"issued": NOW, **changed})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway on paper."""
    return Desk(tmp_path)


def test_a_new_command_is_passed_on_unchanged_with_the_seconds_it_has_left(desk: Desk) -> None:
    """The center gets central's octets; the broker gets the remaining time to live."""
    desk.clock.move(20)
    desk.down(1, [command(ttl=120)])
    assert desk.local.sent == [(1, command(ttl=120), 100)]


def test_a_command_is_acknowledged_to_the_broker_after_it_was_passed_on(desk: Desk) -> None:
    """Central's broker may forget the envelope only when it is on this disk."""
    octets = desk.down(1, [command()])
    assert desk.acknowledged == [octets]
    assert [kept.octets for kept in desk.waiting()] == [command()]


def test_an_unanswered_command_is_passed_on_every_three_seconds_until_the_center_answers(desk: Desk) -> None:
    """Once the center's ack of that counter came, nothing is passed on any more."""
    desk.down(1, [command()])
    desk.passed()
    desk.tick(2.9)
    assert desk.passed() == []
    desk.tick(0.2)
    assert desk.passed() == [command()]
    desk.up(frames.ack())
    desk.tick(10)
    assert desk.passed() == []
    assert desk.waiting() == []


@pytest.mark.parametrize("other", [{"counter": 2}, {"authority": codes.DRILL}])
def test_an_ack_of_another_command_ends_nothing(desk: Desk, other: dict[str, int]) -> None:
    """Counter and authority must both be those of the command."""
    desk.down(1, [command()])
    desk.passed()
    desk.up(frames.ack(**other))
    desk.tick(3.1)
    assert desk.passed() == [command()]


def test_a_center_cannot_end_the_command_of_another_center(desk: Desk) -> None:
    """An ack counts for the center under whose name it was published, and for no other."""
    desk.down(1, [command()])
    desk.passed()
    desk.up(frames.ack(center=1), name="C000002")
    desk.up(frames.ack(center=2), name="C000002")
    desk.tick(3.1)
    assert desk.passed() == [command()]


def test_an_expired_command_is_forgotten_and_says_so_with_its_incident(desk: Desk) -> None:
    """After its time to live nobody would take it; the log tells which incident lost it."""
    desk.down(1, [command(ttl=10)])
    desk.passed()
    desk.tick(10.1)
    assert desk.passed() == []
    assert desk.log.until("command_expired")["incident"] == str(frames.INCIDENT)
    assert desk.waiting() == []


def test_a_stepped_wall_clock_does_not_expire_a_kept_command(desk: Desk) -> None:
    """Only the monotonic clock measures how long a command has waited."""
    desk.down(1, [command(ttl=60)])
    desk.passed()
    desk.clock.wall += 86_400
    desk.tick(3.1)
    assert desk.passed() == [command(ttl=60)]


def test_a_command_that_came_too_late_is_refused_by_a_trusted_clock_only(desk: Desk) -> None:
    """With a clock that nobody synchronised, the center judges."""
    desk.down(1, [command(issued=NOW - 200, ttl=100)])
    assert desk.passed() == []
    assert desk.log.until("frame_refused")["reason"] == "expired"
    desk.clock.is_trusted = False
    desk.down(2, [command(issued=NOW - 200, ttl=100)])
    assert desk.passed() == [command(issued=NOW - 200, ttl=100)]


def test_a_repeated_envelope_only_passes_its_frames_on_again(desk: Desk) -> None:
    """The same envelope twice keeps one command; the center tells a repeat by itself."""
    desk.down(1, [command()])
    desk.up(frames.ack())
    desk.down(1, [command()])
    assert desk.passed() == [command(), command()]
    assert desk.waiting() == []


def test_a_receipt_in_a_repeated_envelope_settles_nothing(desk: Desk) -> None:
    """Central's word is taken once: what was kept since then is not covered by an old envelope."""
    desk.receipt(1, 1 << 24 | 0)
    desk.up(frames.ack())
    octets = hop.seal(frames.hop_keys().down, 1, 1, [hop.receipt(Receipt(1 << 24 | 1, 0))])
    desk.turns.turn([desk.received(UPLINK, topic(frames.GATEWAY, DOWN), octets)])
    assert len(desk.kept()) == 1


def test_an_envelope_older_than_the_window_is_refused(desk: Desk) -> None:
    """A recording from before the last 64 envelopes passes nothing."""
    desk.down(100, [])
    desk.down(36, [command()])
    assert desk.passed() == []
    assert desk.state.tally.totals() == {"uplink: too old for the window": 1}


def test_the_window_survives_a_restart(desk: Desk, tmp_path: Path) -> None:
    """What was new before the power went is a repeat after it."""
    desk.down(100, [command()])
    desk.up(frames.ack())
    desk.store.close()
    again = Desk(tmp_path)
    again.down(100, [command()])
    assert again.waiting() == []
    again.down(36, [command()])
    assert again.passed() == [command()]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"forged": True}, "bad tag"), ({"gateway": 2}, "for another gateway")],
)
def test_an_envelope_that_is_not_for_me_from_central_does_nothing(
    desk: Desk, changed: dict[str, bool], reason: str
) -> None:
    """Neither the frames pass, nor does the window move, nor is anything kept; it is counted."""
    desk.down(1, [command()], **changed)  # type: ignore[arg-type]
    assert (desk.passed(), desk.waiting(), desk.store.window().top) == ([], [], 0)
    assert desk.state.tally.totals() == {f"uplink: {reason}": 1}


def test_a_retained_envelope_does_nothing(desk: Desk) -> None:
    """A broker that keeps messages must not be able to repeat an order at each connection."""
    octets = hop.seal(frames.hop_keys().down, 1, 1, [command()])
    desk.turns.turn([desk.received(UPLINK, topic(frames.GATEWAY, DOWN), octets, retained=True)])
    assert desk.passed() == []


def test_a_center_of_another_gateway_is_refused_and_the_others_are_served(desk: Desk) -> None:
    """One frame that is not ours does not hold up its neighbours in the envelope."""
    desk.down(1, [command(center=frames.FOREIGN), command(center=2)])
    assert (desk.passed(frames.FOREIGN), desk.passed(2)) == ([], [command(center=2)])
    assert desk.log.until("frame_refused", center=3)["reason"] == "center of another gateway"


def test_a_local_command_from_central_is_refused(desk: Desk) -> None:
    """The local authority is this gateway's own; its counters are not central's to use."""
    desk.down(1, [command(authority=codes.LOCAL)])
    assert desk.passed() == []


def test_an_ack_never_travels_downwards(desk: Desk) -> None:
    """A center only ever gets commands and the time."""
    desk.down(1, [frames.ack()])
    assert desk.passed() == []


def test_the_time_passes_and_is_not_kept(desk: Desk) -> None:
    """It answers one request of one boot, and is worth nothing later."""
    frame = frames.time_frame()
    desk.down(1, [frame])
    desk.tick(10)
    assert desk.passed() == [frame]


def test_commands_wait_for_a_local_broker_that_is_away_and_go_when_it_is_back(desk: Desk) -> None:
    """They go at its return, not at the next third second."""
    desk.link(LOCAL, False)
    desk.down(1, [command()])
    desk.tick(30)
    assert desk.passed() == []
    desk.link(LOCAL, True)
    desk.tick()
    assert desk.passed() == [command()]


def test_commands_go_at_once_to_a_center_whose_link_comes_back(desk: Desk) -> None:
    """Its greeting, or its sealed hello, hurries what waits for it and for nobody else."""
    desk.down(1, [command(1), command(2)])
    desk.passed(1), desk.passed(2)
    desk.turns.turn([desk.received(LOCAL, topic("C000001", "link"), b"1")])
    desk.tick()
    assert (desk.passed(1), desk.passed(2)) == ([command(1)], [])
    desk.up(frames.hello(center=2), name="C000002")
    desk.tick()
    assert command(2) in desk.passed(2)


def test_commands_kept_on_disk_are_passed_on_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    """A power cut between central and the center loses nothing."""
    desk.link(LOCAL, False)
    desk.down(1, [command(counter=1), command(counter=2)])
    desk.store.close()
    again = Desk(tmp_path)
    again.tick()
    assert again.passed() == [command(counter=1), command(counter=2)]


def test_a_full_disk_does_not_keep_a_command_from_its_center(desk: Desk) -> None:
    """It passes unsaved, without its PUBACK, and is kept as soon as the disk takes it."""
    with desk.full_disk():
        octets = desk.down(1, [command()])
        assert (desk.passed(), desk.acknowledged) == ([command()], [])
        assert "store" in desk.state.faults
    desk.tick(1)
    assert desk.acknowledged == [octets]
    assert [kept.octets for kept in desk.waiting()] == [command()]
    desk.tick()
    assert desk.state.faults == {}


def test_a_full_disk_forges_no_envelope(desk: Desk) -> None:
    """Passing unsaved asks for the same tag."""
    with desk.full_disk():
        desk.down(1, [command()], forged=True)
        assert desk.passed() == []


def test_a_receipt_that_the_disk_refuses_keeps_no_command_behind_it(desk: Desk) -> None:
    """They share an envelope; the receipt comes again, the siren must not wait for it."""
    desk.up(frames.ack())
    with desk.full_disk():
        desk.down(1, [hop.receipt(Receipt(1 << 24 | 1, 0)), command()])
        assert desk.passed() == [command()]
    assert len(desk.kept()) == 1


def test_beyond_what_can_be_under_way_a_command_passes_and_is_not_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood fills no disk, and stops no siren."""
    monkeypatch.setattr("gateway.flows.passing.MAX_KEPT", 2)
    for envelope, counter in enumerate((1, 2, 3, 3), 1):
        desk.down(envelope, [command(counter=counter)])
    assert len(desk.waiting()) == 2
    assert desk.passed() == [command(counter=counter) for counter in (1, 2, 3, 3)]
