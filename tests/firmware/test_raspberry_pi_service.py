"""The Raspberry Pi's center as a service: its watchdogs, its starts and ends, its unit file, and the page of its wiring."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.boards import pi as program
from firmware.boards import raspberry_pi as wiring
from firmware.boards.raspberry_pi import OUTPUT_PINS
from installer.build import sources
from protocol import codes
from tests.firmware.mock_pi import Pi
from tests.firmware.neighbourhood import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_left_on_is_switched_off_by_the_next_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--off` drives every output low, then gives the pins back, for the pull-downs to hold."""
    left = Pi()
    for _, number in OUTPUT_PINS:
        left.factory.pin(number).output_with_state(True)
    seen: list[int] = []
    left.changed = seen.append
    monkeypatch.setattr(program, "lgpio", lambda _folder: left.factory)
    assert program.main(["--off"], {}) == 0
    assert seen[-1] == 0
    assert [left.output(number) for _, number in OUTPUT_PINS] == [None] * len(OUTPUT_PINS)


def test_systemd_hears_that_the_program_is_ready_and_lives(tmp_path: Path) -> None:
    """READY once; WATCHDOG four times in the time that systemd waits, however often it is fed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(DEADLINE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "8000000"}
        said: list[str] = []
        watchdog = program.Watchdog(environment, str(tmp_path / "none"), said.append)
        watchdog.ready()
        for _ in range(100):
            watchdog.feed()
        watchdog._due_s -= 2
        watchdog.feed()
        heard = [systemd.recv(64) for _ in range(3)]
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(64)
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert said == [f"no watchdog of the chip: {tmp_path / 'none'}: No such file or directory"]
    watchdog.feed()


def test_the_cause_of_a_start_is_known(tmp_path: Path) -> None:
    """The machine's first, after a kill, after an end that was asked for; unknown where nothing keeps it."""
    assert program.Started("").cause == program.UNKNOWN
    assert program.Started(str(tmp_path)).cause == program.POWER_ON
    second = program.Started(str(tmp_path))
    assert second.cause == program.KILLED
    second.orderly()
    assert program.Started(str(tmp_path)).cause == program.ASKED


@pytest.mark.parametrize("arguments", [[], ["/nowhere"], ["--off", "more"]])
def test_a_wrong_call_is_told_the_right_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and no pin was touched."""
    assert program.main(arguments, {}) == 2
    assert capsys.readouterr().err.startswith("usage: python -m firmware.boards.pi FOLDER")


def test_without_the_library_or_with_taken_pins_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1. There is no other backend to fall back on: no mock ever answers for a siren."""
    monkeypatch.setenv("LG_WD", "")
    monkeypatch.setitem(sys.modules, "lgpio", None)
    assert program.main([str(tmp_path)], {}) == 1
    assert capsys.readouterr().err == "sereno-center: lgpio is missing: install python3-lgpio and python3-gpiozero\n"
    assert os.environ["LG_WD"] == str(tmp_path)
    taken = Pi()
    held = taken.pins()
    monkeypatch.setattr(program, "lgpio", lambda _folder: taken.factory)
    assert program.main([str(tmp_path)], {}) == 1
    assert "the pins are not free" in capsys.readouterr().err
    held.close()


def test_releases_for_boards_have_nothing_of_it() -> None:
    """MicroPython could not even load it."""
    for board in ("pico_w", "esp32_s3", "unix"):
        assert [path for path in sources(board) if "pi.py" in path] == []


def test_the_wiring_page_has_the_pins_of_the_source() -> None:
    """Each row of the table of pins, no pin twice, and every output has its pull-down after a reset."""
    page = (ROOT / "docs" / "boards" / "raspberry-pi.md").read_text()
    told = {name: int(number) for number, name in re.findall(r"^\| GPIO(\d+) \| `(\w+)` \|", page, re.MULTILINE)}
    names = {**codes.OUTPUT_NAMES, codes.POWER: "power"}
    expected = {names[bit].upper(): number for bit, number in OUTPUT_PINS}
    expected |= {name: getattr(wiring, name) for name in ("PANIC", "SILENT", "CABINET", "MAINS", "MOTION")}
    expected |= {name.removesuffix("_pin").upper(): number for name, number in wiring.SPI.items()}
    assert told == expected
    assert len(set(told.values())) == len(told)
    assert min(number for _, number in OUTPUT_PINS) >= 9


def test_the_unit_file_keeps_what_the_siren_needs() -> None:
    """Off after any end, started again for ever, a watchdog, no network but this machine."""
    unit = (ROOT / "deploy" / "center-pi" / "sereno-center.service").read_text().splitlines()
    line: Callable[[str], list[str]] = lambda name: [one.split("=", 1)[1] for one in unit if one.startswith(name + "=")]  # noqa: E731
    assert line("ExecStopPost")[0].endswith("-m firmware.boards.pi --off")
    assert (line("Type"), line("Restart"), line("WatchdogSec")) == (["notify"], ["always"], ["8"])
    assert (line("StartLimitIntervalSec"), line("RuntimeDirectoryPreserve")) == (["0"], ["yes"])
    assert (line("IPAddressDeny"), line("IPAddressAllow"), line("DevicePolicy")) == (["any"], ["localhost"], ["closed"])
    assert line("LimitRTPRIO") == [str(wiring.PRIORITY)]
