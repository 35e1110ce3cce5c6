"""The gateway's durable memory: one SQLite file (WAL, synchronous=FULL), owned by the one thread that opened it.

Messages in both directions, replay window, counters. Called by the flows through `ports.Store`. It decides nothing,
and gives nothing up for want of room.
"""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.domain.moment import Moment
from gateway.errors import CannotRun, StoreUnavailable
from gateway.ports import CenterMemory, Stored
from protocol.errors import Malformed
from protocol.replay import Window
from protocol.replay import unpack as unpack_window

SCHEMA_VERSION = 2
QUARANTINE_ROWS = 1000
_SHORTAGE_CHECK_S = 1.0

# One table for all that is kept, in both directions; its order and what may give way is gateway.domain.priority's word.
_MESSAGE = """
CREATE TABLE message (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, sequence INTEGER UNIQUE, stored_at INTEGER NOT NULL, boot TEXT NOT NULL,
    up_s REAL NOT NULL, ttl_s INTEGER, octets BLOB NOT NULL
) STRICT;
"""
# Version 1 had countersigned acks, and commands, which are not worth anything any more by the time a program is replaced.
_FROM_1 = """
INSERT INTO message SELECT 'ack ' || lower(hex(ack)), 'answer', sequence, stored_at, '', 0.0, NULL, ack FROM outbox;
DROP TABLE outbox; DROP TABLE command;
"""
_SCHEMA = """
CREATE TABLE window (id INTEGER PRIMARY KEY CHECK (id = 0), octets BLOB NOT NULL) STRICT;
CREATE TABLE sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
CREATE TABLE center (
    center INTEGER PRIMARY KEY, boot INTEGER NOT NULL, nonce BLOB NOT NULL, counter INTEGER NOT NULL
) STRICT;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL
) STRICT;
"""


class SqliteStore:
    """`path` is the file, `epoch` the key file's sequence epoch, `min_free_mb` what must stay free on its disk."""

    def __init__(self, path: Path, epoch: int, min_free_mb: int) -> None:
        self._path = path
        self._epoch = epoch
        self._min_free_mb = min_free_mb
        self._db: sqlite3.Connection | None = None
        self._lock: Any = None
        self._shortage: str | None = None
        self._shortage_at = float("-inf")

    def open(self) -> None:
        """Open or make the file in the calling thread; raises CannotRun with a sentence."""
        try:
            self._lock = self._path.with_suffix(".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(f"another sereno-gateway already uses {self._path.parent}; stop it first") from error
        except OSError as error:
            raise CannotRun(f"cannot write in {self._path.parent} ({error.strerror}); check its owner") from error
        try:
            self._connect()
        except sqlite3.Error as error:
            raise CannotRun(f"cannot use {self._path} ({error}); it may be damaged or its disk full") from error

    def close(self) -> None:
        """Close the file and free it for another process."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on the disk when it ends. Nothing is locked until the first write."""
        self._run("BEGIN")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            # A cancelled task or a Ctrl-C must not leave half of it open either.
            self._undo()
            raise

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that may fail alone."""
        self._run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            # Whatever ended it, the transaction around it goes on without this part.
            self._run("ROLLBACK TO part")
            self._run("RELEASE part")
            raise
        self._run("RELEASE part")

    def window(self) -> Window:
        """The replay window of envelopes from central."""
        row = self._one("SELECT octets FROM window WHERE id = 0")
        try:
            return unpack_window(row[0]) if row else Window()
        except Malformed as error:
            raise StoreUnavailable(f"the replay window in {self._path} is damaged: {error}") from error

    def keep_window(self, window: Window) -> None:
        """Write the replay window."""
        self._run("INSERT OR REPLACE INTO window VALUES (0, ?)", window.pack())

    def keep(self, message: Stored) -> None:
        """Keep a message once; a command's latest frame stands."""
        self._run(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET octets = excluded.octets,"
            " stored_at = excluded.stored_at, boot = excluded.boot, up_s = excluded.up_s, ttl_s = excluded.ttl_s"
            " WHERE octets != excluded.octets",
            message.id, message.kind, message.sequence, *message.at, message.ttl_s, message.octets,
        )  # fmt: skip

    def kept(self, id: str) -> bool:
        """Whether a message is kept."""
        return self._one("SELECT 1 FROM message WHERE id = ?", id) is not None

    def forget(self, ids: Sequence[str]) -> None:
        """Forget messages."""
        for id in ids:
            self._run("DELETE FROM message WHERE id = ?", id)

    def messages(self) -> list[Stored]:
        """Every message kept: first those for centers, then the outbox, oldest first."""
        rows = self._all("SELECT * FROM message ORDER BY sequence NULLS FIRST, rowid")
        return [Stored(row[0], row[1], row[2], Moment(row[3], row[4], row[5]), row[6], row[7]) for row in rows]

    def renumber(self, id: str, sequence: int) -> None:
        """Give a message of the outbox a new number."""
        self._run("UPDATE message SET sequence = ? WHERE id = ?", sequence, id)

    def next_sequence(self) -> int:
        """Take the next outbox sequence."""
        last = self.last_sequence() + 1
        self.jump_sequence(last)
        return last

    def last_sequence(self) -> int:
        """The last one taken in this epoch; the epoch's zero before the first."""
        return self._last(f"outbox {self._epoch}") or self._epoch << 24

    def jump_sequence(self, sequence: int) -> None:
        """Go on above this sequence."""
        self._run("INSERT OR REPLACE INTO sequence VALUES (?, ?)", f"outbox {self._epoch}", sequence)

    def shortage(self) -> str | None:
        """Why nothing more should be stored, or None; the disk is asked once a second."""
        now = time.monotonic()
        if now - self._shortage_at >= _SHORTAGE_CHECK_S:
            self._shortage_at = now
            try:
                free_mb = shutil.disk_usage(self._path.parent).free >> 20
            except OSError as error:
                raise StoreUnavailable(f"cannot ask {self._path.parent} for its free space: {error}") from error
            short = free_mb < self._min_free_mb
            self._shortage = f"{free_mb} MB free on the disk, {self._min_free_mb} MB must stay" if short else None
        return self._shortage

    def reserve_upward(self, upto: int) -> None:
        """Remember that upward sequences up to `upto` may have been used."""
        self._run("INSERT OR REPLACE INTO sequence VALUES ('upward', ?)", upto)

    def upward_reserved(self) -> int:
        """The highest upward sequence that may have been used."""
        return self._last("upward")

    def center(self, center: int) -> CenterMemory:
        """What is remembered of a center."""
        row = self._one("SELECT boot, nonce, counter FROM center WHERE center = ?", center)
        return CenterMemory(*row) if row else CenterMemory(0, b"", 0)

    def keep_center(self, center: int, memory: CenterMemory) -> None:
        """Remember it."""
        self._run("INSERT OR REPLACE INTO center VALUES (?, ?, ?, ?)", center, *memory)

    def quarantine(self, topic: str, payload: bytes, reason: str, at: int) -> None:
        """Put away a message that could not be handled; the oldest give way."""
        self._run("INSERT INTO quarantine (at, topic, reason, payload) VALUES (?, ?, ?, ?)", at, topic, reason, payload)
        self._run("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", QUARANTINE_ROWS)

    def _connect(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=2.0)
        db.execute("PRAGMA journal_mode = WAL")
        # NORMAL lost acknowledged rows in simulated power cuts, FULL none.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 4194304")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            db.close()
            raise CannotRun(f"{self._path} was written by a newer sereno-gateway; install that one")
        if version < SCHEMA_VERSION:
            made = _MESSAGE + _FROM_1 if version == 1 else _MESSAGE + _SCHEMA
            db.executescript(f"BEGIN; {made} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        self._db = db

    def _undo(self) -> None:
        """Roll back; a connection that cannot even do that is made anew at the next use."""
        try:
            if self._db is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            db, self._db = self._db, None
            if db is not None:
                db.close()

    def _last(self, name: str) -> int:
        row = self._one("SELECT last FROM sequence WHERE name = ?", name)
        return int(row[0]) if row else 0

    def _run(self, sql: str, *values: object) -> None:
        self._guard(lambda db: db.execute(sql, values))

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._guard(lambda db: db.execute(sql, values).fetchone())
        return row

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._guard(lambda db: db.execute(sql).fetchall())
        return rows

    def _guard(self, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        try:
            if self._db is None:
                self._connect()
            assert self._db is not None
            return ask(self._db)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error
