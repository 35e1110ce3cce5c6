"""A program that stands still while its board goes on: what the timer interrupt does without it. Real interpreters.

`stall` stops the program only, as a long TLS handshake or a loop without end does; `freeze` stops the whole processor.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.boards import BoardProcess
from simulator.city import City
from simulator.plan import city as city_plan
from tests.journeys.stage import journey, sound, sounded
from tests.simulator.one_center import NAME, UP_S, device, on_boards

CLASSES = (Path(__file__).resolve().parents[2] / "central" / "classes.toml").read_text()
PANIC, SILENT, TAMPER = "event 0x20", "event 0x21", "event 0x22"
# Its loop runs once it looks for its gateway, which is not there; what is held before that is nobody's.
RUNS = "link:"
# A fast cadence: 0.4 s on, 0.4 s off. At 5 s it is on again, so that its end is that of the activation.
LASTING_S, HALF_S, TIMES = 5, 0.4, 7
LATE_S = 0.15


def changes(city: City, output: str) -> list[tuple[float, bool]]:
    """When an output went on and off."""
    found: list[tuple[float, bool]] = []
    for at, outputs in city.boards.history(NAME):
        if (output in outputs) != (bool(found) and found[-1][1]):
            found.append((at, output in outputs))
    return found


def test_the_cadence_goes_on_and_ends_in_time_without_the_program() -> None:
    """Every pulse and the end of the activation are where they belong; what happened is told once the program goes on."""
    classes = re.sub(r"(?s)(\[bicycle_theft\].*?duration_s = )\d+", rf"\g<1>{LASTING_S}", CLASSES)

    async def walk(city: City) -> None:
        incident = (await city.alert("stalled-0001", class_="bicycle_theft", group=1))["incident"]
        await sound(city, (NAME,))
        await city.boards.stall(NAME)
        began = changes(city, "siren")[0][0]
        done = lambda: len(changes(city, "siren")) == 2 * TIMES  # noqa: E731
        await city.boards.until(done, 2 * LASTING_S, "the end of the cadence")
        for number, (at, on) in enumerate(changes(city, "siren")):
            due_s = min(number * HALF_S, LASTING_S)
            assert on is (number % 2 == 0)
            assert due_s - LATE_S <= at - began <= due_s + LATE_S, (number, at - began)
        await city.boards.until(lambda: not city.boards.on(NAME, "strobe"), UP_S, "the strobe's end")
        assert changes(city, "strobe")[-1][0] - began <= LASTING_S + LATE_S
        assert city.boards.snapshot(NAME).resets == 0
        await city.boards.thaw(NAME)
        await sounded(city, incident, 1)
        await city.until(incident, lambda seen: any(one["status"] == "stopped" for one in seen["acks"]), UP_S)
        assert len(changes(city, "siren")) == 2 * TIMES

    journey(walk, plan=city_plan(1, 1), classes=classes)


def test_a_frozen_processor_plays_no_cadence() -> None:
    """The siren stays as it was at that moment, until the watchdog: the interrupt is of that processor."""

    async def walk(city: City) -> None:
        await city.alert("frozen-0001", class_="bicycle_theft", group=1)
        await sound(city, (NAME,))
        await city.boards.freeze(NAME)
        seen = len(changes(city, "siren"))
        assert seen == 1
        await city.boards.until(lambda: city.boards.snapshot(NAME).resets == 1, UP_S, "the watchdog")
        await city.boards.until(lambda: not city.boards.on(NAME), UP_S, "the reset")
        assert len(changes(city, "siren")) == seen + 1

    journey(walk, plan=city_plan(1, 1), watchdog_s=2.0)


def test_a_button_held_during_a_stall_is_raised_after_it(tmp_path: Path) -> None:
    """Held for 1.5 s and let go long before the program looks again: the siren sounds, and the silent one is told too."""

    async def walk(boards: BoardProcess) -> None:
        await boards.until_said(NAME, RUNS, UP_S)
        await boards.stall(NAME)
        # One after the other, so that more time passes than a program would be shown a button without a stall.
        for count, button in enumerate(("panic", "silent", "silent"), 1):
            await boards.press(NAME, button)
            await boards.until(lambda count=count: boards.snapshot(NAME).holds >= min(count, 2), UP_S, "a whole hold")
            await boards.release(NAME, button)
        assert not boards.on(NAME)
        await boards.thaw(NAME)
        await boards.until(lambda: boards.on(NAME), UP_S, "the siren")
        await boards.until_said(NAME, SILENT, UP_S)
        assert (await boards.log(NAME)).count(PANIC) == 1

    on_boards(walk, device(tmp_path, hold_ms=1500))


@pytest.mark.parametrize("stands_still", ["stall", "freeze"])
def test_a_short_press_during_a_stall_is_none(tmp_path: Path, stands_still: str) -> None:
    """And a processor that is frozen samples nothing at all."""

    async def walk(boards: BoardProcess) -> None:
        await boards.until_said(NAME, RUNS, UP_S)
        await getattr(boards, stands_still)(NAME)
        await boards.press(NAME)
        await boards.release(NAME)
        await boards.thaw(NAME)
        # Its loop has gone round when it tells that the cabinet is open.
        await boards.set_input(NAME, "tamper", 1)
        await boards.until_said(NAME, TAMPER, UP_S)
        assert boards.snapshot(NAME).holds == 0
        assert PANIC not in await boards.log(NAME)
        assert not boards.times_on(NAME)

    on_boards(walk, device(tmp_path, hold_ms=1500))
