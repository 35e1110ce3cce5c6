"""The end of a board's line that firmware holds, in a test's hand: says levels and feeds, hears what the board measures."""

from __future__ import annotations

import asyncio

DEADLINE_S = 10.0


class FirmwareLine:
    """Made by `connect`, in place of an interpreter that was killed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, name: str) -> FirmwareLine:
        """Introduce ourselves as the firmware of a board."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"hello {name}\n".encode())
        return cls(reader, writer)

    def say(self, line: str) -> None:
        """One line to the board."""
        self._writer.write(f"{line}\n".encode())

    async def hear(self) -> list[int]:
        """The next state that the board tells: inputs, measured mask, cause; raises EOFError when it hung up."""
        line = await asyncio.wait_for(self._reader.readline(), DEADLINE_S)
        if not line:
            raise EOFError
        return [int(part) for part in line.decode().split()[1:]]

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
