"""Campaign T3: power cuts of the disk under a store, which must then hold all that it acknowledged, and nothing twice.

The store's own program writes under strace; for each cut, `simulator.disk` gives what may be left of its files, and the store opens
them again. From the last of these the next life goes on, so that cuts follow upon cuts. Nothing here knows a store: see `simulator.kept`.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from simulator.disk import Disk
from simulator.errors import SimulatorError
from simulator.traced import SAID, SYNC, WRITE, Operation, traced

_ROOT = Path(__file__).resolve().parent.parent
_CUTS_A_LIFE = 60
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


class Subject(NamedTuple):
    """A store on trial: the module of its programs, how many steps a life has (enough that the log is written back to the database
    some times), and how many are begun at once."""

    module: str
    steps: int
    batch: int


OUTBOX = Subject("tests.gateway.outbox_life", 400, 1)
DATABASE = Subject("tests.central.database_life", 600, 3)


@dataclass
class Trial:
    """What was done, and every way in which it went wrong: writes by file, syncs of files, cuts after which something new was
    acknowledged."""

    lives: int = 0
    cuts: int = 0
    written: Counter[str] = field(default_factory=Counter)
    syncs: int = 0
    acknowledged: int = 0
    violations: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """For people and for JSON."""
        return {
            "cuts": self.cuts, "acknowledged": self.acknowledged, "lives": self.lives, "syncs": self.syncs,
            "writes": dict(self.written),
        }  # fmt: skip


class _Cut(NamedTuple):
    files: dict[str, bytes]
    acknowledged: int
    begun: int


def campaign(subject: Subject, cuts: int, seed: int, synchronous: str = "FULL") -> Trial:
    """`cuts` power cuts, or those of the first life with a loss; raises SimulatorError.

    `synchronous` is what the store is weakened to (SQLite's NORMAL or OFF), to see that a loss would be noticed.
    """
    dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
    trial = Trial()
    # What a cut leaves is the model's word; of a disk one would only wait for the syncs.
    memory = _MEMORY if _MEMORY.is_dir() else None
    files: dict[str, bytes] = {}
    held = 0
    with tempfile.TemporaryDirectory(dir=memory) as folder, _judge(subject, Path(folder) / "never cut") as judge:
        while trial.cuts < cuts and not trial.violations:
            trial.lives += 1
            operations = _life(subject, Path(folder) / "life", files, held, synchronous)
            trial.written.update(operation.name for operation in operations if operation.kind == WRITE)
            trial.syncs += sum(operation.kind == SYNC for operation in operations)
            first = held
            for cut in _cuts(files, operations, first, min(_CUTS_A_LIFE, cuts - trial.cuts), dice):
                trial.cuts += 1
                trial.acknowledged += cut.acknowledged > first
                holds, wrong = _judged(judge, Path(folder) / "cut", cut)
                trial.violations += [f"cut {trial.cuts}, after step {cut.acknowledged}: {one}" for one in wrong]
                if holds is not None:
                    files, held = cut.files, holds
    return trial


def _life(subject: Subject, folder: Path, files: dict[str, bytes], held: int, synchronous: str) -> list[Operation]:
    _put(folder, files)
    steps = ("write", str(folder), str(held + 1), str(subject.steps), str(subject.batch), synchronous)
    operations = traced([sys.executable, "-m", subject.module, *steps], folder, _ROOT)
    shutil.rmtree(folder)
    return operations


def _cuts(
    files: dict[str, bytes], operations: list[Operation], held: int, count: int, dice: random.Random
) -> Iterator[_Cut]:
    """`count` cuts anywhere in a life, in order."""
    disk = Disk(files)
    said = {"acknowledged": held, "begun": held}
    points = sorted(dice.choices(range(len(operations)), k=count))
    for place, operation in enumerate(operations):
        disk.do(operation)
        if operation.kind == SAID:
            word, number = operation.octets.decode().split()
            said[word] = int(number)
        for _ in range(points.count(place)):
            yield _Cut(disk.cut(dice), said["acknowledged"], said["begun"])


@contextmanager
def _judge(subject: Subject, folder: Path) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir()
    command = [sys.executable, "-m", subject.module, "judge", str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as judge:
        yield judge
        if judge.stdin:
            judge.stdin.close()


def _judged(judge: subprocess.Popen[str], folder: Path, cut: _Cut) -> tuple[int | None, list[str]]:
    _put(folder, cut.files)
    assert judge.stdin is not None and judge.stdout is not None
    judge.stdin.write(json.dumps([str(folder), cut.acknowledged, cut.begun]) + "\n")
    judge.stdin.flush()
    answer = judge.stdout.readline()
    if not answer:
        raise SimulatorError("the judge of the power cuts ended by itself; what it said stands above")
    shutil.rmtree(folder)
    holds, wrong = json.loads(answer)
    return holds, wrong


def _put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
