"""The live board of the demo in a terminal: one row per center, what its outputs do now, its link, supply and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

OUTPUTS = ("siren", "strobe", "floodlight", "indicator")
STATES = {"open": "abierto", "sounding": "sonando", "acknowledged": "reconocido", "closed": "cerrado"}
CLASSES = {
    "general": "alerta general",
    "medical": "emergencia médica",
    "gender_violence": "violencia de género (silenciosa)",
    "bicycle_theft": "robo de bicicleta",
    "fire": "incendio",
}
# Of the longest word of a column, so that the table does not jump when a lamp is lit.
_WIDTHS = {"sirena": 7, "estrobo": 10, "botones": 7, "enlace": 10, "salud": 7}
_VERDICTS = {0: ("bien", "green"), 1: ("parcial", "bold yellow"), 2: ("FALLA", "bold white on red")}
_LIT = {"siren": ("SUENA", "bold white on red"), "strobe": ("DESTELLA", "bold black on yellow")}


@dataclass(frozen=True)
class Row:
    """One center as the demo shows it; `battery_mv` in millivolts. `verdict` is the center's own word on its health
    (firmware.supervision: 0 whole, 1 partial, 2 it cannot sound), None before its first report."""

    name: str
    group: str
    outputs: frozenset[str]
    link: str
    battery_mv: int
    buttons: frozenset[str]
    mains: bool
    verdict: int | None


def board(rows: Sequence[Row], incidents: Sequence[Mapping[str, str]], hints: str) -> Group:
    """The whole picture: centers, the latest incidents, the keys to press."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True, header_style="bold")
    for heading in ("central", "grupo"):
        table.add_column(heading, no_wrap=True)
    for heading in ("sirena", "estrobo", "reflector", "indicador", "botones", "enlace", "red", "batería", "salud"):
        table.add_column(heading, justify="center", min_width=_WIDTHS.get(heading, len(heading)), no_wrap=True)
    for row in rows:
        cells = [_lamp(name, name in row.outputs) for name in OUTPUTS]
        pressed = ", ".join(sorted(row.buttons)) or "-"
        mains = Text("sí") if row.mains else Text("NO", style="bold yellow")
        health = Text(*_VERDICTS[row.verdict]) if row.verdict in _VERDICTS else Text("?", style="dim")
        battery = f"{row.battery_mv / 1000:.1f} V"
        table.add_row(row.name, row.group, *cells, pressed, row.link, mains, battery, health)
    latest = Table.grid(padding=(0, 2))
    for incident in incidents:
        state, kind = incident["state"], incident["class"]
        latest.add_row(incident["number"], CLASSES.get(kind, kind), STATES.get(state, state), incident["last"])
    return Group(table, Panel(latest, title="incidentes", title_align="left"), Text(hints, style="dim"))


def _lamp(output: str, on: bool) -> Text:
    if not on:
        return Text("·", style="dim")
    word, style = _LIT.get(output, ("SÍ", "bold black on white"))
    return Text(f" {word} ", style=style)
