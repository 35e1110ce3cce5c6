"""The center on a Raspberry Pi: the real firmware on CPython, gpiozero's mock pins, a real broker; time is virtual where it can be."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from firmware.boards import raspberry_pi as wiring
from firmware.boards.raspberry_pi import OUTPUT_PINS, PANIC, Board
from firmware.limit import LIMIT_MS
from firmware.score import entry
from firmware.settings import Settings
from protocol import codes
from tests.firmware.mock_pi import Pi
from tests.firmware.neighbourhood import DEADLINE_S, Lines, Neighbourhood

SIREN_PIN = dict(OUTPUT_PINS)[codes.SIREN]


class Fed:
    """A watchdog that counts."""

    times = 0

    def feed(self) -> None:
        self.times += 1


class Bench:
    """A board on mock pins, its thread not started; `changes` are the masks of its outputs as they come."""

    def __init__(self, folder: Path) -> None:
        self.changes: SimpleQueue[int] = SimpleQueue()
        self.pi = Pi(self.changes.put)
        self.watchdog = Fed()
        self.pins = self.pi.pins()
        flash = f"{folder}/"
        self.board = Board(flash, self.pins, self.watchdog, Settings(flash, os), 1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A board, closed at the end."""
    made = Bench(tmp_path)
    yield made
    if made.pi.output(SIREN_PIN) is not None:
        made.board.close()
        made.pins.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Neighbourhood]:
    """A center's neighbourhood."""
    neighbourhood = Neighbourhood(tmp_path)
    yield neighbourhood
    neighbourhood.close()


def started(place: Neighbourhood, **more: Any) -> tuple[Any, Lines]:
    """Broker and gateway, and the center on mock pins once its link is up."""
    broker = place.broker()
    gateway = place.gateway(broker.port)
    lines = place.center(broker.port, sys.executable, program="mock_pi.py", **more)
    gateway.synchronised()
    lines.until(lambda line: line == "link: up")
    return gateway, lines


def siren(line: str) -> bool:
    """Whether a line says that the siren's pin is high."""
    return line.startswith("o ") and bool(int(line[2:]) & codes.SIREN)


def test_a_sealed_command_moves_the_pin_which_goes_low_by_itself(place: Neighbourhood) -> None:
    """Over mutual TLS: accepted, sounding by its current, stopped after its second; the same frame again moves nothing."""
    gateway, lines = started(place)
    frame = gateway.send()
    assert [gateway.status() for _ in range(3)] == [codes.ACCEPTED, codes.SOUNDING, codes.STOPPED]
    lines.until(siren)
    lines.until(lambda line: line == "o 0")
    moved = [line for line in lines.seen if line.startswith("o ")]
    gateway.down(frame)
    assert gateway.status() == codes.STOPPED
    assert [line for line in lines.seen if line.startswith("o ")] == moved


def test_a_silent_class_is_refused(place: Neighbourhood) -> None:
    """Gender violence never sounds, here as anywhere: the center's own table says so."""
    gateway, lines = started(place)
    gateway.send(class_=codes.GENDER_VIOLENCE)
    assert gateway.status() == codes.CLASS_SILENT
    assert [line for line in lines.seen if line.startswith("o ")] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_end_by_a_signal_switches_off_and_leaves_no_key(place: Neighbourhood, number: int) -> None:
    """In the middle of an alarm: outputs low, exit code 0, the chip's watchdog closed, the PEM of the key gone."""
    (place.device / "watchdog").touch()
    gateway, lines = started(place)
    assert (place.device / "key.pem").exists()
    gateway.send(duration=100)
    lines.until(siren)
    lines.process.send_signal(number)
    lines.until(lambda line: line == "o 0")
    assert lines.process.wait(DEADLINE_S) == 0
    assert not (place.device / "key.pem").exists()
    fed = (place.device / "watchdog").read_bytes()
    assert (fed.count(b"\0") > 0, fed[-1:]) == (True, b"V")


def test_a_program_that_is_killed_switches_nothing_off(place: Neighbourhood) -> None:
    """No program can, after SIGKILL: what follows must (`--off`), and neither magic close nor orderly end is written."""
    (place.device / "watchdog").touch()
    gateway, lines = started(place)
    gateway.send(duration=100)
    lines.until(siren)
    lines.process.kill()
    lines.process.wait(DEADLINE_S)
    assert [line for line in lines.seen if line.startswith("o ")][-1] != "o 0"
    assert b"V" not in (place.device / "watchdog").read_bytes()


def test_pins_are_low_before_they_are_given_back(bench: Bench) -> None:
    """A pin that is given back while it is high would leave its driver to whatever the kernel does then."""
    bench.pins.write(codes.SIREN | codes.POWER)
    bench.pins.close()
    assert bench.pi.mask == 0
    assert bench.pi.output(SIREN_PIN) is None


def test_the_thread_ends_an_alarm_while_the_loop_stands_still(bench: Bench) -> None:
    """This thread waits in one call from the first level to the last; the player does not."""
    bench.board.start()
    bench.board.play((entry(codes.SIREN, (1000,), bench.board.ticks_ms(), 200),))
    assert [bench.changes.get(timeout=DEADLINE_S) for _ in range(2)] == [codes.SIREN, 0]


def test_a_hold_while_the_loop_stands_still_is_not_lost(bench: Bench) -> None:
    """The thread looks at the buttons; the program sees it afterwards."""
    bench.board.hold(300)
    bench.board.start()
    bench.pi.set(PANIC, False)
    latch, whole = bench.board._player.latches[0], threading.Event()
    sample = latch.sample

    def watched(pressed: bool) -> None:
        sample(pressed)
        if latch._whole:
            whole.set()

    latch.sample = watched
    assert whole.wait(DEADLINE_S)
    bench.pi.set(PANIC, True)
    assert bench.board.look().panic


def test_what_is_loud_ends_at_the_limit_whatever_the_score_says(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """183 s in virtual time, in the player's own periods; the indicator may go on."""
    now_ms = [5000]
    monkeypatch.setattr(bench.board, "ticks_ms", lambda: now_ms[0])
    bench.board.play(tuple(entry(bit, (1 << 20,), 5000, 1 << 20) for bit in (codes.SIREN, codes.INDICATOR)))
    on_ms = 0
    for _ in range(40_000):
        bench.board.turn()
        on_ms += 10 * bool(bench.pi.output(SIREN_PIN))
        now_ms[0] += 10
    assert on_ms == LIMIT_MS
    assert bench.pi.mask == codes.INDICATOR


def test_a_test_pulse_measures_and_ends_without_the_loop(bench: Bench) -> None:
    """1 A of the siren, nothing of a lamp that is gone; a program that stands still in it leaves nothing on."""
    assert bench.board.pulse(codes.POWER | codes.SIREN, 10) in range(990, 1011)
    bench.pi.dead = codes.STROBE
    assert bench.board.pulse(codes.STROBE, 5) == 0
    bench.pi.dead = 0
    assert bench.board.pulse(codes.STROBE, 5) in range(990, 1011)
    bench.board.play((entry(codes.SIREN, (1000,), bench.board.ticks_ms(), 60_000),))
    assert bench.board.pulse(codes.STROBE, 5) == 0
    bench.board.play(())
    bench.board._pulse, bench.board._pulse_turns = codes.SIREN, 2
    masks = []
    for _ in range(3):
        bench.board.turn()
        masks.append(bench.pi.mask)
    assert masks == [codes.SIREN, codes.SIREN, 0]


def test_readings_are_those_of_the_pins(bench: Bench) -> None:
    """A shut cabinet with mains; wires that are cut are an open cabinet and a lost mains, and no press."""
    now = bench.board.look()
    assert (now.panic, now.silent, now.tamper, now.mains, now.motion) == (False, False, False, True, False)
    assert now.battery_mv in range(12_580, 12_620)
    for number in (PANIC, wiring.SILENT, wiring.CABINET, wiring.MAINS):
        bench.pi.cut(number)
    now = bench.board.look()
    assert (now.panic, now.silent, now.tamper, now.mains) == (False, False, True, False)
    bench.pi.set(PANIC, False)
    assert bench.board.look().panic


def test_the_watchdog_gets_nothing_once_the_thread_is_dead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that lives above a player that does not would guard nothing; the outputs are off, the program ends."""
    bench.board.turn()
    bench.board.feed()
    bench.board.feed()
    assert bench.watchdog.times == 1
    bench.board.play((entry(codes.SIREN, (1000,), bench.board.ticks_ms(), 60_000),))
    bench.board.turn()
    assert bench.pi.mask == codes.SIREN

    def broken(_ticks: int) -> int:
        raise ValueError("broken")

    monkeypatch.setattr(bench.board._player, "turn", broken)
    bench.board.start()
    bench.board._thread.join(DEADLINE_S)
    assert bench.pi.mask == 0
    with pytest.raises(RuntimeError, match="the player has ended: ValueError"):
        bench.board.look()
