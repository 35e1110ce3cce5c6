"""The processor on a simulated board: its interpreter is started and ended here, and never outlives the boards. For simulator.board."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process

from simulator.compiled import compiled
from simulator.hardware import ROOT, Board

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_at_once() -> None:
    """Between fork and exec: Linux kills the interpreter when this process dies. A frozen one heeds nothing milder."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def start_interpreter(board: Board, port: int) -> Process:
    """Start it; raises OSError or SimulatorError when it does not start."""
    program = await asyncio.to_thread(compiled) if board.runtime == "micropython" else ROOT
    env = {**os.environ, "MICROPYPATH": f".frozen:{program}", "PYTHONPATH": str(ROOT)}
    with (board.folder / "console.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *board.command(port), stdin=DEVNULL, stdout=log, stderr=log, env=env, preexec_fn=_die_at_once
        )


async def end_interpreter(board: Board) -> None:
    """End it, whatever state it is in."""
    if board.writer is not None:
        board.writer.close()
        board.writer = None
    process, board.process = board.process, None
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
