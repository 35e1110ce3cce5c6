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
from asyncio.subprocess import DEVNULL, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol.codes import OUTPUT_NAMES, SIREN
from simulator.processes import die_with_parent

_ROOT = Path(__file__).resolve().parent.parent
_HEAP = "256k"
# A siren that was off this long starts a new hardware-timer period.
_REARM_S = 10.0
_POWER_ON, _WATCHDOG = 1, 2

FAULTS = ("stuck", "dead", "no_watchdog")


@dataclass
class Board:
    """One board; `level` is what the firmware asked for, `cut` that the hardware timer took the siren's power."""

    name: str
    folder: Path
    runtime: str
    inputs: dict[str, int] = field(
        default_factory=lambda: {"panic": 0, "silent": 0, "tamper": 0, "mains": 1, "battery_mv": 12_700}
    )
    faults: set[str] = field(default_factory=set)
    level: int = 0
    cut: bool = False
    powered: bool = False
    cause: int = _POWER_ON
    resets: int = 0
    reported: str = ""
    log: list[str] = field(default_factory=list)
    process: Process | None = None
    writer: asyncio.StreamWriter | None = None
    fed_at: float = 0.0
    on_since: float | None = None
    off_since: float = 0.0

    @property
    def outputs(self) -> int:
        """What is really on: a cut or dead siren is off, a stuck one on, whatever was asked."""
        if not self.powered:
            return 0
        mask = self.level | SIREN if "stuck" in self.faults else self.level
        return mask & ~SIREN if self.cut or "dead" in self.faults else mask

    def command(self, port: int) -> list[str]:
        """How the interpreter is started."""
        main = [str(_ROOT / "simulator" / "device" / "main.py"), str(port), self.name, str(self.folder)]
        if self.runtime == "micropython":
            return [str(Path(sys.executable).with_name("micropython")), "-X", f"heapsize={_HEAP}", *main]
        return [sys.executable, *main]


class Bench:
    """All boards of this process, their firmware sockets and the control connections."""

    def __init__(self, watchdog_s: float, hardware_limit_s: float) -> None:
        self._watchdog_s = watchdog_s
        self._hardware_limit_s = hardware_limit_s
        self._boards: dict[str, Board] = {}
        self._watchers: list[asyncio.StreamWriter] = []
        self._port = 0

    async def serve(self) -> None:
        """Run until standard input closes."""
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
        loop.remove_reader(sys.stdin.fileno())
        ticking.cancel()
        for board in self._boards.values():
            await self._power(board, False)
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = (await reader.readline()).decode().strip()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            board = self._boards.get(first.removeprefix("hello "))
            if board is not None and board.powered:
                await self._firmware(board, reader, writer)
            elif first == "control":
                await self._control(reader, writer)
        writer.close()

    async def _firmware(self, board: Board, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        board.writer, board.fed_at = writer, time.monotonic()
        self._tell_firmware(board)
        while line := (await reader.readline()).decode(errors="replace").rstrip("\n"):
            if board.writer is not writer:
                # Its processor was reset or lost its power: what it still had to say never reached the pins.
                return
            kind, _, rest = line.partition(" ")
            if kind == "o":
                self._set_level(board, int(rest))
            elif kind == "f":
                board.fed_at = time.monotonic()
            elif kind == "r":
                board.reported = rest
                self._changed(board)
            elif kind == "l":
                board.log.append(rest)
                del board.log[:-200]
        if board.writer is writer:
            board.writer = None

    def _set_level(self, board: Board, level: int) -> None:
        board.level = level
        self._watch_siren(board)
        self._tell_firmware(board)
        self._changed(board)

    def _watch_siren(self, board: Board) -> None:
        """Start and rearm the hardware timer; it counts from the first on until 10 s of off."""
        now = time.monotonic()
        if board.level & SIREN or "stuck" in board.faults:
            if board.on_since is None:
                board.on_since = now
            board.off_since = 0.0
        elif board.on_since is not None and not board.off_since:
            board.off_since = now

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            for board in list(self._boards.values()):
                if not board.powered:
                    continue
                if board.on_since is not None and not board.cut and now - board.on_since >= self._hardware_limit_s:
                    board.cut = True
                    self._tell_firmware(board)
                    self._changed(board)
                if board.off_since and now - board.off_since >= _REARM_S:
                    board.on_since, board.off_since, board.cut = None, 0.0, False
                    self._changed(board)
                if "no_watchdog" not in board.faults and now - board.fed_at >= self._watchdog_s:
                    board.resets += 1
                    await self._start(board, _WATCHDOG)

    async def _start(self, board: Board, cause: int) -> None:
        """Reset: the pins float, so everything is off; then the interpreter starts."""
        await self._end_interpreter(board)
        board.cause = cause
        board.powered = True
        board.fed_at = time.monotonic()
        self._set_level(board, 0)
        env = {**os.environ, "MICROPYPATH": f".frozen:{_ROOT}", "PYTHONPATH": str(_ROOT)}
        with (board.folder / "console.log").open("ab") as log:
            board.process = await asyncio.create_subprocess_exec(
                *board.command(self._port), stdin=DEVNULL, stdout=log, stderr=log, env=env, preexec_fn=die_with_parent
            )
        self._changed(board)

    async def _end_interpreter(self, board: Board) -> None:
        if board.writer is not None:
            board.writer.close()
            board.writer = None
        if board.process is not None:
            with contextlib.suppress(ProcessLookupError):
                board.process.kill()
            await board.process.wait()
            board.process = None

    async def _power(self, board: Board, on: bool) -> None:
        if on and not board.powered:
            await self._start(board, _POWER_ON)
        elif not on and board.powered:
            await self._end_interpreter(board)
            board.powered = False
            board.level, board.on_since, board.off_since, board.cut = 0, None, 0.0, False
            self._changed(board)

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.append(writer)
        try:
            while line := await reader.readline():
                try:
                    request = json.loads(line)
                    answer = {"answer": request["id"], "problem": await self._do(request)}
                except (ValueError, KeyError, TypeError) as error:
                    answer = {"answer": None, "problem": f"not a request: {error!r}"}
                self._send(writer, answer)
        finally:
            self._watchers.remove(writer)

    async def _do(self, request: dict[str, Any]) -> str:
        verb, name = request["do"], request["board"]
        if verb == "add":
            self._boards[name] = Board(name, Path(request["folder"]), request["runtime"])
            return ""
        board = self._boards.get(name)
        if board is None:
            return f"no board {name}"
        if verb == "power":
            await self._power(board, request["on"])
        elif verb == "input":
            board.inputs[request["input"]] = request["value"]
            self._tell_firmware(board)
            self._changed(board)
        elif verb == "fault":
            (board.faults.add if request["on"] else board.faults.discard)(request["fault"])
            self._watch_siren(board)
            self._tell_firmware(board)
            self._changed(board)
        elif verb == "signal":
            if board.process is None or board.process.returncode is not None:
                return f"{name} has no interpreter"
            board.process.send_signal(request["signal"])
        elif verb == "log":
            return "\n".join(board.log)
        else:
            return f"nothing is called {verb!r}"
        return ""

    def _tell_firmware(self, board: Board) -> None:
        if board.writer is None:
            return
        values = [*board.inputs.values(), board.outputs, board.cause]
        board.writer.write(("i " + " ".join(map(str, values)) + "\n").encode())

    def _changed(self, board: Board) -> None:
        on = [name for bit, name in OUTPUT_NAMES.items() if board.outputs & bit]
        event = {
            "board": board.name,
            "at": time.monotonic(),
            "wall": time.time(),
            "powered": board.powered,
            "outputs": on,
            "inputs": board.inputs,
            "pid": board.process.pid if board.process else None,
            "resets": board.resets,
            "cause": board.cause,
            "cut": board.cut,
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
