"""What commands share: the database open for one of them, and answers as lines, as a table, or as JSON for programs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from central import settings as settings_file
from central.domain.errors import NotFound, Refused
from central.settings import Settings
from central.store.database import connect, migrate
from protocol.errors import Malformed
from protocol.topics import number_of

SettingsPath = Annotated[Path, typer.Option("--settings", "-s", help="The settings file.")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for programs.")]
DEFAULT = Path("central.toml")
_KINDS = {"C": "center", "G": "gateway"}


@contextmanager
def database(path: Path) -> Iterator[tuple[Settings, sqlite3.Connection]]:
    """The settings and their database in a transaction, committed at the end; raises Refused when there is none."""
    settings = settings_file.load(path)
    if not settings.database.exists():
        raise Refused(f"there is no database at {settings.database}; run `sereno-central enroll municipality`")
    db = connect(settings.database)
    try:
        migrate(db)
        db.execute("BEGIN IMMEDIATE")
        yield settings, db
        db.execute("COMMIT")
    finally:
        db.close()


def need(db: sqlite3.Connection, table: str, number: int) -> int:
    """The number of a row that must be there; raises NotFound."""
    if db.execute(f'SELECT 1 FROM "{table}" WHERE number = ?', (number,)).fetchone() is None:  # noqa: S608
        raise NotFound(f"there is no {table} {number}")
    return number


def device(db: sqlite3.Connection, name: str, letter: str) -> int:
    """The number of a center ("C") or gateway ("G") by its name; raises Refused, NotFound."""
    try:
        number = number_of(name)
    except Malformed as error:
        raise Refused(str(error)) from error
    if not name.startswith(letter):
        raise Refused(f"{name} is not a {_KINDS[letter]}")
    return need(db, _KINDS[letter], number)


def say(as_json: bool, values: dict[str, Any]) -> None:
    """One answer."""
    if as_json:
        typer.echo(json.dumps(values))
        return
    for name, value in values.items():
        typer.echo(f"{name.replace('_', ' ')}: {_plain(value)}")


def table(as_json: bool, name: str, rows: list[dict[str, Any]]) -> None:
    """Many of them, of the same fields."""
    if as_json:
        typer.echo(json.dumps({name: rows}))
        return
    if not rows:
        typer.echo(f"no {name}")
        return
    lines = [[key.replace("_", " ") for key in rows[0]], *([_plain(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {reason}" for reason, count in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)
