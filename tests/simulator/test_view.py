"""The demo's table says in words what a center does, and how it is."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from simulator.view import Row, board

NONE: frozenset[str] = frozenset()
WHOLE = Row("C000001", "Villa Hipódromo", NONE, "en línea", 12_700, NONE, True, 0)
LOUD = frozenset({"siren", "strobe"})


def shown(*rows: Row, width: int = 120) -> str:
    """The picture as text."""
    file = io.StringIO()
    Console(file=file, width=width).print(board(rows, [], "teclas"))
    return file.getvalue()


def row_of(name: str, text: str) -> list[str]:
    """The cells of a center."""
    return [cell for line in text.splitlines() if name in line for cell in re.split(r"\s{2,}", line.strip())]


def test_a_whole_center_at_rest() -> None:
    """Nothing is lit, mains are there, and its verdict on itself is good."""
    cells = row_of("C000001", shown(WHOLE))
    assert cells == ["C000001", "Villa Hipódromo", "·", "·", "·", "·", "-", "en línea", "sí", "12.7 V", "bien"]


@pytest.mark.parametrize(("verdict", "word"), [(0, "bien"), (1, "parcial"), (2, "FALLA"), (None, "?"), (9, "?")])
def test_the_verdict_is_the_centers_own(verdict: int | None, word: str) -> None:
    """Before its first report nothing is claimed, nor for a number that a newer center may say."""
    row = Row("C000002", "Trapiche", LOUD, "sin enlace", 11_400, frozenset({"panic"}), False, verdict)
    cells = row_of("C000002", shown(WHOLE, row))
    assert cells[2:] == ["SUENA", "DESTELLA", "·", "·", "panic", "sin enlace", "NO", "11.4 V", word]


def test_no_column_moves_when_a_lamp_is_lit_or_mains_fail() -> None:
    """Somebody who watches a row must not have to look for it again."""
    other = Row("C000001", "Villa Hipódromo", frozenset({"siren", "floodlight"}), "en línea", 11_400, NONE, False, 2)
    heads = [next(line for line in shown(row).splitlines() if "sirena" in line) for row in (WHOLE, other)]
    assert heads[0] == heads[1]
