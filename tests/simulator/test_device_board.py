"""The board as the firmware sees it, on both interpreters: a few lines of program against a socket of the test."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 15.0

PROGRAM = """
import sys
from simulator.device.board import Board
board = Board(int(sys.argv[1]), "C000007", "somewhere/")
for mask in (0, 0, 1, 1, 1, 9, 0, 0):
    board.set_outputs(mask)
board.outputs_off()
while not board.inputs()["panic"]:
    pass
board.log("%s %d %d %d" % (board.inputs(), board.measured(), board.boot_cause(), len(board.random(16))))
board.log("first\\nsecond " + board.flash)
board.feed()
board.feed()
board.log("a tick" if 0 <= board.ticks_ms() < 1 << 30 else "no tick")
while True:
    board.measured()
"""


@pytest.mark.parametrize(("runtime", "reported"), [("micropython", "r MicroPython v1."), ("cpython", "r CPython v3.")])
def test_a_program_on_its_board(tmp_path: Path, runtime: str, reported: str) -> None:
    """It says only changes, sees a pressed button without asking for anything else, and ends when the power does."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    interpreter = sys.executable if runtime == "cpython" else str(Path(sys.executable).with_name("micropython"))
    said: list[str] = []
    code: list[int] = []

    async def board(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def hear(count: int) -> None:
            for _ in range(count):
                said.append((await asyncio.wait_for(reader.readline(), DEADLINE_S)).decode().rstrip("\n"))

        await hear(2)
        # What arrives in two pieces is one state.
        writer.write(b"i 0 0 0 1 12700")
        await writer.drain()
        writer.write(b" 0 2\n")
        await hear(4)
        writer.write(b"i 0 0 0 1 12700 1 2\ni 1 0 1 0 11000 5 2\n")
        await hear(4)
        writer.close()

    async def run() -> None:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await board(reader, writer)
            done.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            interpreter, str(program), str(port),
            env={"MICROPYPATH": f".frozen:{ROOT}", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            await asyncio.wait_for(done.wait(), DEADLINE_S)
            code.append(await asyncio.wait_for(process.wait(), DEADLINE_S))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            server.close()

    asyncio.run(run())
    assert said[0] == "hello C000007"
    assert said[1].startswith(reported)
    assert said[2:6] == ["o 0", "o 1", "o 9", "o 0"]
    inputs = "{'panic': True, 'silent': False, 'tamper': True, 'mains': False, 'battery_mv': 11000}"
    state, _, rest = said[6].removeprefix("l ").rpartition("}")
    assert sorted(state.strip("{").split(", ")) == sorted(inputs.strip("{}").split(", "))
    assert rest == " 5 2 16"
    # Two feeds within half a second are one line.
    assert said[7:] == ["l first second somewhere/", "f", "l a tick"]
    assert code == [0]
