"""A store under power cuts, as two programs of its own: one writes and says what it acknowledged, one judges what a cut left.

A store's trial (`tests.gateway.outbox_life`) says how to open it, what step number n is and what it holds, and calls `main`. Started by
campaign T3.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

State = dict[str, list[Any]]


class Trial(Protocol):
    """One open store. Steps are the same for the same number and the same contents."""

    def perform(self, numbers: range, acknowledged: Callable[[int], None]) -> None:
        """Do these steps, and call for each when its caller may rely on it, in order."""

    def state(self) -> State:
        """All that is kept: rows by table, as anything that compares."""

    def close(self) -> None:
        """As the program ends in order."""


# The folder, and PRAGMA synchronous: FULL is as the store opens itself, less is how to see that a loss is noticed.
Opens = Callable[[Path, str], Trial]


def main(opens: Opens, database: str) -> int:
    """`write FOLDER FIRST COUNT BATCH SYNCHRONOUS`, or `judge FOLDER`, which reads a JSON list a line: what was cut, acknowledged, begun."""
    if sys.argv[1] == "write":
        folder, first, count, batch, level = sys.argv[2:]
        write(opens, Path(folder), range(int(first), int(first) + int(count)), int(batch), level)
        return 0
    judge = Judge(opens, database, Path(sys.argv[2]))
    for line in sys.stdin:
        folder, acknowledged, begun = json.loads(line)
        print(json.dumps(judge.verdict(Path(folder), acknowledged, begun)), flush=True)
    return 0


def write(opens: Opens, folder: Path, steps: range, batch: int, level: str) -> None:
    """Steps in batches, with a restart of the program halfway."""
    for half in (steps[: len(steps) // 2], steps[len(steps) // 2 :]):
        trial = opens(folder, level)
        for start in range(half.start, half.stop, batch):
            numbers = range(start, min(start + batch, half.stop))
            _say("begun", numbers[-1])
            trial.perform(numbers, lambda number: _say("acknowledged", number))
        trial.close()


def _say(word: str, number: int) -> None:
    # One system call at once, so that it stands among the others where it was said.
    os.write(1, f"{word} {number}\n".encode())


class Judge:
    """Compares with a store in `folder` that goes through the same steps and never loses power; it never goes back."""

    def __init__(self, opens: Opens, database: str, folder: Path) -> None:
        self._opens = opens
        self._database = database
        self._never_cut = opens(folder, "OFF")
        self._at = 0
        self._states = {0: self._never_cut.state()}

    def verdict(self, folder: Path, acknowledged: int, begun: int) -> tuple[int | None, list[str]]:
        """The last step that is held, and in sentences what went wrong. Step 0 is a store that was never used."""
        self._go_to(acknowledged, begun)
        try:
            trial = self._opens(folder, "FULL")
            found = trial.state()
            trial.close()
            with sqlite3.connect(folder / self._database) as db:
                whole = str(db.execute("PRAGMA integrity_check").fetchone()[0])
        except Exception as error:
            return None, [f"it does not open any more: {error}"]
        if whole != "ok":
            return None, [f"its integrity check says {whole}"]
        for number, state in self._states.items():
            if acknowledged <= number <= begun and found == state:
                return number, []
        return None, _differences(found, self._states[acknowledged], self._states[begun])

    def _go_to(self, acknowledged: int, begun: int) -> None:
        self._states = {number: state for number, state in self._states.items() if number >= acknowledged}
        while self._at < begun:
            self._at += 1
            self._never_cut.perform(range(self._at, self._at + 1), lambda _: None)
            if self._at >= acknowledged:
                self._states[self._at] = self._never_cut.state()


def _differences(found: State, acknowledged: State, begun: State) -> list[str]:
    """By table: what was acknowledged and is gone, and what nobody asked for or was forgotten before."""
    sentences = []
    for table in sorted({*found, *acknowledged}):
        here, before, after = (_counted(state.get(table, [])) for state in (found, acknowledged, begun))
        lost, doubled = (before & after) - here, here - (before | after)
        sentences += [f"{table} lost {_shown(lost)}"] if lost else []
        sentences += [f"{table} holds {_shown(doubled)}, which is over or was never there"] if doubled else []
    return sentences or ["half of a step is there"]


def _counted(rows: Iterable[Any]) -> Counter[str]:
    return Counter(repr(row)[:80] for row in rows)


def _shown(rows: Counter[str]) -> str:
    return f"{rows.total()}, as {min(rows)}"


def tables(database: Path) -> State:
    """Every row of every table of a SQLite file that another connection has open."""
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: sorted(db.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}  # noqa: S608
    finally:
        db.close()
