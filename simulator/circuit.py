"""The wiring of one simulated alarm center: which current flows and what is heard, for the levels of its pins. Pure.

Used by simulator.hardware. Faults are of the wiring, never of the firmware.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

# Milliamperes at 12 V of typical parts: a 20 W horn siren, LED strobe, LED floodlight of 10 W, a panel lamp.
NOMINAL_MA = {SIREN: 1600, STROBE: 250, FLOODLIGHT: 850, INDICATOR: 20}
SHORT_MA = 12_000
QUIET_DB, SIREN_DB = 45, 105

FAULTS = {
    "stuck": "the siren's relay stays closed",
    "stuck_path": "the second switch in the siren's supply stays closed",
    "dead": "the siren's wire is cut",
    "short": "the siren's driver is short-circuited",
    "mute": "the siren draws current and makes no sound",
    "bypass": "the siren gets current from somewhere else",
    "strobe_dead": "the strobe's wire is cut",
    "floodlight_dead": "the floodlight's wire is cut",
    "no_watchdog": "the watchdog does not act",
}


@dataclass(frozen=True)
class Flow:
    """`outputs` is the mask of what is really on; `heard` in dB; `battery_mv` under this load."""

    outputs: int
    siren_ma: int
    strobe_ma: int
    floodlight_ma: int
    indicator_ma: int
    heard: int
    battery_mv: int


def flow(level: int, faults: set[str], timer_cut: bool, battery_mv: int, resistance_mohm: int) -> Flow:
    """What flows when the pins are at `level`; `timer_cut` says that the hardware timer has taken the siren's supply."""
    relay = bool(level & SIREN) or "stuck" in faults
    path = (bool(level & POWER) or "stuck_path" in faults) and not timer_cut
    whole = "dead" not in faults
    fed = (relay and path) or "bypass" in faults
    siren_ma = (SHORT_MA if "short" in faults else NOMINAL_MA[SIREN]) if fed and whole else 0
    strobe_ma = NOMINAL_MA[STROBE] if level & STROBE and "strobe_dead" not in faults else 0
    floodlight_ma = NOMINAL_MA[FLOODLIGHT] if level & FLOODLIGHT and "floodlight_dead" not in faults else 0
    indicator_ma = NOMINAL_MA[INDICATOR] if level & INDICATOR else 0
    sounding = siren_ma > 0 and "short" not in faults
    audible = sounding and "mute" not in faults
    outputs = (SIREN if sounding else 0) | (STROBE if strobe_ma else 0)
    outputs |= (FLOODLIGHT if floodlight_ma else 0) | (INDICATOR if indicator_ma else 0)
    load_ma = siren_ma + strobe_ma + floodlight_ma + indicator_ma
    return Flow(
        outputs,
        siren_ma,
        strobe_ma,
        floodlight_ma,
        indicator_ma,
        SIREN_DB if audible else QUIET_DB,
        max(0, battery_mv - load_ma * resistance_mohm // 1000),
    )
