"""The gateway's end of the serial line, with a center that a test plays by hand over a real pty."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import cast

import pytest

from gateway.local.mqtt import MqttLocal
from gateway.local.serial_line import SerialLine
from gateway.local.sides import Sides
from gateway.ports import LOCAL, SERIAL, Event, LinkChanged, Received
from gateway.sections import SerialSettings
from protocol import line
from protocol.framing import Deframer
from protocol.hop import read_presence
from protocol.line import ANSWER, FIRST, Message
from protocol.messages import KIND_PRESENCE
from simulator.bus import SerialBus
from tests.gateway import frames
from tests.gateway.desk import Desk
from tests.gateway.frames import DEADLINE_S
from tests.gateway.lines import Lines


class Played:
    """A line with one center, number 1, that is this test; number 2 is on it too and silent."""

    def __init__(self, folder: Path) -> None:
        self.bus = SerialBus(folder / "tty")
        self.end: socket.socket = self.bus.end()
        self.end.settimeout(DEADLINE_S)
        self.events: Queue[Event] = Queue()
        section = SerialSettings(device=str(self.bus.device), centers=[1, 2], reply_ms=500)
        self.line = SerialLine(section, self.events.put, Lines())
        self._deframer = Deframer()
        self._polls: list[Message] = []

    def poll(self, center: int = 1) -> Message:
        """The next poll of a center."""
        while True:
            while self._polls:
                if (found := self._polls.pop(0)).center == center:
                    return found
            self._polls += [line.unpack(octets) for octets in self._deframer.feed(self.end.recv(4096))]

    def until_poll(self, **fields: object) -> Message:
        """Answer with nothing until a poll says this."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            poll = self.poll()
            if all(getattr(poll, name) == value for name, value in fields.items()):
                return poll
            self.say()
        raise AssertionError(f"no poll with {fields}")

    def say(self, frame: bytes = b"", mark: int = 0, center: int = 1, control: int = ANSWER) -> None:
        """An answer."""
        self.end.sendall(line.pack(center, control, mark, 0, frame))

    def received(self, way: str) -> Received:
        """The next that came from the line that way."""
        while True:
            event = self.events.get(timeout=DEADLINE_S)
            if isinstance(event, Received) and event.topic.endswith("/" + way):
                return event

    def close(self) -> None:
        self.line.stop()
        self.end.close()
        self.bus.close()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """The line, polled."""
    made = Played(tmp_path)
    made.line.start()
    yield made
    made.close()


def test_what_is_not_stored_is_heard_and_not_taken(played: Played) -> None:
    """A poll says at once that it came, and only after the acknowledgement that it may be forgotten."""
    played.until_poll(control=FIRST)
    played.say(b"event", mark=5)
    event = played.received("up")
    assert (event.side, event.topic, event.payload, event.retained) == (LOCAL, "sereno/1/C000001/up", b"event", False)
    for _ in range(3):
        poll = played.poll()
        assert poll.taken == 0
        played.say()
    event.acknowledge()
    played.until_poll(taken=5)
    played.say()
    assert played.until_poll(taken=0).mark == 0


def test_a_poll_names_what_came_before(played: Played) -> None:
    """By that the center knows that it was heard."""
    played.until_poll(control=FIRST)
    played.say(b"event", mark=77)
    assert played.poll().mark == 77


def test_only_the_center_that_was_polled_is_its_answer(played: Played) -> None:
    """Neither another one's, nor a poll's echo, nor noise; the frame goes on being said, until the true one answers."""
    played.until_poll(control=FIRST)
    played.say()
    assert played.line.publish(1, b"order", 60)
    played.until_poll(frame=b"order")
    played.say(b"forged", mark=9, center=2)
    played.say(b"echo", control=0)
    played.end.sendall(b"\x55\x55\x00")
    played.say(b"true", mark=3)
    assert played.received("up").payload == b"true"
    assert played.poll()[2:] == (3, 0, b"")


def test_a_frame_is_said_again_until_it_is_answered(played: Played) -> None:
    """A damaged poll is lost, and the order in it is not."""
    played.until_poll(control=FIRST)
    played.say()
    assert played.line.publish(1, b"order", 60)
    played.until_poll(frame=b"order")
    assert played.poll().frame == b"order"
    played.say()
    assert played.poll().frame == b""


def test_a_center_that_comes_is_greeted_and_one_that_goes_has_a_last_will(played: Played) -> None:
    """As on the broker, for the flows to look sooner."""
    played.until_poll(control=FIRST)
    played.say()
    greeting = played.received("link")
    assert (greeting.topic, greeting.payload) == ("sereno/1/C000001/link", b"1")
    wills = [played.received("link") for _ in range(2)]
    assert {will.topic: will.payload for will in wills} == {
        "sereno/1/C000001/link": b"0",
        "sereno/1/C000002/link": b"0",
    }


def test_an_adapter_that_comes_back_begins_anew(played: Played) -> None:
    """Nothing can be handed over meanwhile; then every center is polled for the first time again."""
    played.until_poll(control=FIRST)
    played.say()
    assert played.until_poll(control=0)
    played.bus.unplug()
    while not (isinstance(event := played.events.get(timeout=DEADLINE_S), LinkChanged) and not event.up):
        pass
    assert (event.side, played.line.connected, played.line.publish(1, b"order", 60)) == (SERIAL, False, False)
    played.bus.plug()
    assert played.until_poll(control=FIRST).mark == 0
    assert played.line.connected


class Side:
    """One side that keeps what it is told."""

    centers = frozenset({2})

    def __init__(self, connected: bool) -> None:
        self.connected = connected
        self.told: list[object] = []

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        self.told.append((center, frame, expiry_s))
        return self.connected

    def probe(self) -> bool:
        self.told.append("probe")
        return self.connected

    def drop(self, reason: str) -> None:
        self.told.append(reason)


@pytest.mark.parametrize("broker_up", [True, False])
@pytest.mark.parametrize("line_up", [True, False])
def test_each_center_has_its_side_and_neither_holds_the_other_back(broker_up: bool, line_up: bool) -> None:
    """A broker that is being connected to is not dropped, or it would never be."""
    broker, wire = Side(broker_up), Side(line_up)
    both = Sides(cast(MqttLocal, broker), cast(SerialLine, wire))
    assert both.connected == (broker_up or line_up)
    assert (both.publish(1, b"a", 5), both.publish(2, b"b", None)) == (broker_up, line_up)
    assert both.probe() == broker_up
    both.drop("silent")
    assert broker.told == [(1, b"a", 5), "probe", *(["silent"] if broker_up else [])]
    assert wire.told == [(2, b"b", None)]


def test_a_serial_line_that_is_away_is_one_fault_of_its_own(tmp_path: Path) -> None:
    """The silence of its centers does not count; that of the others does, and the lamp tells that not all is well."""
    desk = Desk(tmp_path)

    def told() -> list[tuple[int, int]]:
        return [(word.center, word.up) for word in map(read_presence, desk.frames(KIND_PRESENCE))]

    desk.link(LOCAL, True)
    desk.state.wired = frozenset({1})
    desk.up(frames.beat(sequence=1))
    desk.up(frames.beat(center=2, sequence=1), name="C000002")
    desk.link(SERIAL, True)
    desk.tick()
    assert desk.lamps.shown[1]
    desk.link(SERIAL, False)
    # The broker is there, so something of the local side is.
    desk.local.connected = True
    desk.tick(3600)
    assert desk.state.faults.keys() == {"serial"}
    assert desk.log.count("serial_line_lost") == 1
    assert told() == [(1, 1), (2, 1), (2, 0)]
    assert desk.lamps.shown[1] is False
    desk.link(LOCAL, False)
    desk.link(LOCAL, True)
    assert desk.state.faults.keys() == {"serial"}
    desk.link(SERIAL, True)
    assert desk.state.faults == {}
    desk.tick(200)
    assert told() == [(1, 1), (2, 1), (2, 0), (1, 0)]
