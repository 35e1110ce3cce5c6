"""What is kept, for how long, and what gives way: the real flows and store on a virtual clock that can be set wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol import codes
from protocol.messages import ACK
from tests.gateway import frames
from tests.gateway.desk import Desk, VirtualClock

FIRST = 1 << 24 | 1
NOW = 1_800_000_000


def news(sequence: int) -> bytes:
    """A center's mains are lost; it says so again until central confirms it."""
    return frames.ack(counter=0, sequence=sequence, status=codes.MAINS_LOST, incident=0)


def press(sequence: int) -> bytes:
    """Somebody holds a center's button."""
    return frames.ack(counter=0, sequence=sequence, status=codes.PANIC)


def restarted(desk: Desk, clock: VirtualClock) -> Desk:
    """The same disk under a new process."""
    desk.store.close()
    return Desk(desk.folder, clock)


def test_news_gives_way_to_answers_and_presses_and_leaves_a_signed_word(tmp_path: Path) -> None:
    """A full outbox of news takes a press at once; what gave way is told with a number of its own, countersigned."""
    desk = Desk(tmp_path, max_rows=32)
    desk.up(*[news(sequence) for sequence in range(1, 33)])
    desk.acks()
    desk.up(press(40), frames.ack(sequence=41))
    assert desk.acknowledged[-2:] == [press(40), frames.ack(sequence=41)]
    sent = [ACK.peek(message.ack) for message in desk.acks()]
    told = [ack for ack in sent if ack.status == codes.EVICTED]
    assert [(ack.center, ack.battery) for ack in told] == [(1 << 31 | 1, 2), (1 << 31 | 1, 2)]
    kept = {ACK.peek(message.octets).status for message in desk.kept()}
    assert {codes.PANIC, codes.ACCEPTED, codes.EVICTED} <= kept
    assert FIRST not in [message.sequence for message in desk.kept()]
    assert desk.log.until("ack_gave_way")["sequence"] == FIRST


def test_answers_and_presses_never_give_way(tmp_path: Path) -> None:
    """Full of them, the outbox lets even a press wait rather than lose anything."""
    desk = Desk(tmp_path, max_rows=4)
    desk.up(*[frames.ack(sequence=sequence) for sequence in range(1, 5)])
    desk.up(press(9))
    assert press(9) not in desk.acknowledged
    assert [ACK.peek(message.octets).sequence for message in desk.kept()] == [1, 2, 3, 4]


def test_news_ends_after_a_week(tmp_path: Path) -> None:
    """Not before; and an answer waits for ever."""
    desk = Desk(tmp_path)
    desk.link("uplink", False)
    desk.up(news(1), frames.ack(sequence=2))
    desk.tick(7 * 86_400 - 5)
    assert len(desk.kept()) == 2
    desk.tick(10)
    assert [ACK.peek(message.octets).sequence for message in desk.kept()] == [2]


@pytest.mark.parametrize("step_s", [-7200, 7200], ids=["two hours back", "two hours on"])
def test_a_stepped_clock_moves_no_expiry(tmp_path: Path, step_s: int) -> None:
    """Within one boot of the machine the clock that never steps decides: the process starts anew, the wall clock is wrong."""
    clock = VirtualClock(wall=NOW)
    desk = Desk(tmp_path, clock)
    desk.down(1, [frames.command(issued=NOW, ttl=120)])
    clock.move(60)
    clock.wall += step_s
    clock.is_trusted = False
    desk = restarted(desk, clock)
    assert len(desk.waiting()) == 1
    desk.tick(59)
    assert len(desk.waiting()) == 1
    desk.tick(2)
    assert desk.waiting() == []


def test_after_a_power_cut_with_an_untrusted_clock_stale_commands_die(tmp_path: Path) -> None:
    """Nobody can tell how old they are; what central still wants it sends again, and gets through."""
    clock = VirtualClock(wall=NOW)
    desk = Desk(tmp_path, clock)
    desk.down(1, [frames.command(issued=NOW, ttl=120)])
    clock.boot, clock.at, clock.wall, clock.is_trusted = "boot two", 5.0, NOW - 3600, False
    desk = restarted(desk, clock)
    desk.tick()
    assert (desk.waiting(), desk.passed()) == ([], [])
    assert desk.log.until("command_not_resumed")["reason"] == "its age cannot be told"
    desk.down(2, [frames.command(issued=NOW, ttl=120)])
    assert desk.passed() == [frames.command(issued=NOW, ttl=120)]


def test_after_a_power_cut_with_a_trusted_clock_a_command_has_what_is_left(tmp_path: Path) -> None:
    """The wall clock counts the time without power."""
    clock = VirtualClock(wall=NOW)
    desk = Desk(tmp_path, clock)
    desk.down(1, [frames.command(issued=NOW, ttl=120)])
    clock.boot, clock.at, clock.wall = "boot two", 5.0, NOW + 100
    desk = restarted(desk, clock)
    desk.tick()
    assert desk.passed() == [frames.command(issued=NOW, ttl=120)]
    desk.tick(21)
    assert desk.waiting() == []


def test_a_clock_that_says_kept_in_the_future_is_not_believed(tmp_path: Path) -> None:
    """After a restart with the clock an hour back, trusted or not, a command's age cannot be told."""
    clock = VirtualClock(wall=NOW)
    desk = Desk(tmp_path, clock)
    desk.down(1, [frames.command(issued=NOW, ttl=120)])
    clock.boot, clock.at, clock.wall = "boot two", 5.0, NOW - 3600
    desk = restarted(desk, clock)
    desk.tick()
    assert (desk.waiting(), desk.passed()) == ([], [])


def test_an_outbox_outlives_a_power_cut_whatever_the_clock_says(tmp_path: Path) -> None:
    """Answers and presses have no end but central's receipt."""
    clock = VirtualClock(wall=NOW)
    desk = Desk(tmp_path, clock)
    desk.up(press(1), frames.ack(sequence=2))
    clock.boot, clock.at, clock.wall, clock.is_trusted = "boot two", 5.0, 0, False
    desk = restarted(desk, clock)
    desk.tick()
    assert [message.ack for message in desk.acks()] == [press(1), frames.ack(sequence=2)]


def test_what_gives_way_at_once_makes_room_for_those_beside_it(tmp_path: Path) -> None:
    """Four pieces of news make room for two presses of one moment: nothing more than is needed gives way."""
    desk = Desk(tmp_path, max_rows=64)
    desk.up(*[news(sequence) for sequence in range(1, 65)])
    desk.up(press(100), press(101))
    kept = [ACK.peek(message.octets) for message in desk.kept()]
    assert [ack.battery for ack in kept if ack.status == codes.EVICTED] == [4]
    assert len(kept) == 63
