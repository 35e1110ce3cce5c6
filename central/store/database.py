"""Opening the SQLite file: pragmas, migrations. WAL with synchronous=FULL: a committed row survives a power cut."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from central.domain.errors import StoreUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_I64 = 1 << 63


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection; raises StoreUnavailable with one sentence when the file cannot be opened."""
    try:
        if read_only:
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        else:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the database {path} cannot be opened: {error}") from error
    connection.row_factory = sqlite3.Row
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step in a transaction; raises StoreUnavailable for a newer schema."""
    steps = sorted(_MIGRATIONS.glob("[0-9]*.sql"))
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise StoreUnavailable(f"the database is of schema {version}, this program knows up to {len(steps)}: update it")
    for number, step in enumerate(steps[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{step.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")


def to_signed(value: int) -> int:
    """A u64 as the signed integer that SQLite keeps."""
    return value - (1 << 64) if value >= _I64 else value


def to_unsigned(value: int) -> int:
    """The u64 of a stored integer."""
    return value + (1 << 64) if value < 0 else value
