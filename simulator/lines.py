"""The lines between a board and the interpreter on it: a score on its way in, the readings on their way out. For simulator.board."""

from __future__ import annotations

import time
from typing import Any

from firmware.score import TICKS_MASK
from protocol.codes import OUTPUT_NAMES
from simulator.circuit import Flow
from simulator.hardware import BUTTONS, Board

_PULSES = 16


def read_score(text: str, now: int) -> tuple[Any, ...]:
    """A score (firmware.score) from its line: the program's tick, then the entries; its ticks become the board's."""
    head, *entries = text.split(";")
    shift = now - int(head)
    score = []
    for one in entries:
        bit, start, lasting, origin, *cadence = map(int, one.split(","))
        moved = (start + shift) & TICKS_MASK, (origin + shift) & TICKS_MASK
        score.append((bit, tuple(cadence), sum(cadence), moved[1], moved[0], lasting))
    return tuple(score)


def readings(board: Board) -> str:
    """What the board senses, in the order that simulator.device.board reads it; of a button whether it is pressed, and
    above that bit the number of whole holds."""
    seen, inputs = board.flow, board.inputs
    panic, silent = (inputs[name] | holds << 1 for name, holds in zip(BUTTONS, board.holds, strict=True))
    heard = seen.heard if inputs["microphone"] else -1
    values = (
        panic, silent, inputs["tamper"], inputs["mains"], inputs["motion"],
        seen.battery_mv, seen.siren_ma, seen.strobe_ma, seen.floodlight_ma, seen.indicator_ma, heard,
        inputs["light"], board.cause,
    )  # fmt: skip
    return "i " + " ".join(map(str, values))


def radio(pulses: list[int]) -> list[str]:
    """What the receiver hears, in lines that a board has memory for: the level of the first, then microseconds in turn."""
    pieces = range(0, len(pulses), _PULSES)
    return [f"k {int(at % 2 == 0)} " + " ".join(map(str, pulses[at : at + _PULSES])) for at in pieces]


def flowed(seen: Flow) -> str:
    """The currents of a test pulse: siren, strobe, floodlight, indicator, in mA."""
    return f"m {seen.siren_ma} {seen.strobe_ma} {seen.floodlight_ma} {seen.indicator_ma}"


def news(board: Board, now: float) -> dict[str, Any]:
    """A board as whoever watches it is told (simulator.boards.Snapshot)."""
    return {
        "board": board.name,
        "at": now,
        "wall": time.time(),
        "powered": board.powered,
        "outputs": _names(board.outputs),
        "asked": _names(board.asked(now)),
        "inputs": board.inputs,
        "pid": board.process.pid if board.process else None,
        "resets": board.resets,
        "cause": board.cause,
        "cut": board.timer.cut,
        "runtime": board.reported,
        "holds": sum(board.holds),
        "lines": board.lines,
    }


def _names(mask: int) -> list[str]:
    """The outputs of a mask."""
    return [name for bit, name in OUTPUT_NAMES.items() if mask & bit]
