"""The gateway and real centers on an RS-485 line: orders go down, presses come up, and the line's faults stay small."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import codes, line
from protocol.keys import center_pairs
from protocol.line import ANSWER
from protocol.messages import ACK, Ack
from tests.gateway import frames
from tests.gateway.clients import FakeCentral
from tests.gateway.frames import center_root
from tests.gateway.rig import Neighbourhood
from tests.gateway.wired import Wire, greet, order


def siren_on(said: str) -> bool:
    """Whether a board says that the siren sounds."""
    return said.startswith("o ") and bool(int(said[2:]) & codes.SIREN)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """The bus; its centers end with it."""
    made = Wire(tmp_path)
    yield made
    made.close()


def ack_of(central: FakeCentral, number: int, status: int) -> Ack:
    """The next ack of that center with that status, its seal verified."""
    key = center_pairs(center_root(number), number, 0)[codes.CENTRAL].up
    while True:
        message = central.next_ack(30)
        peeked = ACK.peek(message.ack)
        if (peeked.authority, peeked.center, peeked.status) == (codes.CENTRAL, number, status):
            return Ack(*ACK.open(key, message.ack))


def test_a_command_sounds_a_siren_on_the_line_and_its_ack_comes_back(neighbourhood: Neighbourhood, wire: Wire) -> None:
    """Central, gateway, line, firmware and all the way back; the center's report has more than a brief frame."""
    central = neighbourhood.central()
    gateway, log = neighbourhood.gateway(3, serial=wire.section(1))
    board = wire.center(1)
    nonce = greet(central, 1)[1]
    central.down([order(1, nonce, 1)])
    board.until(siren_on)
    assert ack_of(central, 1, codes.ACCEPTED).counter == 1
    assert gateway.state.presence.state(1) == "up"
    assert log.count("serial_line_lost") == 0


def test_a_press_on_the_line_reaches_central_and_sounds_the_group(neighbourhood: Neighbourhood, wire: Wire) -> None:
    """Without any order from afar: both centers of the line sound, and central learns of the press."""
    central = neighbourhood.central()
    neighbourhood.gateway(3, serial=wire.section(1, 2))
    boards = {number: wire.center(number) for number in (1, 2)}
    greet(central, 1, 2)
    boards[1].set("panic", 1)
    assert ack_of(central, 1, codes.PANIC).counter == 0
    for board in boards.values():
        board.until(siren_on)


def test_an_event_outlives_a_gateway_that_is_killed_before_it_has_stored_it(
    neighbourhood: Neighbourhood, wire: Wire
) -> None:
    """Whatever the line had carried by then, the center says again what the gateway did not acknowledge."""
    central = neighbourhood.central()
    process, _ = neighbourhood.process(serial=wire.section(1))
    board = wire.center(1)
    greet(central, 1)
    process.send_signal(signal.SIGSTOP)
    board.set("silent", 1)
    board.until(lambda said: "event" in said)
    process.kill()
    process.wait(10)
    neighbourhood.process(serial=wire.section(1))
    assert ack_of(central, 1, codes.SILENT_PANIC).counter == 0


def test_orders_and_presses_come_through_noise(neighbourhood: Neighbourhood, wire: Wire) -> None:
    """Of a thousand octets three are spoilt and two lost, so one exchange in four fails, and is made again."""
    central = neighbourhood.central()
    neighbourhood.gateway(3, serial=wire.section(1, reply_ms=60))
    board = wire.center(1)
    nonce = greet(central, 1)[1]
    wire.bus.corrupt(0.003)
    wire.bus.drop(0.002)
    central.down([order(1, nonce, 1)])
    board.until(siren_on)
    assert ack_of(central, 1, codes.ACCEPTED).counter == 1
    board.set("silent", 1)
    assert ack_of(central, 1, codes.SILENT_PANIC).counter == 0


def test_a_center_that_babbles_does_not_mute_the_others(neighbourhood: Neighbourhood, wire: Wire) -> None:
    """It speaks out of turn, again and again, and in the name of others too; the true center is heard all the same."""
    central = neighbourhood.central()
    gateway, _ = neighbourhood.gateway(3, serial=wire.section(1, 2))
    board = wire.center(1)
    with wire.bus.end() as babbler:
        babbling = threading.Thread(target=babble, args=(babbler,), daemon=True)
        babbling.start()
        nonce = greet(central, 1)[1]
        central.down([order(1, nonce, 1)])
        board.until(siren_on)
        assert ack_of(central, 1, codes.ACCEPTED).counter == 1
        babbler.shutdown(socket.SHUT_RDWR)
        babbling.join(10)
    assert gateway.state.presence.state(2) == "unknown"


def babble(end: socket.socket) -> None:
    """At every third word that is heard: rubbish without an end, and an answer in the name of center 2."""
    answer = line.pack(2, ANSWER, 1, 0, bytes(41))
    with contextlib.suppress(OSError):
        while all(end.recv(4096) for _ in range(3)):
            end.sendall(b"\x55" * 40 + answer + b"\x55" * 40)


def test_an_unplugged_adapter_is_one_fault_and_goes_with_it(neighbourhood: Neighbourhood, wire: Wire) -> None:
    """No center counts as silent for it, what goes by the broker goes on, and orders pass again once it is back."""
    central, other = neighbourhood.central(), neighbourhood.center(2)
    gateway, log = neighbourhood.gateway(3, serial=wire.section(1), centers={"silent_after_s": 2})
    board = wire.center(1)
    nonce = greet(central, 1)[1]
    central.down([order(1, nonce, 1)])
    board.until(siren_on)
    ack_of(central, 1, codes.ACCEPTED)
    before = len(log.lines)
    wire.bus.unplug()
    log.until("serial_line_lost")
    assert "look at the adapter" in gateway.state.faults["serial"]
    other.up(frames.hello(2))
    assert other.next_down()[0]
    log.until("presence", center=2, up=True)
    # The one at the broker falls silent; the one on the line would have been silent before it.
    log.until("presence", center=2, up=False)
    assert log.count("serial_line_lost") == 1
    assert {entry["center"] for entry in log.lines[before:] if entry["event"] == "presence"} == {2}
    wire.bus.plug()
    log.until("link_up", side="serial")
    central.down([order(1, nonce, 2)])
    board.until(siren_on)
    assert "serial" not in gateway.state.faults
