"""The board file of the Pico W on a chip of a few lines: what holds whatever the program above it does."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from firmware.boards import pico_w as pins
from firmware.limit import LIMIT_MS, REST_MS
from protocol import codes, words
from tests.firmware.chip import Chip

DRIVERS = (pins.SIREN, pins.STROBE, pins.FLOODLIGHT, pins.INDICATOR)
ALL = codes.LOUD | codes.INDICATOR


@pytest.fixture
def chip() -> Chip:
    """A chip that was just powered."""
    return Chip()


@pytest.fixture
def start(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
    """Import the board file on it."""
    return chip.install(monkeypatch)


@pytest.fixture
def flash(tmp_path: Path) -> str:
    """The folder of a device."""
    (tmp_path / "device.json").write_text(json.dumps({"wifi": {"ssid": "barrio", "key": "k"}}))
    return f"{tmp_path}/"


def levels(chip: Chip) -> list[int]:
    """The output pins."""
    return [chip.levels[number] for number in DRIVERS]


def test_outputs_are_off_before_anything_else(chip: Chip, start: Callable[[], ModuleType]) -> None:
    """The import itself drives all four outputs low, before any other thing is done to the chip."""
    chip.levels.update({number: 1 for number in DRIVERS})
    start()
    assert chip.events == [("out", number, 0) for number in DRIVERS]
    assert levels(chip) == [0, 0, 0, 0]


def test_outputs_follow_the_mask(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Each bit moves its own pin."""
    board = start().Board(flash)
    for bit, number in zip(codes.OUTPUTS, DRIVERS, strict=True):
        board.set_outputs(bit)
        assert [at for at in DRIVERS if chip.levels[at]] == [number]
    board.set_outputs(ALL)
    board.outputs_off()
    assert levels(chip) == [0, 0, 0, 0]


def test_a_frozen_program_cannot_hold_a_siren_on(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Only interrupts run: what is loud goes off at the limit, and the next pulse does not bring it back."""
    board = start().Board(flash)
    board.set_outputs(ALL)
    chip.run(LIMIT_MS - 100)
    assert levels(chip) == [1, 1, 1, 1]
    chip.run(LIMIT_MS + 100)
    assert levels(chip) == [0, 0, 0, 1]
    board.set_outputs(0)
    board.set_outputs(ALL)
    assert levels(chip) == [0, 0, 0, 1]


def test_the_timer_of_one_alarm_does_not_cut_the_next(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """An alarm that begins after a rest has its whole time."""
    board = start().Board(flash)
    board.set_outputs(codes.SIREN)
    chip.run(30_000)
    board.set_outputs(0)
    chip.run(30_000 + REST_MS)
    board.set_outputs(codes.SIREN)
    chip.run(30_000 + REST_MS + LIMIT_MS - 100)
    assert chip.levels[pins.SIREN] == 1
    chip.run(30_000 + REST_MS + LIMIT_MS + 100)
    assert chip.levels[pins.SIREN] == 0


def test_a_panic_hold_during_a_busy_moment_is_not_lost(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Held and let go while the loop was frozen: the next look still sees it, long enough for the hold to count."""
    board = start().Board(flash)
    chip.levels[pins.PANIC] = 0
    chip.run(1_600)
    chip.levels[pins.PANIC] = 1
    assert board.inputs()["panic"] is True
    chip.run(1_600 + 1_540)
    assert board.inputs()["panic"] is True
    chip.run(1_600 + 2_100)
    assert board.inputs()["panic"] is False


def test_a_short_press_is_not_latched(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Let go after a second, nothing stays."""
    board = start().Board(flash)
    chip.levels[pins.PANIC] = 0
    chip.run(1_000)
    chip.levels[pins.PANIC] = 1
    assert board.inputs()["panic"] is False


def test_inputs_fail_to_the_side_of_telling(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Wires that lead nowhere: no button pressed, cabinet open, mains lost; half scale is half of the battery range."""
    board = start().Board(flash)
    assert board.inputs() == {"panic": False, "silent": False, "tamper": True, "mains": False, "battery_mv": 9405}


def test_measured_is_what_the_senses_say(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Never what was commanded."""
    board = start().Board(flash)
    board.set_outputs(codes.SIREN)
    assert board.measured() == 0
    chip.levels[pins.STROBE_SENSE] = 1
    assert board.measured() == codes.STROBE


def test_the_watchdog_is_fed_by_the_loop_alone(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """No interrupt feeds it: a frozen program is started anew."""
    board = start().Board(flash)
    assert ("watchdog", 8000) in chip.events
    chip.run(10_000)
    assert ("feed",) not in chip.events
    board.feed()
    assert ("feed",) in chip.events


def test_the_radio_is_joined_again(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """Every 15 s while there is no link, and not while there is one."""
    board = start().Board(flash)
    for chip.now_ms in range(0, 31_000, 1_000):
        board.feed()
    assert chip.events.count(("join", "barrio")) == 3
    chip.connected = True
    for chip.now_ms in range(31_000, 90_000, 1_000):
        board.feed()
    assert chip.events.count(("join", "barrio")) == 3


def test_the_clock_starts_at_its_lower_bound(chip: Chip, start: Callable[[], ModuleType], flash: str) -> None:
    """After a power cut: the time that was last kept, not the chip's year of birth."""
    known = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)
    start().Board(flash).set_clock(int(known.timestamp()))
    chip.wall = None
    start().Board(flash)
    assert chip.wall == (2027, 3, 4, known.weekday(), 5, 6, 7, 0)


@pytest.mark.parametrize("trouble", ["no files of the device", "a damaged module"])
def test_whatever_ends_the_program_the_board_starts_anew(
    chip: Chip,
    start: Callable[[], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trouble: str,
) -> None:
    """Outputs off, then a reset; one line says why."""
    start()
    chip.levels.update({number: 1 for number in DRIVERS})
    if trouble == "a damaged module":
        monkeypatch.setitem(sys.modules, "firmware.app", None)  # importing it raises ImportError
    sys.modules.pop("firmware.main", None)
    importlib.import_module("firmware.main")
    assert chip.events[-1] == ("reset",)
    assert levels(chip) == [0, 0, 0, 0]
    assert "the program ended" in capsys.readouterr().out


@pytest.mark.parametrize(("reported", "cause"), [(1, "power on"), (3, "watchdog"), (9, "unknown")])
def test_the_cause_of_a_start(
    chip: Chip, start: Callable[[], ModuleType], flash: str, reported: int, cause: str
) -> None:
    """In the words of the protocol."""
    chip.cause = reported
    assert words.BOOT_CAUSES[start().Board(flash).boot_cause()] == cause
