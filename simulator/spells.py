"""Reads a board's history: each time that an output was on, as a spell from one moment to another. Pure; used by campaigns."""

from __future__ import annotations

from collections.abc import Iterable

# Monotonic seconds, as in simulator.boards.
Spell = tuple[float, float]


def spells(history: Iterable[tuple[float, frozenset[str]]], output: str, now: float) -> list[Spell]:
    """[from, to] of each; one that still lasts ends `now`. `history` is of simulator.boards.BoardProcess.history."""
    found: list[Spell] = []
    since: float | None = None
    for at, outputs in [*history, (now, frozenset[str]())]:
        if output in outputs and since is None:
            since = at
        elif output not in outputs and since is not None:
            found.append((since, at))
            since = None
    return found
