"""The serial port over a real pty: octets both ways, nothing blocks, and its end is heard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest
import serial

from modem.errors import Unavailable
from modem.port import MAX_WAITING_OCTETS, SerialPort

DEADLINE_S = 5.0

Pty = tuple[FileIO, str]


class Ear:
    """Keeps what a port says."""

    def __init__(self) -> None:
        self.octets = b""
        self.ends: list[str] = []
        self.changed = asyncio.Event()

    def received(self, octets: bytes) -> None:
        self.octets += octets
        self.changed.set()

    def lost(self, reason: str) -> None:
        self.ends.append(reason)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what a port says to fulfil a condition."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def modem() -> Iterator[Pty]:
    """The modem's end of a pty, and the path of ours."""
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    os.close(theirs)
    with FileIO(ours, "r+") as end:
        yield end, path


def on(path: str, body: Callable[[SerialPort, Ear], Awaitable[None]]) -> None:
    """Run `body` with an open port."""

    async def main() -> None:
        ear = Ear()
        port = SerialPort(path, 115200, ear)
        try:
            await body(port, ear)
        finally:
            port.close()

    asyncio.run(main())


def test_octets_go_both_ways_unchanged(modem: Pty) -> None:
    """All 256: nothing is translated, echoed or taken for flow control."""
    every = bytes(range(256))
    end, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        end.write(every)
        await ear.until(lambda: len(ear.octets) >= 256)
        assert every == ear.octets
        port.write(every)
        assert every == end.read(1000)

    on(path, body)


def test_a_port_that_is_pulled_out_is_heard_once(modem: Pty) -> None:
    """And writing to it says so too."""
    end, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        end.close()
        await ear.until(lambda: bool(ear.ends))
        assert len(ear.ends) == 1
        assert ear.ends[0].startswith("the modem's port was lost")
        with pytest.raises(Unavailable):
            port.write(b"AT\r")

    on(path, body)


def test_a_port_that_was_closed_here_says_nothing_more(modem: Pty) -> None:
    """Neither octets nor an end; closing twice is nothing."""
    end, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        end.write(b"late")
        port.close()
        port.close()
        for _ in range(3):  # rounds of the loop, in which a reader would be called
            loop = asyncio.get_running_loop()
            done = loop.create_future()
            loop.call_soon(done.set_result, None)
            await done
        assert (ear.octets, ear.ends) == (b"", [])

    on(path, body)


def test_a_port_that_was_closed_can_be_opened_again_at_once(modem: Pty) -> None:
    """Nothing of the first opening is left on the loop."""
    end, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        port.close()
        again = SerialPort(path, 115200, ear)
        end.write(b"OK")
        await ear.until(lambda: ear.octets == b"OK")
        again.close()

    on(path, body)


def test_a_modem_that_reads_nothing_does_not_stop_the_loop(modem: Pty) -> None:
    """Writing never waits; when too much is waiting, the port says so."""
    _, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        with pytest.raises(Unavailable, match="takes nothing"):
            for _ in range(100):
                port.write(b"x" * MAX_WAITING_OCTETS)

    on(path, body)


def test_what_waits_is_written_when_the_modem_reads_again(modem: Pty) -> None:
    """In order and whole."""
    end, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        sent = b""
        try:
            while len(sent) < 1_000_000:
                piece = b"%08d" % len(sent) * 64
                port.write(piece)
                sent += piece
        except Unavailable:
            pass
        loop, heard = asyncio.get_running_loop(), bytearray()
        loop.add_reader(end, lambda: (heard.extend(end.read(65536)), ear.changed.set()))
        await ear.until(lambda: len(heard) >= len(sent))
        loop.remove_reader(end)
        assert sent == heard

    on(path, body)


def test_a_port_in_use_is_not_opened(modem: Pty) -> None:
    """Two programs on one modem take each other's replies."""
    _, path = modem

    async def body(port: SerialPort, ear: Ear) -> None:
        with pytest.raises(serial.SerialException):
            serial.Serial(path, exclusive=True)
        with pytest.raises(Unavailable, match="cannot be opened: another program has it"):
            SerialPort(path, 115200, ear)

    on(path, body)


def test_a_port_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """Neither a path without a device, nor a file that is no terminal; what to do about the first is said."""
    (tmp_path / "file").touch()

    async def main() -> None:
        for name, why in (("nothing", "it is not there; is the modem plugged in"), ("file", ".*")):
            with pytest.raises(Unavailable, match=f"cannot be opened: {why}"):
                SerialPort(str(tmp_path / name), 115200, Ear())

    asyncio.run(main())
