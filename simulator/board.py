"""Boards of alarm centers as a process of its own: what is hardware on a pole is here, and nothing else.

Outputs that latch, buttons, battery, watchdog, a hardware timer behind the siren, and the power for the interpreter that
runs the firmware. If the interpreter dies, its siren stays on until the watchdog or the hardware timer acts.
Run by simulator.boards; ends with everything it started when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Container
from pathlib import Path
from typing import Any

from firmware.player import PERIOD_MS
from simulator.circuit import FAULTS
from simulator.errors import SimulatorError
from simulator.hardware import RUNTIMES, Board, latches, ticks
from simulator.interpreter import end_interpreter, start_interpreter
from simulator.lines import flowed, news, radio, read_score, readings
from simulator.siren_timer import SirenTimer

_TICK_S = 0.05
_POWER_ON, _WATCHDOG, _SOFTWARE = 1, 2, 3


class RefusedError(Exception):
    """A request that cannot be done; the message says why."""


def _known(name: str, names: Container[str]) -> str:
    """The name, when it is one of these; raises RefusedError."""
    if name not in names:
        raise RefusedError(f"there is no {name!r}")
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
        self._restarts: set[asyncio.Task[None]] = set()

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
        board.tell(readings(board))
        try:
            while line := (await reader.readline()).decode(errors="replace").rstrip("\n"):
                if board.writer is not writer:
                    # Its processor was reset or lost its power: what it still had to say never reached the pins.
                    return
                kind, _, rest = line.partition(" ")
                if kind == "f":
                    board.fed_at = time.monotonic()
                else:
                    await self._said(board, kind, rest)
        finally:
            if board.writer is writer:
                board.writer = None

    async def _said(self, board: Board, kind: str, rest: str) -> None:
        """One line from the program: a score, an end of everything, a pulse, how long a button is held, words."""
        if kind == "s":
            board.player.score = read_score(rest, ticks(time.monotonic()))
            board.interrupt(time.monotonic())
            self._settle(board)
        elif kind == "z":
            board.player.score, board.level = (), 0
            self._settle(board)
        elif kind == "p":
            await self._pulse(board, *map(int, rest.split()))
        elif kind == "h":
            board.player.latches = latches(int(rest))
        elif kind == "r":
            board.reported = rest
            self._changed(board)
        elif kind in ("l", "c"):
            board.note(rest)
            self._changed(board)
        elif kind == "q":
            self._begin(board, _SOFTWARE)

    async def _pulse(self, board: Board, mask: int, lasting_ms: int) -> None:
        """A test pulse: outputs on for some milliseconds, too short to be heard, and what flowed in all."""
        board.pulse = mask
        board.level |= mask
        self._settle(board)
        await asyncio.sleep(lasting_ms / 1000)
        seen = board.flow
        board.pulse = 0
        board.interrupt(time.monotonic())
        board.tell(flowed(seen))
        self._settle(board)

    def _begin(self, board: Board, cause: int) -> None:
        """A restart goes on by itself: starting one interpreter must not hold up the timers of the other boards."""
        task = asyncio.create_task(self._restart(board, cause))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _restart(self, board: Board, cause: int) -> None:
        """A start that nobody waits for: the program's own reset, or the watchdog's if it is still due."""
        async with board.turn:
            due = board.powered if cause == _SOFTWARE else board.overdue(time.monotonic(), self._watchdog_s)
            if not due or self._ending:
                return
            board.resets += cause == _WATCHDOG
            try:
                await self._start(board, cause)
            except (OSError, SimulatorError) as error:
                # Its outputs are off by now, and the other boards go on; the watchdog tries again.
                board.note(f"board: the interpreter does not start: {error}")

    def _settle(self, board: Board) -> None:
        """Something about the board has changed: its timer, its firmware and whoever watches learn it."""
        if board.powered:
            board.timer.drive(board.driven, time.monotonic())
        board.tell(readings(board))
        self._changed(board)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_MS / 1000 if any(board.busy for board in self._boards.values()) else _TICK_S)
            for board in list(self._boards.values()):
                self._interrupt(board)
                if board.powered and board.timer.advance(time.monotonic()):
                    board.tell(readings(board))
                    self._changed(board)
                if board.overdue(time.monotonic(), self._watchdog_s) and not board.turn.locked():
                    self._begin(board, _WATCHDOG)

    def _interrupt(self, board: Board) -> None:
        """The timer interrupt of one board, and what it changed: pins, or a button that was held long enough."""
        now = time.monotonic()
        before = board.level, *board.holds
        board.interrupt(now)
        if (board.level, *board.holds) != before:
            self._settle(board)

    async def _start(self, board: Board, cause: int) -> None:
        """Reset: the pins float, so everything is off; then the interpreter starts. Raises OSError when it does not."""
        await end_interpreter(board)
        board.cause, board.powered, board.greeted = cause, True, False
        board.fed_at = time.monotonic()
        board.reset()
        self._settle(board)
        process = await start_interpreter(board, self._port)
        board.process = process
        board.mourner = asyncio.create_task(self._mourn(board, process))
        self._changed(board)

    async def _mourn(self, board: Board, process: Process) -> None:
        """An interpreter that ends by itself leaves its board as it is; only its pid is gone."""
        await process.wait()
        if board.process is process:
            board.process = None
            self._changed(board)

    async def _power(self, board: Board, on: bool) -> None:
        async with board.turn:
            if on and not board.powered and not self._ending:
                await self._start(board, _POWER_ON)
            elif not on and board.powered:
                await end_interpreter(board)
                board.powered, board.timer = False, SirenTimer(self._hardware_limit_s)
                board.reset()
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
                except (OSError, SimulatorError) as error:
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
            what, value = _known(request["input"], board.inputs), int(request["value"])
            self._interrupt(board)
            board.inputs[what] = value
            self._settle(board)
        elif verb == "radio":
            for line in radio(request["pulses"]):
                board.tell(line)
        elif verb == "type":
            board.tell("t " + str(request["text"]))
        elif verb == "fault":
            fault = _known(request["fault"], FAULTS)
            (board.faults.add if request["on"] else board.faults.discard)(fault)
            self._settle(board)
        elif verb == "signal":
            if board.process is None:
                raise RefusedError(f"{name} has no interpreter")
            self._interrupt(board)
            board.signal(request["signal"], request.get("interrupts", False))
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

    def _changed(self, board: Board) -> None:
        event = news(board, time.monotonic())
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
