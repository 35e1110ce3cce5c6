"""The alarm center's part of `make bench`: from a command received, or a button held, to the output moved; and what it takes of the heap.

Inside the real interpreter with the heap of a board; the floor is opening the seal and one write of the state, in the same run.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from subprocess import run

from firmware.player import PERIOD_MS
from protocol.hmac import Mac
from protocol.keys import vault_key
from protocol.topics import center_name
from simulator.boards import BoardProcess
from simulator.compiled import compiled
from simulator.errors import SimulatorError
from simulator.figures import Figure, percentile
from simulator.hardware import HOLD_MS

COMMANDS = 60
HEAP = "256k"
_ROOT = bytes(range(32))
_UP_S = 15.0


def center_figures(rounds: int) -> list[Figure]:
    """The figures; raises SimulatorError when the interpreter does not do it."""
    with tempfile.TemporaryDirectory() as folder:
        seen = _measured(Path(folder), rounds)
    figures = []
    for name in ("played", "answered"):
        for label, share in (("p50", 0.50), ("p99", 0.99)):
            value = statistics.median(percentile(one, share) for one in seen[name])
            floors = zip(seen["opened"], seen["saved"], strict=True)
            floor = statistics.median(percentile(opened, share) + percentile(saved, share) for opened, saved in floors)
            figures.append(Figure(f"command_to_{name}_{label}", value / 1000, "ms", floor / 1000, value / floor))
    octets = statistics.median(value for one in seen["octets"] for value in one)
    free = seen["heap"][0][1]
    return [*figures, Figure("heap_per_command", octets, "B", free, octets / free)]


async def button_figures(rounds: int) -> list[Figure]:
    """From the end of the hold of a center's own button to its siren, without a link; the floor is the interrupt's period.

    Each round presses one fresh center twice, which is what its local budget allows.
    """
    seen = []
    boards = await BoardProcess.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(1, rounds + 1):
                name = center_name(number)
                place = Path(folder) / name
                place.mkdir()
                _enrol(place, number)
                await boards.add(name, place)
                await boards.power(name, True)
                await boards.until(partial(_said, boards, name), _UP_S, f"a start of {name}")
                for _ in range(2):
                    await boards.press(name)
                    pressed = boards.snapshot(name).at
                    await boards.until(partial(boards.on, name), _UP_S, f"the siren of {name}")
                    seen.append((boards.history(name)[-1][0] - pressed) * 1000 - HOLD_MS)
                    await boards.release(name)
                    await boards.power(name, False)
                    await boards.power(name, True)
                    await boards.until(partial(_said, boards, name), _UP_S, f"a start of {name}")
    finally:
        await boards.stop()
    figures = []
    for label, share in (("p50", 0.50), ("max", 1.0)):
        value = percentile(seen, share)
        figures.append(Figure(f"hold_to_siren_{label}", value, "ms", PERIOD_MS, value / PERIOD_MS))
    return figures


def _measured(folder: Path, rounds: int) -> dict[str, list[list[int]]]:
    _enrol(folder, 1)
    program = compiled()
    interpreter = str(Path(sys.executable).with_name("micropython"))
    command = [interpreter, "-X", f"heapsize={HEAP}", str(Path(__file__).parent / "device" / "measure.py")]
    try:
        done = run(
            [*command, str(folder), str(COMMANDS), str(rounds)],
            env={**os.environ, "MICROPYPATH": f".frozen:{program}"}, capture_output=True, text=True, check=False,
            timeout=300,
        )  # fmt: skip
        seen: dict[str, list[list[int]]] = {}
        for line in done.stdout.splitlines():
            name, values = json.loads(line)
            seen.setdefault(name, []).append(values)
        if "heap" not in seen:
            raise ValueError("it ended early")
        return seen
    except (OSError, ValueError) as error:
        raise SimulatorError(f"the center could not be measured: {error}; {done.stderr[-300:]}") from error


def _said(boards: BoardProcess, name: str) -> int:
    """How many lines a board's console has said; the first one when its link finds nobody."""
    return boards.snapshot(name).lines


def _enrol(folder: Path, number: int) -> None:
    """The file of a center without a gateway."""
    loud = [1, 2, 4, 5]
    device = {
        "center": number, "group": 1, "gateway": "G000001", "epoch": 0, "root": _ROOT.hex(), "loud": loud,
        "endpoints": [{"host": "127.0.0.1", "port": 1, "name": "G000001"}],
        "loud_tag": Mac(vault_key(_ROOT, number)).tag(b"sereno/1 loud\0" + bytes(loud)).hex(),
    }  # fmt: skip
    (folder / "device.json").write_text(json.dumps(device))
