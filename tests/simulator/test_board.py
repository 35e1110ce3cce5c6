"""Boards on their own: what is hardware goes on when the program on it is dead. Real interpreters, no broker."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from protocol import words
from protocol.codes import FLOODLIGHT, POWER, SIREN, STROBE
from simulator.board import Bench, Board
from simulator.boards import BoardProcess
from simulator.circuit import NOMINAL_MA
from simulator.errors import SimulatorError
from simulator.siren_timer import SirenTimer
from tests.simulator.firmware_line import LONG_MS, SOUNDING, STEADY, FirmwareLine, score
from tests.simulator.one_center import NAME, UP_S, device, on_boards, sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A center whose gateway is not there: its panic button must work all the same."""
    return device(tmp_path)


@pytest.mark.parametrize("death", ["kill", "freeze", "stall"])
def test_outputs_stay_on_when_the_program_is_dead(folder: Path, death: str) -> None:
    """The siren of a dead program stays on until the hardware timer takes its power; nothing else is cut."""

    async def walk(boards: BoardProcess) -> None:
        await boards.fault(NAME, "no_watchdog")
        await sound(boards)
        went_on = next(at for at, outputs in boards.history(NAME) if "siren" in outputs)
        await getattr(boards, death)(NAME)
        if death == "kill":
            await boards.until(lambda: boards.snapshot(NAME).pid is None, UP_S, "the interpreter's end")
        assert boards.on(NAME)
        await boards.until(lambda: not boards.on(NAME), UP_S, "the hardware timer")
        snapshot = boards.snapshot(NAME)
        assert snapshot.cut
        assert 3.0 <= snapshot.at - went_on < 4.0
        # The strobe's phase at the moment of death is anybody's guess; the floodlight was steady.
        assert snapshot.outputs - {"strobe"} == {"floodlight"}
        assert snapshot.resets == 0

    on_boards(walk, folder, hardware_limit_s=3.0)


@pytest.mark.parametrize("death", ["kill", "freeze", "stall"])
def test_the_watchdog_starts_a_dead_program_anew(folder: Path, death: str) -> None:
    """On until the watchdog has waited; then everything off, another interpreter, and it is told why it was started."""

    async def walk(boards: BoardProcess) -> None:
        pid = await sound(boards)
        died = time.monotonic()
        await getattr(boards, death)(NAME)
        await boards.until(lambda: boards.snapshot(NAME).resets == 1, UP_S, "the watchdog")
        await boards.until(lambda: boards.snapshot(NAME).pid not in (None, pid), UP_S, "a new interpreter")
        assert not boards.snapshot(NAME).outputs
        silenced = next(at for at, outputs in boards.history(NAME) if at > died and "siren" not in outputs)
        # Its last feed was up to half a second before.
        assert 1.4 <= silenced - died < 4.0
        assert words.BOOT_CAUSES[boards.snapshot(NAME).cause] == "watchdog"
        # It sounds for a new press, so it really runs.
        await sound(boards)

    on_boards(walk, folder, watchdog_s=2.0)


def test_a_power_cut_ends_an_alarm_and_its_return_resumes_none(folder: Path) -> None:
    """Off at once; after the start all is off until somebody presses again."""

    async def walk(boards: BoardProcess) -> None:
        await sound(boards)
        await boards.power(NAME, False)
        assert not boards.snapshot(NAME).outputs | boards.snapshot(NAME).asked
        assert boards.snapshot(NAME).pid is None
        count = boards.times_on(NAME)
        await boards.power(NAME, True)
        await boards.until(lambda: boards.snapshot(NAME).runtime and boards.snapshot(NAME).pid, UP_S)
        assert words.BOOT_CAUSES[boards.snapshot(NAME).cause] == "power on"
        await sound(boards)
        assert boards.times_on(NAME) == count + 1

    on_boards(walk, folder)


def test_the_current_is_what_the_siren_does(folder: Path) -> None:
    """Dead: asked for and no current. Stuck: its relay let go and current all the same, until the second switch opens."""

    async def walk(boards: BoardProcess) -> None:
        line = await FirmwareLine.take_over(boards, NAME)
        line.say(score(*SOUNDING))
        await line.siren_ma(NOMINAL_MA[SIREN])
        await boards.fault(NAME, "dead")
        await line.siren_ma(0)
        await boards.fault(NAME, "dead", False)
        await line.siren_ma(NOMINAL_MA[SIREN])
        await boards.fault(NAME, "stuck")
        line.say(score((POWER, LONG_MS, STEADY)))
        # A pulse of nothing: what flows once that score is played.
        line.say("p 0 20")
        assert await line.hear("m") == [NOMINAL_MA[SIREN], 0, 0, 0]
        assert boards.on(NAME)
        line.say(score())
        await line.siren_ma(0)
        line.close()

    on_boards(walk, folder)


def test_the_hardware_timer_is_armed_again_by_a_rest(folder: Path) -> None:
    """Short silences of a cadence do not; ten seconds do, and then the siren has its power back."""

    async def walk(boards: BoardProcess) -> None:
        line = await FirmwareLine.take_over(boards, NAME)
        line.say(score(*SOUNDING))
        await boards.until(lambda: boards.snapshot(NAME).cut, UP_S, "the cut")
        line.say(score())
        line.say(score(*SOUNDING))
        await line.siren_ma(0)
        line.say("z")
        await boards.until(lambda: not boards.snapshot(NAME).cut, UP_S, "the rest")
        assert not boards.on(NAME)
        line.say(score(*SOUNDING))
        await boards.until(lambda: boards.on(NAME), UP_S, "the siren")
        line.close()

    on_boards(walk, folder, hardware_limit_s=0.5)


def test_what_a_reset_program_still_had_to_say_moves_nothing(folder: Path) -> None:
    """A line that was on its way when the processor was reset is not obeyed after it."""

    class Wire:
        def write(self, _octets: bytes) -> None:
            pass

    async def walk(obeys: bool) -> int:
        board = Board(NAME, folder, "micropython", SirenTimer(185), powered=True)
        board.process = SimpleNamespace(pid=1)  # type: ignore[assignment]
        reader = asyncio.StreamReader()
        serving = asyncio.create_task(Bench(8, 185)._firmware(board, reader, Wire()))  # type: ignore[arg-type]
        while board.writer is None:
            await asyncio.wait([serving], timeout=0)
        if not obeys:
            board.writer = None
        reader.feed_data(f"{score(*SOUNDING)}\n".encode())
        reader.feed_eof()
        await serving
        return board.level

    assert asyncio.run(walk(obeys=True)) == SIREN | POWER
    assert asyncio.run(walk(obeys=False)) == 0


@pytest.mark.parametrize(("runtime", "reported"), [("micropython", "MicroPython"), ("cpython", "CPython")])
def test_the_same_firmware_runs_on_both_interpreters(folder: Path, runtime: str, reported: str) -> None:
    """The report comes from the interpreter itself, and the button sounds on either."""

    async def walk(boards: BoardProcess) -> None:
        assert boards.snapshot(NAME).runtime.startswith(reported)
        await sound(boards)

    on_boards(walk, folder, runtime=runtime)


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen"])
@pytest.mark.parametrize("end", ["stop", "terminate", "kill"])
def test_nothing_is_left_behind(folder: Path, end: str, frozen: bool) -> None:
    """Ended in order, by SIGTERM or by kill -9, the boards take their interpreters with them, frozen ones too."""
    left: list[psutil.Process] = []

    async def walk(boards: BoardProcess) -> None:
        process = psutil.Process(boards.pid)
        left.extend(process.children(recursive=True))
        if frozen:
            await boards.freeze(NAME)
        if end != "stop":
            getattr(process, end)()
            await asyncio.to_thread(process.wait, UP_S)

    on_boards(walk, folder)
    assert len(left) == 1
    _, alive = psutil.wait_procs(left, timeout=UP_S)
    assert alive == []


def test_a_request_that_is_none_is_answered(folder: Path) -> None:
    """One sentence, and the boards go on."""

    async def walk(boards: BoardProcess) -> None:
        with pytest.raises(SimulatorError, match="no board C000009"):
            await boards.power("C000009", True)
        reader, writer = await asyncio.open_connection("127.0.0.1", boards.port)
        writer.write(b"control\nnonsense\n")
        assert "not a request" in json.loads(await asyncio.wait_for(reader.readline(), UP_S))["problem"]
        writer.write(b'{"id": 7, "do": "power", "board": "C000001"}\n')
        assert json.loads(await asyncio.wait_for(reader.readline(), UP_S))["answer"] == 7
        writer.close()
        await sound(boards)

    on_boards(walk, folder)


def test_a_test_pulse_ends_by_itself_and_tells_what_flowed(folder: Path) -> None:
    """The interrupt runs many times meanwhile and does not disturb it; what a score plays is as before afterwards."""

    async def walk(boards: BoardProcess) -> None:
        line = await FirmwareLine.take_over(boards, NAME)
        line.say(f"p {SIREN | POWER} 200")
        assert await line.hear("m") == [NOMINAL_MA[SIREN], 0, 0, 0]
        line.say("p 0 20")
        assert await line.hear("m") == [0, 0, 0, 0]
        line.say(score((FLOODLIGHT, LONG_MS, STEADY)))
        line.say(f"p {STROBE} 50")
        assert await line.hear("m") == [0, NOMINAL_MA[STROBE], NOMINAL_MA[FLOODLIGHT], 0]
        await boards.until(lambda: boards.snapshot(NAME).outputs == {"floodlight"}, UP_S, "the end of the pulse")
        line.close()

    on_boards(walk, folder)
