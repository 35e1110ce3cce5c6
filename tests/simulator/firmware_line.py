"""The end of a board's line that firmware holds, in a test's hand: says scores and feeds, hears what the board senses."""

from __future__ import annotations

import asyncio
import time

from protocol.codes import POWER, SIREN
from simulator.boards import BoardProcess

DEADLINE_S = 10.0
LONG_MS = 600_000
STEADY = (1000, 0)

Entry = tuple[int, int, tuple[int, ...]]
# The siren as the program works it: its relay, and the second switch in its supply.
SOUNDING: tuple[Entry, ...] = ((SIREN, LONG_MS, STEADY), (POWER, LONG_MS, STEADY))


def score(*entries: Entry, at_ms: int | None = None) -> str:
    """The line of a score that begins now: (output bit, how long in ms, cadence) each; none is silence."""
    now = int(time.monotonic() * 1000) if at_ms is None else at_ms
    parts = [f"{bit},{now},{lasting},{now},{','.join(map(str, cadence))}" for bit, lasting, cadence in entries]
    return ";".join([f"s {now}", *parts])


class FirmwareLine:
    """Made by `connect`, or by `take_over` in place of an interpreter that was stopped."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, name: str) -> FirmwareLine:
        """Introduce ourselves as the firmware of a board."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"hello {name}\n".encode())
        return cls(reader, writer)

    @classmethod
    async def take_over(cls, boards: BoardProcess, name: str) -> FirmwareLine:
        """The board's line, its interrupt goes on; the interpreter stands still and nothing starts it anew."""
        await boards.fault(name, "no_watchdog")
        await boards.stall(name)
        line = await cls.connect(boards.port, name)
        await line.hear()
        return line

    def say(self, line: str) -> None:
        """One line to the board."""
        self._writer.write(f"{line}\n".encode())

    async def hear(self, kind: str = "i") -> list[int]:
        """The numbers of the next line of a kind that the board tells: its readings; EOFError when it hung up."""
        while True:
            line = await asyncio.wait_for(self._reader.readline(), DEADLINE_S)
            if not line:
                raise EOFError
            heard, *parts = line.decode().split()
            if heard == kind:
                return [int(part) for part in parts]

    async def siren_ma(self, wanted: int) -> int:
        """The siren's current once it is the wanted one; TimeoutError when the board has nothing more to say."""
        while (flows := (await self.hear())[6]) != wanted:
            pass
        return flows

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
