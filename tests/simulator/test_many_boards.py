"""Many boards in one process: what happens to one must not hold up the timers of another."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

import simulator.board
from protocol.codes import SIREN
from simulator.board import Bench
from simulator.errors import SimulatorError
from simulator.hardware import Board
from simulator.siren_timer import SirenTimer

DEADLINE_S = 5.0


def bench_of_two(folder: Path) -> tuple[Bench, Board, Board]:
    """One board whose watchdog is due, and one whose siren's timer relay is about to act."""
    bench = Bench(watchdog_s=0.1, hardware_limit_s=0.1)
    hung, sounding = (Board(name, folder, "micropython", SirenTimer(0.1)) for name in ("C000001", "C000002"))
    for board, fed_at in ((hung, 0.0), (sounding, math.inf)):
        board.powered = board.greeted = True
        board.fed_at = fed_at
        bench._boards[board.name] = board
    sounding.timer.drive(SIREN, asyncio.get_running_loop().time())
    return bench, hung, sounding


def test_one_board_that_starts_slowly_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an interpreter is being started, the timer relay of another board cuts its siren in time."""

    async def walk() -> None:
        bench, hung, sounding = bench_of_two(tmp_path)
        starting, cut = asyncio.Event(), asyncio.Event()

        async def never(board: Board, port: int) -> None:
            starting.set()
            await asyncio.Event().wait()

        advance = sounding.timer.advance

        def watched(now: float) -> bool:
            acted = advance(now)
            if acted and starting.is_set():
                cut.set()
            return acted

        monkeypatch.setattr(simulator.board, "start_interpreter", never)
        monkeypatch.setattr(sounding.timer, "advance", watched)
        ticking = asyncio.create_task(bench._tick())
        await asyncio.wait_for(starting.wait(), DEADLINE_S)
        await asyncio.wait_for(cut.wait(), DEADLINE_S)
        assert hung.resets == 1
        ticking.cancel()

    asyncio.run(walk())


def test_a_program_that_cannot_be_made_stops_no_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that does not start is noted on its board, and the watchdog tries again."""

    async def walk() -> None:
        bench, hung, _ = bench_of_two(tmp_path)
        again = asyncio.Event()

        async def broken(board: Board, port: int) -> None:
            if board.resets == 2:
                again.set()
            raise SimulatorError("app.py does not compile")

        monkeypatch.setattr(simulator.board, "start_interpreter", broken)
        ticking = asyncio.create_task(bench._tick())
        await asyncio.wait_for(again.wait(), DEADLINE_S)
        assert not ticking.done()
        assert "board: the interpreter does not start: app.py does not compile" in list(hung.log)
        ticking.cancel()

    asyncio.run(walk())
