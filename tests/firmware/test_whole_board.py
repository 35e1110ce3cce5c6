"""The whole program on the board file of each port: a person presses, pins move, currents answer. Without a link."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.app import App
from firmware.budget import on_time_s
from firmware.drivers import OPEN, SHORT, STUCK
from protocol import codes
from simulator.device.board import Board as SimulatedBoard
from tests.both.bench import device
from tests.firmware.chip import PLATFORMS, Chip

# At the amplifiers, for 1,600 mA, 250 mA, 850 mA and 20 mA.
MV = {codes.SIREN: 480, codes.STROBE: 250, codes.FLOODLIGHT: 255, codes.INDICATOR: 400}
NOMINAL = {"siren": 1600, "strobe": 250, "floodlight": 850, "indicator": 20}


class Center:
    """A provisioned center in a whole cabinet; `faults` are outputs whose wire is cut, and "stuck" for the siren's relay."""

    def __init__(self, platform: str, folder: Path) -> None:
        known = {**device(), "endpoints": [], "settings": {"nominal_ma": NOMINAL}}
        (folder / "device.json").write_text(json.dumps(known))
        self.chip = Chip(platform)
        self.chip.mv[7] = 2230
        self.faults: set[Any] = set()
        file = self.chip.start()
        self.wiring = file.wiring
        self.pins = {bit: number for bit, number in self.wiring.OUTPUTS}
        file.time.sleep_ms = self.run
        self.board = file.Board(f"{folder}/")
        self.chip.levels[self.wiring.CABINET], self.chip.levels[self.wiring.MAINS] = 0, 1
        self.app: Any = App(self.board)

    def driven(self) -> int:
        """The mask of pins that are on."""
        return sum(bit for bit, number in self.pins.items() if self.chip.on(number))

    def run(self, ms: int) -> None:
        """The interrupts alone, and the currents that follow."""
        for _ in range(max(ms // 5, 1)):
            self.flow()
            self.chip.run(min(ms, 5))
        self.flow()

    def flow(self) -> None:
        """What the amplifiers show."""
        on = self.driven()
        siren = on & codes.POWER and (on & codes.SIREN or "stuck" in self.faults)
        for place, bit in enumerate(codes.OUTPUTS):
            flows = siren if bit == codes.SIREN else on & bit
            self.chip.mv[place] = (
                (3000 if "short" in self.faults else MV[bit]) if flows and bit not in self.faults else 2
            )

    def live(self, ms: int) -> Iterator[int]:
        """The program's loop; after each turn the mask that is driven."""
        for _ in range(ms // 20):
            self.run(20)
            self.app._tick(self.app.clock.ms())
            self.board.feed()
            yield self.driven()


@pytest.fixture(params=PLATFORMS)
def center(request: pytest.FixtureRequest, tmp_path: Path) -> Center:
    """One on each port."""
    return Center(request.param, tmp_path)


def test_the_board_has_all_that_the_simulated_one_has(center: Center) -> None:
    """What the program can ask of one it can ask of the other."""
    asked = {name for name in vars(SimulatedBoard) if not name.startswith("_")} | {
        "flash",
        "kind",
        "set_clock",
        "clock_behind",
    }
    assert {name for name in asked if not hasattr(center.board, name)} == set()


def test_a_held_button_sounds_and_ends(center: Center) -> None:
    """Siren, its supply, strobe and floodlight from the pin to the pins; all off at its end, the supply a moment later."""
    assert set(center.live(3000)) == {0}
    center.chip.levels[center.wiring.PANIC] = 0
    seen = list(center.live(2000))
    assert seen[70] == 0
    assert seen[-1] & (codes.SIREN | codes.POWER | codes.FLOODLIGHT) == codes.SIREN | codes.POWER | codes.FLOODLIGHT
    center.chip.levels[center.wiring.PANIC] = 1
    seen += list(center.live(200_000))
    on_ms = sum(20 for mask in seen if mask & codes.SIREN)
    assert abs(on_ms - on_time_s(0) * 1000) <= 40
    last = max(at for at, mask in enumerate(seen) if mask & codes.SIREN)
    assert {mask for mask in seen[last + 2 : last + 10]} == {codes.POWER}
    assert set(seen[last + 25 :]) == {0}
    assert center.app.watch.supervision.drivers.bad == 0


def test_a_program_that_stands_still_plays_to_the_end(center: Center) -> None:
    """Frozen in the middle of an alarm: the interrupt goes on to its end, and nothing is on afterwards."""
    center.chip.levels[center.wiring.PANIC] = 0
    assert list(center.live(2000))[-1] & codes.SIREN
    center.run(10_000)
    assert center.driven() & codes.SIREN
    center.run(180_000)
    assert center.driven() & (codes.LOUD | codes.POWER) == 0


def test_a_siren_that_stays_silent_is_found_within_2_s(center: Center) -> None:
    """The wire is cut: its current says so while the alarm goes on."""
    center.faults.add(codes.SIREN)
    center.chip.levels[center.wiring.PANIC] = 0
    list(center.live(1600))
    assert center.driven() & codes.SIREN
    list(center.live(2000))
    assert center.app.watch.supervision.drivers.verdict(codes.SIREN) == OPEN


@pytest.mark.parametrize(
    ("fault", "output", "verdict"),
    [
        (None, codes.SIREN, 0),
        (codes.STROBE, codes.STROBE, OPEN),
        (codes.SIREN, codes.SIREN, OPEN),
        ("short", codes.FLOODLIGHT, SHORT),
        ("stuck", codes.SIREN, STUCK),
    ],
)
def test_the_daily_test_tells_what_is_wrong(center: Center, fault: Any, output: int, verdict: int) -> None:
    """Pulse by pulse, through the pins and the amplifiers; nothing is on afterwards, and it takes less than 150 ms."""
    list(center.live(1000))
    center.faults = {fault}
    before_us = center.chip.now_us
    assert center.app.test() is (fault is None)
    assert center.chip.now_us - before_us < 150_000
    drivers = center.app.watch.supervision.drivers
    assert (STUCK if drivers.stuck else drivers.verdict(output)) == verdict
    assert center.driven() == 0


def test_the_load_test_measures_the_battery_with_the_floodlight_alone(center: Center) -> None:
    """Four seconds of it, through pins, amplifier and divider: some 100 mOhm; the siren's path is never closed."""
    assert center.app.test()
    assert set(center.live(15_000)) == {0}
    center.app.watch.supervision.load_test.owe()
    seen = []
    for mask in center.live(20_000):
        seen.append(mask)
        center.chip.mv[7] = 2230 - 15 if mask & codes.FLOODLIGHT else 2230
    assert set(seen) == {0, codes.FLOODLIGHT}
    assert 3900 <= 20 * seen.count(codes.FLOODLIGHT) <= 4000
    health = center.app.watch.supervision.describe(center.app.clock.ms())
    assert health["battery"]["tested"][0] == "measured"
    assert 80 <= health["battery"]["mohm"] <= 120
    assert center.app.center.state.budget.spent == []
