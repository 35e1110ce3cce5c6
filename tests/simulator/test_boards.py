"""Many boards at once, what the boards refuse, and what their client says when they are gone."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path

import psutil
import pytest

from simulator.boards import BoardProcess
from simulator.errors import SimulatorError
from simulator.hardware import Board
from simulator.siren_timer import SirenTimer
from tests.simulator.one_center import NAME, UP_S, device, on_boards, sound

MANY_UP_S = 60.0


def test_twenty_boards_at_once(tmp_path: Path) -> None:
    """Each has its own interpreter and button; one that dies is started anew alone; none is left."""
    names = [f"C{number:06d}" for number in range(1, 21)]
    pressed, killed, left = names[4], names[9], []

    async def run() -> None:
        boards = await BoardProcess.start(watchdog_s=8.0)
        try:
            for number, name in enumerate(names, 1):
                await boards.add(name, device(tmp_path / name, number))
                await boards.power(name, True)
            await boards.until(
                lambda: all(boards.snapshot(name).runtime for name in names), MANY_UP_S, "twenty reports"
            )
            pids = {name: boards.snapshot(name).pid for name in names}
            left.extend(psutil.Process(pid) for pid in pids.values())
            assert len(set(pids.values())) == 20
            await sound(boards, pressed)
            await boards.kill(killed)
            await boards.until(lambda: boards.snapshot(killed).resets == 1, UP_S, "the watchdog")
            await boards.until(lambda: boards.snapshot(killed).pid not in (None, pids[killed]), UP_S, "a new one")
            assert [name for name in names if boards.times_on(name)] == [pressed]
            assert {name: boards.snapshot(name).pid for name in names if name != killed} == {
                name: pid for name, pid in pids.items() if name != killed
            }
        finally:
            await boards.stop()

    asyncio.run(run())
    _, alive = psutil.wait_procs(left, timeout=UP_S)
    assert alive == []


def test_history_is_on_the_clients_clock(tmp_path: Path) -> None:
    """The board takes the time of a change between what the client did and what it saw."""

    async def walk(boards: BoardProcess) -> None:
        before = time.monotonic()
        await sound(boards)
        after = time.monotonic()
        assert [before <= at <= after for at, outputs in boards.history(NAME) if "siren" in outputs][:1] == [True]

    on_boards(walk, device(tmp_path))


def test_many_hands_on_a_switch_leave_at_most_one_interpreter(tmp_path: Path) -> None:
    """Switches that overtake one another start nothing twice, and off means that nothing runs."""

    async def walk(boards: BoardProcess) -> None:
        hands = [await Hand.connect(boards.port) for _ in range(6)]
        for on in (False, True, False):
            # All at the same time, the last word is the one that counts.
            await asyncio.gather(*(hand.power(number % 2 == 0) for number, hand in enumerate(hands)))
            await boards.power(NAME, on)
            interpreters = psutil.Process(boards.pid).children()
            assert [one.pid for one in interpreters] == ([boards.snapshot(NAME).pid] if on else [])
        for hand in hands:
            hand.close()

    on_boards(walk, device(tmp_path))


def test_what_cannot_be_done_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """And changes nothing: the board still sounds for its button."""

    async def walk(boards: BoardProcess) -> None:
        for attempt, sentence in (
            (boards.add(NAME, tmp_path), "there is a board C000001 already"),
            (boards.add("C000002", tmp_path / "none"), "C000002 has no folder"),
            (boards.add("C000002", tmp_path, "java"), "there is no 'java'"),
            (boards.press(NAME, "doorbell"), "there is no 'doorbell'"),
            (boards.fault(NAME, "rust"), "there is no 'rust'"),
            (boards.log("C000009"), "no board C000009"),
        ):
            with pytest.raises(SimulatorError, match=sentence):
                await attempt
        await boards.fault(NAME, "no_watchdog")
        await boards.kill(NAME)
        await boards.until(lambda: boards.snapshot(NAME).pid is None, UP_S, "its end")
        with pytest.raises(SimulatorError, match="C000001 has no interpreter"):
            await boards.thaw(NAME)
        await boards.power(NAME, False)
        await boards.fault(NAME, "no_watchdog", False)
        await boards.power(NAME, True)
        await boards.until(lambda: boards.snapshot(NAME).runtime, UP_S, "the report")
        await sound(boards)

    on_boards(walk, device(tmp_path))


def test_a_board_that_does_not_start_disturbs_no_other(tmp_path: Path) -> None:
    """Its power is on and nothing runs; it says so, the watchdog tries in vain, the other sounds."""

    async def walk(boards: BoardProcess) -> None:
        await boards.add("C000002", device(tmp_path / "C000002", 2))
        shutil.rmtree(tmp_path / "C000002")
        with pytest.raises(SimulatorError, match="the interpreter does not start"):
            await boards.power("C000002", True)
        await boards.until(lambda: boards.snapshot("C000002").resets >= 2, UP_S, "the watchdog")
        assert boards.snapshot("C000002").pid is None
        assert "does not start" in await boards.log("C000002")
        await sound(boards)

    on_boards(walk, device(tmp_path), watchdog_s=1.0)


def test_who_waits_learns_at_once_that_the_boards_are_gone(tmp_path: Path) -> None:
    """Not at the end of a long deadline, and not as a deadline."""

    async def walk(boards: BoardProcess) -> None:
        waiting = asyncio.create_task(boards.until(lambda: False, 600, "the impossible"))
        psutil.Process(boards.pid).kill()
        with pytest.raises(SimulatorError, match="the boards' process ended before the impossible"):
            await asyncio.wait_for(waiting, UP_S)
        with pytest.raises(SimulatorError, match="the boards' process has ended"):
            await boards.press(NAME)

    on_boards(walk, device(tmp_path))


def test_a_wait_in_vain_tells_what_was_seen(tmp_path: Path) -> None:
    """What was waited for, how long, and every board."""

    async def walk(boards: BoardProcess) -> None:
        await boards.add("C000002", tmp_path)
        with pytest.raises(SimulatorError) as caught:
            await boards.until(lambda: False, 0.05, "the impossible")
        pid = boards.snapshot(NAME).pid
        assert str(caught.value).startswith("the impossible did not happen in 0.05 s (C000001: ")
        assert str(caught.value).endswith(f"(pid {pid}, 0 resets); C000002: no power)")

    on_boards(walk, device(tmp_path))


@pytest.mark.parametrize(
    ("greeted", "lives", "waited_s", "due"),
    [
        (True, True, 2.0, True), (True, True, 1.9, False), (True, False, 2.0, True),
        (False, True, 14.9, False), (False, True, 15.0, True), (False, False, 2.0, True),
    ],
)  # fmt: skip
def test_a_slow_start_is_not_mistaken_for_a_dead_program(
    greeted: bool, lives: bool, waited_s: float, due: bool
) -> None:
    """An interpreter that is still starting has 15 s; one that died, or spoke and fell silent, has the watchdog's time."""
    board = Board(NAME, Path(), "micropython", SirenTimer(185), powered=True, greeted=greeted, fed_at=100.0)
    if lives:
        board.process = object()  # type: ignore[assignment]
    assert board.overdue(100.0 + waited_s, 2.0) is due
    board.faults.add("no_watchdog")
    assert board.overdue(1e9, 2.0) is False


class Hand:
    """A further control connection to the same boards."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Hand:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"control\n")
        return cls(reader, writer)

    async def power(self, on: bool) -> None:
        """Switch the power of the board and wait for the answer."""
        self._writer.write(json.dumps({"id": 1, "do": "power", "board": NAME, "on": on}).encode() + b"\n")
        while "answer" not in json.loads(await asyncio.wait_for(self._reader.readline(), UP_S)):
            pass

    def close(self) -> None:
        self._writer.close()
