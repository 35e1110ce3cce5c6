"""The board's own start-up files and the program's entry on a chip of a few lines: whatever is damaged, outputs off and a restart."""

from __future__ import annotations

import builtins
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from firmware import boot
from installer.build import compiled, sources
from protocol.framing import MAX_FRAME
from tests.both.board import Bench
from tests.firmware.chip import PLATFORMS, Chip, Names

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "firmware" / "boards"
KINDS = {"rp2": "pico_w", "esp32": "esp32_s3"}
Start = Callable[[str], None]


class ResetError(BaseException):
    """What `machine.reset` does here: nothing runs after it."""


@pytest.fixture(params=PLATFORMS)
def chip(request: pytest.FixtureRequest) -> Chip:
    """A chip of either port that was just powered, every pin high as after the worst of programs."""
    made = Chip(request.param)
    made.levels.update({number: 1 for number in made.levels})
    return made


def wiring_of(chip: Chip) -> Any:
    """The pin map of a chip's board."""
    return Chip(chip.platform).start().wiring


def outputs(chip: Chip) -> list[int]:
    """The levels of the output pins."""
    return [chip.levels[number] for _, number in wiring_of(chip).OUTPUTS]


@pytest.fixture
def start(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Run one of the root's files, as MicroPython does: on its own, as __main__."""
    wiring_of(chip)  # what this loads must have the real modules

    def run(name: str) -> None:
        modules = chip.modules()
        modules["machine"].reset = lambda: (_ for _ in ()).throw(ResetError)
        modules["time"].sleep = lambda _s: None
        with monkeypatch.context() as patch:
            for one in ("machine", "time", "micropython", "network"):
                patch.setitem(sys.modules, one, modules[one])
            patch.setattr(sys, "platform", chip.platform)
            runpy.run_path(str(BOARDS / name), run_name="__main__")

    return run


def test_boot_switches_off_and_chooses(chip: Chip, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """All five outputs low, by the numbers of the pin map, before the slot is chosen."""
    asked: list[object] = []

    def choose(folder: str, files: ModuleType) -> None:
        asked.extend([outputs(chip), folder, files is os])

    monkeypatch.setitem(sys.modules, "choose", Names(choose=choose))
    start("boot.py")
    assert asked == [[0] * 5, "/device/", True]
    assert {event[1] for event in chip.events} == {number for _, number in wiring_of(chip).OUTPUTS}


@pytest.mark.parametrize("trouble", ["no chooser", "a chooser that fails"])
def test_boot_never_fails(
    chip: Chip, start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    """An error in boot.py would keep MicroPython from running main.py: one line says it, and outputs are off."""

    def choose(_folder: str, _files: ModuleType) -> None:
        raise OSError(5)

    monkeypatch.setitem(sys.modules, "choose", Names(choose=choose) if trouble == "a chooser that fails" else None)
    start("boot.py")
    assert outputs(chip) == [0] * 5
    assert "boot: " in capsys.readouterr().out


def test_the_chooser_is_the_file_that_no_update_replaces() -> None:
    """boot.py says what lies beside it, and its `choose` takes what boot.py gives."""
    assert "/choose.py beside it is firmware/boot.py" in (BOARDS / "boot.py").read_text()
    assert boot.choose("/nowhere/", os, path=[]) is None


@pytest.mark.parametrize(
    ("error", "open_cabinet", "restarts"),
    [
        (ImportError("damaged"), True, True),
        (SystemExit(), True, True),
        (MemoryError(), False, True),
        (KeyboardInterrupt(), False, True),
        (KeyboardInterrupt(), True, False),
        (None, True, True),
    ],
    ids=["damaged", "exit", "memory", "Ctrl-C, closed", "Ctrl-C, open", "returns"],
)
def test_whatever_ends_the_program_main_restarts(
    chip: Chip,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | None,
    open_cabinet: bool,
    restarts: bool,
) -> None:
    """Only a person at an open cabinet gets the prompt."""
    real = builtins.__import__

    def imported(name: str, *how: Any) -> Any:
        if name != "firmware.main":
            return real(name, *how)
        if error is not None:
            raise error
        return ModuleType(name)

    monkeypatch.setattr(builtins, "__import__", imported)
    machine = chip.modules
    monkeypatch.setattr(chip, "modules", lambda: _contact(machine(), chip, open_cabinet))
    if restarts:
        with pytest.raises(ResetError):
            start("main.py")
    else:
        start("main.py")


def _contact(modules: dict[str, Any], chip: Chip, open_cabinet: bool) -> dict[str, Any]:
    """The cabinet's contact: closed it pulls its pin down, against the pull-up."""
    real = modules["machine"].Pin
    cabinet = wiring_of(chip).CABINET

    class Pin(real):  # type: ignore[misc]
        def __init__(self, number: int, mode: int, pull: int = 0, value: int | None = None) -> None:
            super().__init__(number, mode, pull, value)
            if number == cabinet:
                assert (mode, pull) == (Pin.IN, Pin.PULL_UP)
                chip.levels[number] = int(open_cabinet)

    modules["machine"].Pin = Pin
    return modules


@pytest.mark.parametrize("trouble", ["no memory", "a damaged module"])
def test_whatever_ends_the_program_the_board_starts_anew(
    chip: Chip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    """firmware.main: outputs off, then a reset; one line says why."""
    board = chip.start()
    chip.levels.update({number: 1 for _, number in board.wiring.OUTPUTS})
    monkeypatch.setitem(sys.modules, "firmware.board", board)
    monkeypatch.setattr("firmware.board", board, raising=False)
    if trouble == "a damaged module":
        monkeypatch.setitem(sys.modules, "firmware.app", None)  # importing it raises ImportError
    else:
        monkeypatch.setattr(board, "Board", lambda _flash: (_ for _ in ()).throw(MemoryError))
    sys.modules.pop("firmware.main", None)
    __import__("firmware.main")
    sys.modules.pop("firmware.main", None)
    assert chip.events[-1] == ("reset",)
    assert [chip.levels[number] for _, number in board.wiring.OUTPUTS] == [0] * 5
    assert "the program ended" in capsys.readouterr().out


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_clock_starts_at_its_lower_bound(platform: str, tmp_path: Path) -> None:
    """After a power cut: the time that was last kept, not the chip's year of birth; whatever year the port counts from."""
    known = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)
    flash = f"{tmp_path}/"
    bench = Bench(platform)
    bench.file.Board(flash).set_clock(int(known.timestamp()))
    expected = (2027, 3, 4, known.weekday(), 5, 6, 7, 0)
    assert bench.chip.wall == expected
    bench.chip.wall = None
    board = bench.file.Board(flash)
    assert bench.chip.wall == expected
    board.clock_behind()
    assert bench.chip.wall[:3] == (2027, 4, 3)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_free_octets_are_those_of_the_flash(platform: str, tmp_path: Path) -> None:
    """As the file system says."""
    found = os.statvfs(tmp_path)
    board = Bench(platform).file.Board(f"{tmp_path}/")
    assert abs(board.free() - found.f_bsize * found.f_bfree) < 1 << 28


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_board_leaves_the_heap_to_the_center(platform: str, tmp_path: Path) -> None:
    """Compiled as releases are, its files and the board hold less than 28 kB of a 64-bit interpreter's heap, about twice
    of what a board's needs; the receiver less than 6 kB more, and only where one is fitted."""
    for path, octets in compiled(sources(KINDS[platform]).items()):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(octets)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("micropython")), str(ROOT / "tests/firmware/heap_of_board.py"), platform],
        env={**os.environ, "MICROPYPATH": f".frozen:{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    modules, board, receiver = map(int, done.stdout.split())
    assert 5_000 < modules + board < 28_000
    assert receiver < 6_000


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_line_is_driven_while_something_is_sent_and_never_else(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that stays on mutes everybody: it is enabled from the first octet until the last has left."""
    bench = Bench(platform)
    enable = bench.file.wiring.LINE[3]
    bench.chip.levels[enable] = 1
    # It is loaded when it is wanted, as the program does it on a board.
    monkeypatch.setitem(sys.modules, "machine", bench.chip.modules()["machine"])
    line = bench.board.line({"baud": 57600})
    assert bench.chip.levels[enable] == 0
    assert bench.chip.events[-1][1:5] == (bench.file.wiring.LINE[0], 57600, *bench.file.wiring.LINE[1:3])
    # More than the longest message on the line waits while flash is written.
    assert bench.chip.events[-1][5] > MAX_FRAME + 16
    assert line.read() == b""
    assert line.write(bytes(576)) == 100
    assert bench.chip.levels[enable] == 1
    line.finish()
    assert (bench.chip.events[-1], bench.chip.levels[enable]) == (("flushed",), 0)
    assert line.read() == bytes(576)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_wiring_page_has_the_pins_of_the_source(platform: str) -> None:
    """Each row of the table of pins, and no pin twice."""
    wiring = Chip(platform).start().wiring
    page = (ROOT / "docs" / "boards" / f"{KINDS[platform]}.md").read_text()
    told = {name: int(number) for number, name in re.findall(r"^\| GP(?:IO)?(\d+) \| `(\w+)` \|", page, re.MULTILINE)}
    names = {0x01: "SIREN", 0x02: "STROBE", 0x04: "FLOODLIGHT", 0x08: "INDICATOR", 0x10: "POWER"}
    expected = {names[bit]: number for bit, number in wiring.OUTPUTS}
    expected |= {name: getattr(wiring, name) for name in ("PANIC", "SILENT", "CABINET", "MAINS", "MOTION", "RECEIVER")}
    expected |= {f"LINE{place}": number for place, number in enumerate(wiring.LINE[1:])}
    if platform == "rp2":
        expected |= {f"SELECT{place}": number for place, number in enumerate(wiring.SELECT)}
        expected |= {"BATTERY_PIN": wiring.BATTERY_PIN, "MEASURED": wiring.MEASURED}
    else:
        expected |= {f"MEASURED{place}": number for place, number in enumerate(wiring.MEASURED)}
    assert told == expected
    assert len(set(told.values())) == len(told)
