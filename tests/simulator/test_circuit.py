"""The wiring of a simulated center, as a table: what flows and what is heard for each level of the pins and each fault."""

from __future__ import annotations

import pytest

from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE
from simulator.circuit import FAULTS, NOMINAL_MA, QUIET_DB, SHORT_MA, SIREN_DB, flow

LOUD = SIREN_DB
MA = NOMINAL_MA[SIREN]
BOTH = SIREN | POWER
STUCK, PATH = "stuck", "stuck_path"


@pytest.mark.parametrize(
    ("level", "faults", "cut", "siren_ma", "on", "heard"),
    [
        (0, "", False, 0, False, QUIET_DB),
        (SIREN, "", False, 0, False, QUIET_DB),
        (POWER, "", False, 0, False, QUIET_DB),
        (BOTH, "", False, MA, True, LOUD),
        (BOTH, "", True, 0, False, QUIET_DB),
        # A relay that sticks sounds with the second switch alone; that one opened, or the timer, silences it.
        (0, STUCK, False, 0, False, QUIET_DB),
        (POWER, STUCK, False, MA, True, LOUD),
        (POWER, STUCK, True, 0, False, QUIET_DB),
        (BOTH, STUCK, False, MA, True, LOUD),
        (SIREN, PATH, False, MA, True, LOUD),
        (0, PATH, False, 0, False, QUIET_DB),
        (SIREN, PATH, True, 0, False, QUIET_DB),
        # Both together are what the hardware timer is there for.
        (0, f"{STUCK} {PATH}", False, MA, True, LOUD),
        (0, f"{STUCK} {PATH}", True, 0, False, QUIET_DB),
        (BOTH, "dead", False, 0, False, QUIET_DB),
        (BOTH, "short", False, SHORT_MA, False, QUIET_DB),
        (0, "short", False, 0, False, QUIET_DB),
        (BOTH, "mute", False, MA, True, QUIET_DB),
        (0, "bypass", False, MA, True, LOUD),
        (0, "bypass", True, MA, True, LOUD),
        (0, "bypass dead", False, 0, False, QUIET_DB),
        (BOTH, "strobe_dead floodlight_dead no_watchdog", False, MA, True, LOUD),
    ],
)
def test_the_siren(level: int, faults: str, cut: bool, siren_ma: int, on: bool, heard: int) -> None:
    """Its relay, the second switch, the hardware timer and the wire are in series; each fault bridges or breaks one."""
    seen = flow(level, set(faults.split()), cut, 12_700, 60)
    assert (seen.siren_ma, bool(seen.outputs & SIREN), seen.heard) == (siren_ma, on, heard)


@pytest.mark.parametrize(
    ("output", "name", "fault"),
    [(STROBE, "strobe_ma", "strobe_dead"), (FLOODLIGHT, "floodlight_ma", "floodlight_dead"), (INDICATOR, "indicator_ma", "")],
)  # fmt: skip
def test_the_other_outputs(output: int, name: str, fault: str) -> None:
    """Each by its own pin, whatever the siren's timer does; only its own fault breaks it."""
    assert getattr(flow(0, set(), False, 12_700, 60), name) == 0
    whole = flow(output, set(FAULTS) - {fault, "bypass", "stuck", "stuck_path"}, True, 12_700, 60)
    assert getattr(whole, name) == NOMINAL_MA[output]
    assert whole.outputs == output
    if fault:
        broken = flow(output, {fault}, False, 12_700, 60)
        assert (getattr(broken, name), broken.outputs) == (0, 0)


def test_the_load_pulls_the_battery_down() -> None:
    """By Ohm's law, and never below nothing."""
    everything = SIREN | STROBE | FLOODLIGHT | INDICATOR | POWER
    seen = flow(everything, set(), False, 12_700, 100)
    assert sum(NOMINAL_MA.values()) == 2720
    assert seen.battery_mv == 12_700 - 272
    assert flow(0, set(), False, 12_700, 100).battery_mv == 12_700
    assert flow(BOTH, {"short"}, False, 9_000, 1000).battery_mv == 0


def test_every_fault_of_the_wiring_changes_something() -> None:
    """None is a word without a meaning; the watchdog's is the board's matter."""
    pins = (0, SIREN, POWER, BOTH, STROBE, FLOODLIGHT)
    for fault in set(FAULTS) - {"no_watchdog"}:
        assert any(flow(one, {fault}, False, 12_700, 60) != flow(one, set(), False, 12_700, 60) for one in pins), fault
