"""The live board of the demo in a terminal: one row per center, what its outputs do now, its link and battery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
_LIT = {"siren": ("SUENA", "bold white on red"), "strobe": ("DESTELLA", "bold black on yellow")}


@dataclass(frozen=True)
class Row:
    """One center as the demo shows it; `battery_mv` in millivolts."""

    name: str
    group: str
    outputs: frozenset[str]
    link: str
    battery_mv: int
    buttons: frozenset[str]


def board(rows: Sequence[Row], incidents: Sequence[Mapping[str, str]], hints: str) -> Group:
    """The whole picture: centers, the latest incidents, the keys to press."""
    table = Table(expand=True, header_style="bold")
    for heading in ("central", "grupo", "sirena", "estrobo", "reflector", "indicador", "botones", "enlace", "batería"):
        named = heading in ("central", "grupo")
        table.add_column(heading, justify="left" if named else "center", min_width=None if named else 10)
    for row in rows:
        cells = [_lamp(name, name in row.outputs) for name in OUTPUTS]
        pressed = ", ".join(sorted(row.buttons)) or "-"
        battery = f"{row.battery_mv / 1000:.1f} V"
        table.add_row(row.name, row.group, *cells, pressed, row.link, battery)
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
