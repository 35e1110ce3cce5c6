"""The hand on the simulated boards: power, buttons, faults, and what their outputs did. Used by demo, drills and tests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.errors import SimulatorError
from simulator.processes import die_with_parent

_START_S = 15.0
_ANSWER_S = 15.0
_STOP_S = 10.0
# The whole log of a board is one line.
_LINE_LIMIT = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """A board at one moment; `at` is the monotonic clock of this machine in seconds, `wall` Unix seconds.

    `outputs` are those that are really on, `asked` what the firmware wants on: they differ by a fault or the hardware
    timer. `inputs` are panic, silent, tamper, mains (0, 1) and battery_mv; `pid` is None while no interpreter lives.
    `cause` is why its interpreter was started last (protocol.words.BOOT_CAUSES), `cut` that the hardware timer acted,
    `resets` how often the watchdog did; `runtime` is what the interpreter reported of itself, empty before it did.
    `holds` is how often its interrupt saw a button held, `lines` how many lines its console has said.
    """

    name: str
    at: float
    wall: float
    powered: bool
    outputs: frozenset[str]
    asked: frozenset[str]
    inputs: dict[str, int]
    pid: int | None
    resets: int
    cause: int
    cut: bool
    runtime: str
    holds: int
    lines: int

    @property
    def measured(self) -> frozenset[str]:
        """What the board's current sensing tells the firmware: the outputs that are really on."""
        return self.outputs


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
        self._gone = False
        self._snapshots: dict[str, Snapshot] = {}
        self._histories: dict[str, History] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, watchdog_s: float = 8.0, hardware_limit_s: float = 185.0) -> BoardProcess:
        """Start the process and connect; raises SimulatorError when it does not come up in time."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator.board", "--watchdog-s", str(watchdog_s),
            "--hardware-limit-s", str(hardware_limit_s),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            first = await asyncio.wait_for(process.stdout.readline(), _START_S)
            port = json.loads(first)["port"]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LINE_LIMIT)
        except (TimeoutError, ValueError, OSError) as error:
            await _end(process, 0)
            raise SimulatorError(f"the boards did not come up: {error}") from error
        writer.write(b"control\n")
        return cls(process, port, reader, writer)

    async def stop(self) -> None:
        """End every interpreter, then the boards."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        await _end(self._process, _STOP_S)

    async def add(self, name: str, folder: Path, runtime: str = "micropython") -> None:
        """A board with its device's folder, still without power; raises SimulatorError for a name that is there already."""
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
        """Set mains, motion, microphone (0, 1), battery_mv, resistance_mohm or light."""
        await self._ask("input", name, input=what, value=value)

    async def fault(self, name: str, fault: str, on: bool = True) -> None:
        """One of simulator.circuit.FAULTS."""
        await self._ask("fault", name, fault=fault, on=on)

    async def kill(self, name: str) -> None:
        """kill -9 of the interpreter; the board goes on."""
        await self._ask("signal", name, signal=int(signal.SIGKILL))

    async def freeze(self, name: str) -> None:
        """Stop the processor in its tracks: no program, no interrupt."""
        await self._ask("signal", name, signal=int(signal.SIGSTOP))

    async def stall(self, name: str) -> None:
        """Let the program hang while the timers of its processor go on, as in a long calculation."""
        await self._ask("signal", name, signal=int(signal.SIGSTOP), interrupts=True)

    async def thaw(self, name: str) -> None:
        """Let a frozen interpreter go on."""
        await self._ask("signal", name, signal=int(signal.SIGCONT))

    async def radio(self, name: str, pulses: list[int]) -> None:
        """What the 433 MHz receiver hears: durations in microseconds, high first."""
        await self._ask("radio", name, pulses=pulses)

    async def type(self, name: str, text: str) -> None:
        """Type a line on the serial console; what it answers is in the log."""
        await self._ask("type", name, text=text)

    async def log(self, name: str) -> str:
        """What the firmware printed on its console, newest last."""
        return await self._ask("log", name)

    def snapshot(self, name: str) -> Snapshot:
        """A board as it is now; raises KeyError for one that was not added."""
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
                if self._gone:
                    raise SimulatorError(f"the boards' process ended before {wanted}")
                self._news.clear()
                await self._news.wait()

        wanted = what or "what was waited for"
        try:
            await asyncio.wait_for(waiting(), timeout_s)
        except TimeoutError:
            seen = "; ".join(map(_words, self._snapshots.values()))
            raise SimulatorError(f"{wanted} did not happen in {timeout_s:g} s ({seen})") from None

    async def until_said(self, name: str, text: str, timeout_s: float, before: int = 0) -> str:
        """Wait until a board's console has said a text after its first `before` characters; what it said from there."""
        said = ""
        deadline = time.monotonic() + timeout_s
        while text not in said:
            seen = self.snapshot(name).lines
            said = (await self.log(name))[before:]
            if text not in said:

                def spoke(seen: int = seen) -> bool:
                    return self.snapshot(name).lines != seen

                left_s = max(0.001, deadline - time.monotonic())
                what = f"{text!r} on the console of {name}, which said {said[-300:]!r},"
                await self.until(spoke, left_s, what)
        return said

    async def _ask(self, verb: str, board: str, **values: Any) -> str:
        """One request; its text, or SimulatorError with the problem."""
        if self._gone:
            raise SimulatorError("the boards' process has ended")
        number = next(self._ids)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._writer.write(json.dumps({"id": number, "do": verb, "board": board, **values}).encode() + b"\n")
        try:
            return await asyncio.wait_for(answer, _ANSWER_S)
        except TimeoutError:
            raise SimulatorError(f"the boards did not answer {verb!r} for {board} in {_ANSWER_S:g} s") from None
        finally:
            self._answers.pop(number, None)

    async def _read(self) -> None:
        """Everything the boards say, until they hang up; whoever waits then learns it at once."""
        try:
            with contextlib.suppress(ConnectionError):
                while line := await self._reader.readline():
                    self._hear(json.loads(line))
        finally:
            self._gone = True
            self._news.set()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(SimulatorError("the boards' process has ended"))

    def _hear(self, message: dict[str, Any]) -> None:
        if "answer" in message:
            answer = self._answers.get(message["answer"])
            if answer is None or answer.done():
                return
            if message["problem"]:
                answer.set_exception(SimulatorError(message["problem"]))
            else:
                answer.set_result(message["text"])
            return
        name = message.pop("board")
        outputs, asked = frozenset(message["outputs"]), frozenset(message["asked"])
        self._snapshots[name] = Snapshot(name, **{**message, "outputs": outputs, "asked": asked})
        history = self._histories.setdefault(name, [])
        if not history or history[-1][1] != outputs:
            history.append((message["at"], outputs))
        self._news.set()


def _words(one: Snapshot) -> str:
    """A board in a few words, for an error."""
    if not one.powered:
        return f"{one.name}: no power"
    life = f"pid {one.pid}" if one.pid is not None else "no interpreter"
    return f"{one.name}: {', '.join(sorted(one.outputs)) or 'off'} ({life}, {one.resets} resets)"


async def _end(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """Close its standard input, which ends it; one that is not gone in time is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
