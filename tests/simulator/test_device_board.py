"""The board as the firmware sees it, on both interpreters: a few lines of program against a socket of the test."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 15.0

PROGRAM = """
import sys
from firmware.score import entry
from simulator.device.board import Board
board = Board(int(sys.argv[1]), "C000007", "%s/")
now = board.ticks_ms()
board.play((entry(1, (500, 500), now, 9000, now - 100), entry(16, (1000, 0), now, 9000)))
board.play(())
board.outputs_off()
board.hold(300)
board.log("flowed %%d" %% board.pulse(17, 10))
while not board.look().tamper:
    pass
seen = board.look()
board.log("%%s" %% [seen.panic, seen.silent, seen.mains, seen.motion, seen.battery_mv, seen.siren_ma, seen.strobe_ma,
    seen.floodlight_ma, seen.indicator_ma, seen.sound, seen.light, seen.measured(), seen is board.look()])
while board.look().tamper:
    pass
board.log("held %%s %%s" %% (board.look().panic, board.look().silent))
while board.look().panic:
    pass
board.log("no longer held; codes %%d, cause %%d, random %%d" %% (len(board.codes()), board.boot_cause(), len(board.random(16))))
typed = None
while typed is None:
    board.look()
    typed = board.typed()
board.say("heard\\n" + typed)
board.log("first\\nsecond " + board.flash[-1:] + board.kind)
board.feed()
board.feed()
board.log("a tick" if 0 <= board.ticks_ms() < 1 << 30 and board.free() > 0 else "no tick")
board.restart()
"""


@pytest.mark.parametrize(("runtime", "reported"), [("micropython", "r MicroPython v1."), ("cpython", "r CPython v3.")])
def test_a_program_on_its_board(tmp_path: Path, runtime: str, reported: str) -> None:
    """What it says and what it is shown, whole lines or not; it waits for its restart, and ends when the power does."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM % tmp_path)
    interpreter = sys.executable if runtime == "cpython" else str(Path(sys.executable).with_name("micropython"))
    said: list[str] = []
    code: list[int] = []

    async def board(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def hear(count: int) -> None:
            for _ in range(count):
                said.append((await asyncio.wait_for(reader.readline(), DEADLINE_S)).decode().rstrip("\n"))

        await hear(2)
        # What arrives in two pieces is one state.
        writer.write(b"i 0 0 0 1 0 12700 0 0 ")
        await writer.drain()
        writer.write(b"0 0 -1 -1 2\n")
        await hear(5)
        writer.write(b"m 1600 250 0 0\n")
        await hear(1)
        # A silent button is pressed; the second line is the state that counts.
        writer.write(b"i 0 0 0 1 0 12700 0 0 0 0 -1 -1 2\ni 0 1 1 0 1 11000 1600 4 850 20 105 70 2\n")
        await hear(1)
        # The panic button was held and let go before the program looked again.
        writer.write(b"i 1 0 1 1 0 12700 0 0 0 0 -1 -1 2\ni 2 0 0 1 0 12700 0 0 0 0 -1 -1 2\n")
        await hear(2)
        writer.write(b"t identify please\n")
        await hear(7)
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
    now = int(said[2].removeprefix("s ").split(";")[0])
    start = int(said[2].split(",")[1])
    assert 0 <= now - start < 1000
    assert said[2] == f"s {now};1,{start},9000,{start - 100},500,500;16,{start},9000,{start},1000,0"
    assert re.fullmatch(r"s \d+", said[3])
    assert said[4:8] == ["z", "h 300", "p 17 10", "l flowed 1600"]
    assert said[8] == f"l {[False, True, False, True, 11000, 1600, 4, 850, 20, 105, 70, 13, True]}"
    assert said[9:11] == ["l held True False", "l no longer held; codes 0, cause 2, random 16"]
    # Two feeds within half a second are one line.
    assert said[11:] == ["c heard", "c identify please", "l first second /unix", "f", "l a tick", "z", "q"]
    assert code == [0]
