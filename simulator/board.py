"""Boards of alarm centers as a process of its own: what is hardware on a pole is here, and nothing else.

Outputs that latch, buttons, battery, watchdog, a hardware timer behind the siren, and the power for the interpreter that
runs the firmware. If the interpreter dies, its siren stays on until the watchdog or the hardware timer acts.
Run by simulator.boards; ends with everything it started when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

from protocol.codes import OUTPUT_NAMES, SIREN
from simulator.hardware import FAULTS, ROOT, RUNTIMES, Board
from simulator.siren_timer import SirenTimer

_TICK_S = 0.05
_POWER_ON, _WATCHDOG = 1, 2
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class RefusedError(Exception):
    """A request that cannot be done; the message says why."""


def _die_at_once() -> None:
    """Between fork and exec: Linux kills the interpreter when this process dies. A frozen one heeds nothing milder."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _names(mask: int) -> list[str]:
    """The outputs of a mask."""
    return [name for bit, name in OUTPUT_NAMES.items() if mask & bit]


def _known(name: str, names: tuple[str, ...]) -> str:
    """The name, when it is one of these; raises RefusedError."""
    if name not in names:
        raise RefusedError(f"{name!r} is none of {', '.join(names)}")
    return name


class Bench:
    """All boards of this process, their firmware sockets and the control connections."""

    def __init__(self, watchdog_s: float, hardware_limit_s: float) -> None:
        self._watchdog_s = watchdog_s
        self._hardware_limit_s = hardware_limit_s
        self._boards: dict[str, Board] = {}
        self._watchers: list[asyncio.StreamWriter] = []
        self._port = 0
        self._ending = False

    async def serve(self) -> None:
        """Run until standard input closes or SIGTERM; no interpreter is left when it returns."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        print(json.dumps({"port": self._port}), flush=True)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(0, 1024) else ended.set())
        ticking = asyncio.create_task(self._tick())
        ticking.add_done_callback(lambda _: ended.set())  # Boards without watchdog and timer prove nothing.
        await ended.wait()
        self._ending = True
        loop.remove_reader(sys.stdin.fileno())
        server.close()
        for board in self._boards.values():
            await self._power(board, False)
        if ticking.done():
            ticking.result()
        ticking.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            first = (await reader.readline()).decode(errors="replace").strip()
            board = self._boards.get(first.removeprefix("hello "))
            if board is not None and board.powered:
                await self._firmware(board, reader, writer)
            elif first == "control":
                await self._control(reader, writer)
        writer.close()

    async def _firmware(self, board: Board, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        board.writer, board.greeted, board.fed_at = writer, True, time.monotonic()
        self._tell_firmware(board)
        try:
            while line := (await reader.readline()).decode(errors="replace").rstrip("\n"):
                if board.writer is not writer:
                    # Its processor was reset or lost its power: what it still had to say never reached the pins.
                    return
                kind, _, rest = line.partition(" ")
                if kind == "o" and rest.isdigit():
                    self._set_level(board, int(rest))
                elif kind == "f":
                    board.fed_at = time.monotonic()
                elif kind == "r":
                    board.reported = rest
                    self._changed(board)
                elif kind == "l":
                    board.note(rest)
        finally:
            if board.writer is writer:
                board.writer = None

    def _set_level(self, board: Board, level: int) -> None:
        board.level = level
        self._settle(board)

    def _settle(self, board: Board) -> None:
        """Something about the board has changed: its timer, its firmware and whoever watches learn it."""
        if board.powered:
            board.timer.drive(bool(board.driven & SIREN), time.monotonic())
        self._tell_firmware(board)
        self._changed(board)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for board in list(self._boards.values()):
                if board.powered and board.timer.advance(time.monotonic()):
                    self._tell_firmware(board)
                    self._changed(board)
                if board.overdue(time.monotonic(), self._watchdog_s):
                    await self._watchdog(board)

    async def _watchdog(self, board: Board) -> None:
        async with board.turn:
            if not board.overdue(time.monotonic(), self._watchdog_s):
                return
            board.resets += 1
            try:
                await self._start(board, _WATCHDOG)
            except OSError as error:
                # Its outputs are off by now, and the other boards go on; the watchdog tries again.
                board.note(f"board: the interpreter does not start: {error}")

    async def _start(self, board: Board, cause: int) -> None:
        """Reset: the pins float, so everything is off; then the interpreter starts. Raises OSError when it does not."""
        await self._end_interpreter(board)
        board.cause, board.powered, board.greeted = cause, True, False
        board.fed_at = time.monotonic()
        self._set_level(board, 0)
        env = {**os.environ, "MICROPYPATH": f".frozen:{ROOT}", "PYTHONPATH": str(ROOT)}
        with (board.folder / "console.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *board.command(self._port), stdin=DEVNULL, stdout=log, stderr=log, env=env, preexec_fn=_die_at_once
            )
        board.process = process
        board.mourner = asyncio.create_task(self._mourn(board, process))
        self._changed(board)

    async def _mourn(self, board: Board, process: Process) -> None:
        """An interpreter that ends by itself leaves its board as it is; only its pid is gone."""
        await process.wait()
        if board.process is process:
            board.process = None
            self._changed(board)

    async def _end_interpreter(self, board: Board) -> None:
        if board.writer is not None:
            board.writer.close()
            board.writer = None
        process, board.process = board.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _power(self, board: Board, on: bool) -> None:
        async with board.turn:
            if on and not board.powered and not self._ending:
                await self._start(board, _POWER_ON)
            elif not on and board.powered:
                await self._end_interpreter(board)
                board.powered, board.level, board.timer = False, 0, SirenTimer(self._hardware_limit_s)
                self._changed(board)

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.append(writer)
        try:
            while line := await reader.readline():
                number, problem, text = None, "", ""
                try:
                    request = json.loads(line)
                    number = request["id"]
                    text = await self._do(request)
                except RefusedError as error:
                    problem = str(error)
                except OSError as error:
                    problem = f"the interpreter does not start: {error}"
                except (ValueError, KeyError, TypeError) as error:
                    problem = f"not a request: {error!r}"
                self._send(writer, {"answer": number, "problem": problem, "text": text})
        finally:
            self._watchers.remove(writer)

    async def _do(self, request: dict[str, Any]) -> str:
        """Carry one request out; answers with text where there is some, raises RefusedError with a sentence."""
        verb, name = request["do"], request["board"]
        board = self._boards.get(name)
        if verb == "add":
            self._add(name, Path(request["folder"]), request["runtime"])
        elif board is None:
            raise RefusedError(f"no board {name}")
        elif verb == "power":
            await self._power(board, request["on"])
        elif verb == "input":
            board.inputs[_known(request["input"], tuple(board.inputs))] = int(request["value"])
            self._settle(board)
        elif verb == "fault":
            fault = _known(request["fault"], FAULTS)
            (board.faults.add if request["on"] else board.faults.discard)(fault)
            self._settle(board)
        elif verb == "signal":
            if board.process is None:
                raise RefusedError(f"{name} has no interpreter")
            with contextlib.suppress(ProcessLookupError):
                board.process.send_signal(request["signal"])
        elif verb == "log":
            return "\n".join(board.log)
        else:
            raise RefusedError(f"nothing is called {verb!r}")
        return ""

    def _add(self, name: str, folder: Path, runtime: str) -> None:
        if name in self._boards:
            raise RefusedError(f"there is a board {name} already")
        if not folder.is_dir():
            raise RefusedError(f"{name} has no folder {folder}")
        board = Board(name, folder, _known(runtime, RUNTIMES), SirenTimer(self._hardware_limit_s))
        self._boards[name] = board
        self._changed(board)

    def _tell_firmware(self, board: Board) -> None:
        if board.writer is None:
            return
        values = [*board.inputs.values(), board.outputs, board.cause]
        board.writer.write(("i " + " ".join(map(str, values)) + "\n").encode())

    def _changed(self, board: Board) -> None:
        event = {
            "board": board.name,
            "at": time.monotonic(),
            "wall": time.time(),
            "powered": board.powered,
            "outputs": _names(board.outputs),
            "asked": _names(board.level),
            "inputs": board.inputs,
            "pid": board.process.pid if board.process else None,
            "resets": board.resets,
            "cause": board.cause,
            "cut": board.timer.cut,
            "runtime": board.reported,
        }
        for watcher in self._watchers:
            self._send(watcher, event)

    @staticmethod
    def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")


def main() -> None:
    """Arguments: how long the watchdog waits for a feed, and the longest that the siren's power stays on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchdog-s", type=float, default=8.0)
    parser.add_argument("--hardware-limit-s", type=float, default=185.0)
    arguments = parser.parse_args()
    asyncio.run(Bench(arguments.watchdog_s, arguments.hardware_limit_s).serve())


if __name__ == "__main__":
    main()
