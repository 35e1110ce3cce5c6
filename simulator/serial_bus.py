"""An RS-485 line as a process: what one of its ends says, all others hear. The gateway's adapter is a pty, centers are sockets.

Run by simulator.bus and by hand: `python -m simulator.serial_bus LINK` makes the adapter at the path LINK and prints a line of
JSON with the `port` for centers. Lines of standard input: `unplug` and `plug` the adapter, `corrupt P`, `drop P` (chances per
octet), `delay MS`, each answered by `ok`. Ends when standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import tty
from pathlib import Path

_READ_OCTETS = 4096


class Bus:
    """All ends; times in seconds. Two that speak at once do not spoil each other's octets: they come out one after the other."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._centers: set[asyncio.StreamWriter] = set()
        self._adapter: tuple[int, int] | None = None
        self._random = random.Random(485)  # noqa: S311 - the same noise in each run
        self.corrupt = 0.0
        self.drop = 0.0
        self.delay_s = 0.0

    def plug(self) -> None:
        """The adapter appears at its path."""
        if self._adapter is not None:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._link.symlink_to(os.ttyname(slave))
        self._adapter = master, slave
        asyncio.get_running_loop().add_reader(master, self._from_adapter, master)

    def unplug(self) -> None:
        """The adapter is gone, for whoever has it open too."""
        if self._adapter is None:
            return
        (master, slave), self._adapter = self._adapter, None
        asyncio.get_running_loop().remove_reader(master)
        self._link.unlink(missing_ok=True)
        os.close(slave)
        os.close(master)

    async def center(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One center's end, until it leaves."""
        self._centers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while octets := await reader.read(_READ_OCTETS):
                self._carry(octets, writer)
        self._centers.discard(writer)
        writer.close()

    def _from_adapter(self, master: int) -> None:
        with contextlib.suppress(OSError):
            self._carry(os.read(master, _READ_OCTETS), None)

    def _carry(self, octets: bytes, speaker: asyncio.StreamWriter | None) -> None:
        octets = bytes(self._noisy(octet) for octet in octets if self._random.random() >= self.drop)
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self._give, octets, speaker)
        else:
            self._give(octets, speaker)

    def _noisy(self, octet: int) -> int:
        return octet ^ 1 << self._random.randrange(8) if self._random.random() < self.corrupt else octet

    def _give(self, octets: bytes, speaker: asyncio.StreamWriter | None) -> None:
        for writer in self._centers:
            if writer is not speaker:
                writer.write(octets)
        if speaker is not None and self._adapter is not None:
            # An adapter that nobody reads forgets what comes.
            with contextlib.suppress(BlockingIOError):
                os.write(self._adapter[0], octets)

    def obey(self, line: str) -> str:
        """Carry out a line of standard input; the answer."""
        verb, *values = line.split()
        if verb in ("plug", "unplug") and not values:
            (self.plug if verb == "plug" else self.unplug)()
        elif verb in ("corrupt", "drop") and len(values) == 1:
            setattr(self, verb, float(values[0]))
        elif verb == "delay" and len(values) == 1:
            self.delay_s = float(values[0]) / 1000
        else:
            return f"nothing is called {line!r}"
        return "ok"


async def serve(link: Path) -> None:
    """The bus, until standard input closes."""
    bus = Bus(link)
    server = await asyncio.start_server(bus.center, "127.0.0.1", 0)
    bus.plug()
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        print(bus.obey(line), flush=True)
    bus.unplug()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
