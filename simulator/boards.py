"""The hand on the simulated boards: power, buttons, faults, and what their outputs did. Used by demo, drills and tests."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.errors import SimulatorError
from simulator.processes import die_with_parent


@dataclass(frozen=True)
class Snapshot:
    """A board at one moment; `at` is the monotonic clock of this machine in seconds, `wall` Unix seconds.

    `cause` is why its interpreter was started last (protocol.codes.BOOT_CAUSES), `cut` that the hardware timer acted.
    """

    name: str
    at: float
    wall: float
    powered: bool
    outputs: frozenset[str]
    inputs: dict[str, int]
    pid: int | None
    resets: int
    cause: int
    cut: bool
    runtime: str


History = list[tuple[float, frozenset[str]]]


class BoardProcess:
    """Made by `start`; ended by `stop`, or when this process ends."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, reader: Any, writer: Any) -> None:
        self.pid = process.pid
        self.port = port
        self._process = process
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._histories: dict[str, History] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, watchdog_s: float = 8.0, hardware_limit_s: float = 185.0) -> BoardProcess:
        """Start the process and connect; raises SimulatorError when it does not come up within 15 s."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator.board", "--watchdog-s", str(watchdog_s),
            "--hardware-limit-s", str(hardware_limit_s),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            first = await asyncio.wait_for(process.stdout.readline(), 15)
            port = json.loads(first)["port"]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except (TimeoutError, ValueError, OSError) as error:
            raise SimulatorError(f"the boards did not come up: {error}") from error
        writer.write(b"control\n")
        return cls(process, port, reader, writer)

    async def stop(self) -> None:
        """End every interpreter, then the boards."""
        self._reading.cancel()
        self._writer.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def add(self, name: str, folder: Path, runtime: str = "micropython") -> None:
        """A board with its device's folder; it is without power."""
        await self._ask("add", name, folder=str(folder), runtime=runtime)

    async def power(self, name: str, on: bool) -> None:
        """Switch a board's power; off is a power cut."""
        await self._ask("power", name, on=on)

    async def press(self, name: str, button: str = "panic") -> None:
        """Hold a button (panic, silent, tamper) down."""
        await self._ask("input", name, input=button, value=1)

    async def release(self, name: str, button: str = "panic") -> None:
        """Let a button go."""
        await self._ask("input", name, input=button, value=0)

    async def set_input(self, name: str, what: str, value: int) -> None:
        """Set mains (0, 1) or battery_mv."""
        await self._ask("input", name, input=what, value=value)

    async def fault(self, name: str, fault: str, on: bool = True) -> None:
        """`stuck` or `dead` siren, `no_watchdog`."""
        await self._ask("fault", name, fault=fault, on=on)

    async def kill(self, name: str) -> None:
        """kill -9 of the interpreter; the board goes on."""
        await self._ask("signal", name, signal=int(signal.SIGKILL))

    async def freeze(self, name: str) -> None:
        """Stop the interpreter in its tracks."""
        await self._ask("signal", name, signal=int(signal.SIGSTOP))

    async def thaw(self, name: str) -> None:
        """Let a frozen interpreter go on."""
        await self._ask("signal", name, signal=int(signal.SIGCONT))

    async def log(self, name: str) -> str:
        """What the firmware printed on its console, newest last."""
        return await self._ask("log", name)

    def snapshot(self, name: str) -> Snapshot:
        """A board as it is now; raises KeyError for one that never had power."""
        return self._snapshots[name]

    def history(self, name: str) -> History:
        """Every change of a board's outputs: (monotonic seconds, those that were on from then)."""
        return self._histories.get(name, [])

    def on(self, name: str, output: str = "siren") -> bool:
        """Whether an output is on now."""
        return name in self._snapshots and output in self._snapshots[name].outputs

    def times_on(self, name: str, output: str = "siren", since: float = 0.0) -> int:
        """How often an output went on since a moment."""
        count, level = 0, False
        for at, outputs in self.history(name):
            now = output in outputs
            count += now and not level and at >= since
            level = now
        return count

    async def until(self, condition: Callable[[], object], timeout_s: float, what: str = "") -> None:
        """Wait until a condition on the boards holds; raises SimulatorError with what is on when it does not in time."""

        async def waiting() -> None:
            while not condition():
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(waiting(), timeout_s)
        except TimeoutError:
            seen = "; ".join(
                f"{one.name}: {', '.join(sorted(one.outputs)) or 'off'}" for one in self._snapshots.values()
            )
            raise SimulatorError(
                f"{what or 'what was waited for'} did not happen in {timeout_s:g} s ({seen})"
            ) from None

    async def _ask(self, verb: str, board: str, **values: Any) -> str:
        number = next(self._ids)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._writer.write(json.dumps({"id": number, "do": verb, "board": board, **values}).encode() + b"\n")
        problem = await asyncio.wait_for(answer, 15)
        if problem and verb != "log":
            raise SimulatorError(problem)
        return problem

    async def _read(self) -> None:
        while line := await self._reader.readline():
            message = json.loads(line)
            if "answer" in message:
                self._answers.pop(message["answer"]).set_result(message["problem"])
                continue
            name, outputs = message.pop("board"), frozenset(message["outputs"])
            self._snapshots[name] = Snapshot(name, **{**message, "outputs": outputs})
            history = self._histories.setdefault(name, [])
            if not history or history[-1][1] != outputs:
                history.append((message["at"], outputs))
            self._news.set()
