"""The alarm center's part of `make bench`: from a command received to the output moved, and what it takes of the heap.

Inside the real interpreter with the heap of a board; the floor is opening the seal and one write of the state, in the same run.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from subprocess import run

from protocol.hmac import Mac
from protocol.keys import vault_key
from simulator.compiled import compiled
from simulator.errors import SimulatorError
from simulator.figures import Figure, percentile

COMMANDS = 60
HEAP = "256k"
_ROOT = bytes(range(32))


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


def _measured(folder: Path, rounds: int) -> dict[str, list[list[int]]]:
    loud = [1, 2, 4, 5]
    device = {
        "center": 1, "group": 1, "gateway": "G000001", "epoch": 0, "root": _ROOT.hex(), "loud": loud, "endpoints": [],
        "loud_tag": Mac(vault_key(_ROOT, 1)).tag(b"sereno/1 loud\0" + bytes(loud)).hex(),
    }  # fmt: skip
    (folder / "device.json").write_text(json.dumps(device))
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
