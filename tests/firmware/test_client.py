"""The MQTT client and the app on CPython where a real broker or board cannot be made to misbehave on command."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from central import pki
from firmware import almanac, packets
from firmware.app import App
from firmware.mqtt import Client
from protocol import codes
from protocol.messages import ACK, COMMAND, HELLO, TIME, Command, Time
from tests.firmware.neighbourhood import Neighbourhood
from tests.firmware.stub_board import Board as StubBoard


class Stream:
    """A writer that is slow to drain, and sees whether two tasks drain it at once; a reader that gives what it is fed."""

    def __init__(self) -> None:
        self.together = 0
        self.most = 0
        self.closed: list[str] = []
        self.reader = asyncio.StreamReader()

    def write(self, octets: bytes) -> None:
        self.together += 1
        self.most = max(self.most, self.together)

    async def drain(self) -> None:
        # As a socket does: the loop tells, after the others had their turn, that the octets are gone.
        gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(gone.set_result, None)
        await gone
        self.together -= 1

    def close(self) -> None:
        self.closed.append("close")

    async def wait_closed(self) -> None:
        self.closed.append("wait_closed")


def client(stream: Stream, arrived: list[Any], unheard: list[Any]) -> Client:
    return Client(stream.reader, stream, packets.V5, lambda *_: None, arrived.append, unheard.append)


def test_two_tasks_never_drain_the_link_at_once() -> None:
    """MicroPython's stream loses or doubles octets when they do, and the next ack is damaged with it."""

    async def life() -> int:
        stream = Stream()
        one = client(stream, [], [])
        await asyncio.gather(
            one.publish("a", b"1", 1), one.ping(), one.publish("a", b"2", 2), one.publish("a", b"3", 3)
        )
        return stream.most

    assert asyncio.run(life()) == 1


@pytest.mark.parametrize(
    ("reason", "arrived", "unheard"), [(b"", ["x"], []), (b"\x00", ["x"], []), (b"\x10", [], ["x"])]
)
def test_only_what_somebody_heard_has_arrived(reason: bytes, arrived: list[str], unheard: list[str]) -> None:
    """MQTT 5 tells that a message was taken and nobody was there: that is no arrival."""

    async def life() -> tuple[list[Any], list[Any]]:
        stream = Stream()
        got: tuple[list[Any], list[Any]] = ([], [])
        one = client(stream, *got)
        await one.publish("a", b"1", "x")
        stream.reader.feed_data(packets.packet(0x40, b"\x00\x01" + reason))
        stream.reader.feed_eof()
        with pytest.raises(EOFError):
            await one.read()
        return got

    assert asyncio.run(life()) == (arrived, unheard)


def test_a_refused_message_ends_the_link() -> None:
    """It would otherwise wait for ever in flight; a new link says it again."""

    async def life() -> None:
        stream = Stream()
        one = client(stream, [], [])
        await one.publish("a", b"1", "x")
        stream.reader.feed_data(packets.packet(0x40, b"\x00\x01\x97"))
        stream.reader.feed_eof()
        await one.read()

    with pytest.raises(OSError, match="0x97"):
        asyncio.run(life())


def test_a_closed_link_closes_its_socket() -> None:
    """On MicroPython only wait_closed does; a center that reconnects for years must not run out of sockets."""

    async def life() -> Stream:
        stream = Stream()
        await client(stream, [], []).close()
        return stream

    stream = asyncio.run(life())
    assert stream.closed == ["close", "wait_closed"]


class Board(StubBoard):
    """A board that writes down what is asked of it, on a clock that stands still unless it is moved."""

    def __init__(self, flash: str) -> None:
        self.ms = 0
        self.lines: list[str] = []
        super().__init__(flash)

    @property
    def masks(self) -> list[int]:
        return [int(line[2:]) for line in self.lines if line.startswith("o ")]

    def look(self) -> Any:
        self._turn()
        return self._readings

    def ticks_ms(self) -> int:
        return self.ms

    def random(self, count: int) -> bytes:
        return bytes(count)

    def _say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[App, Board, Path]]:
    """An app on a board, with a device file; its link goes nowhere."""
    place = Neighbourhood(tmp_path)
    place.write_device(1)
    board = Board(str(place.device) + "/")
    yield App(board), board, place.device
    place.close()


def fail_flash(app: App) -> None:
    """From now on every write fails, as on a worn-out chip."""

    def fail(*_: object) -> None:
        raise OSError(5, "EIO")

    app._vault.save = fail


def test_the_own_button_sounds_although_the_flash_fails(app: tuple[App, Board, Path]) -> None:
    """A person holds it: worn flash must not make the siren mute, nor end the program."""
    program, board, _ = app
    fail_flash(program)
    program._do(program.center.press(codes.PANIC))
    assert board.masks[-1] & codes.SIREN
    assert any("flash failed" in line for line in board.lines)


def test_a_command_that_the_flash_did_not_take_moves_nothing(app: tuple[App, Board, Path]) -> None:
    """Through the whole app: no output, and the answer says failed."""
    program, board, _ = app
    pairs = program.identity.pairs
    sent: list[bytes] = []
    program.link.send = sent.append
    program.link.up = True
    program._do(program.center.tick(0))
    for hello in [HELLO.peek(frame) for frame in sent if len(frame) == HELLO.size]:
        answer = Time(hello.authority, 0, 42, 1_800_000_000, 0, 0, hello.request)
        program._received(TIME.seal(pairs[hello.authority].down, answer, hello.nonce), False)
    fail_flash(program)
    order = Command(0, 0, 42, 7, 1, 1_800_000_000, 60, 5, 1, codes.GENERAL, codes.ACTIVATE | codes.SIREN, 30, 0)
    program._received(COMMAND.seal(pairs[0].down, order, bytes(8)), False)
    program._show()
    assert not any(mask & codes.SIREN for mask in board.masks)
    assert ACK.open(pairs[0].up, sent[-1]).status == codes.FAILED


def test_a_dead_task_ends_the_program_with_the_outputs_off(app: tuple[App, Board, Path]) -> None:
    """Link or heartbeat gone while the watchdog is fed would be a center that looks alive and hears nothing."""
    program, board, _ = app

    async def die() -> None:
        raise ValueError("a fault nobody thought of")

    program.link.run = die
    program._do(program.center.press(codes.PANIC))
    with pytest.raises(RuntimeError, match="task"):
        asyncio.run(asyncio.wait_for(program.run(), 10))
    assert board.masks[-1] == 0


def test_the_beginning_of_a_certificate_is_read_from_it(tmp_path: Path) -> None:
    """Of a real one, to the second."""
    pki.create_authority(tmp_path)
    pki.issue_municipality(tmp_path, 1)
    moment = datetime(2027, 2, 28, 23, 59, 58, tzinfo=UTC)
    for start in (moment, datetime(2028, 2, 29, 0, 0, 1, tzinfo=UTC), datetime(2051, 1, 2, tzinfo=UTC)):
        certificate = pki.issue_client(tmp_path, 1, "C000042", None, 10, start).certificate
        assert almanac.begins(certificate.public_bytes(Encoding.DER)) == int(start.timestamp())
