"""The one writer: units commit together, fail alone, and a full disk is told to everybody."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from central.domain.errors import StoreUnavailable
from central.store import writer as writer_module
from central.store.database import connect, migrate, to_signed, to_unsigned
from central.store.unit import Unit
from central.store.writer import Writer

DEADLINE_S = 10


def entry(text: str) -> Callable[[Unit], str]:
    """A unit that leaves a trace and answers with it."""

    def work(unit: Unit) -> str:
        unit.refuse(0.0, "C000001", text, b"")
        return text

    return work


def execute(statement: str) -> Callable[[Unit], None]:
    """A unit of one statement."""

    def work(unit: Unit) -> None:
        unit._db.execute(statement)

    return work


def rows(path: Path) -> list[str]:
    """The traces that are committed, read by another connection."""
    db = sqlite3.connect(path)
    found = [row[0] for row in db.execute("SELECT reason FROM refusal ORDER BY id")]
    db.close()
    return found


def together(writer: Writer, works: list[Callable[[Unit], Any]]) -> list[Any]:
    """Results or errors of units that all wait while another one is being committed."""

    async def main() -> list[Any]:
        held, running = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def first(_unit: Unit) -> None:
            loop.call_soon_threadsafe(running.set)
            assert held.wait(DEADLINE_S)

        before = asyncio.create_task(writer.write(first))
        await asyncio.wait_for(running.wait(), DEADLINE_S)
        waiting = [asyncio.ensure_future(writer.write(work)) for work in works]
        queued = asyncio.get_running_loop().create_future()
        loop.call_soon(queued.set_result, None)
        await queued
        held.set()
        await before
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), DEADLINE_S)

    return asyncio.run(main())


def once(writer: Writer, work: Callable[[Unit], Any]) -> Any:
    """One unit."""
    return asyncio.run(asyncio.wait_for(writer.write(work), DEADLINE_S))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "central.db"


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that ended or began a transaction of the writer's connection."""
    seen: list[str] = []

    def traced(where: Path) -> sqlite3.Connection:
        connection = connect(where)
        connection.set_trace_callback(
            lambda text: seen.append(text) if text.split()[0] in ("COMMIT", "ROLLBACK") and " TO " not in text else None
        )
        return connection

    monkeypatch.setattr(writer_module, "connect", traced)
    return seen


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A running writer on an empty database."""
    made = Writer(path)
    made.start()
    yield made
    made.stop()


def test_units_that_wait_share_one_commit(commits: list[str], writer: Writer, path: Path) -> None:
    """A hundred alerts cost one fsync, not a hundred."""
    commits.clear()
    texts = [f"{number}" for number in range(100)]
    assert together(writer, [entry(text) for text in texts]) == texts
    assert (commits, rows(path)) == (["COMMIT", "COMMIT"], texts)


def test_one_unit_that_fails_takes_no_other_with_it(commits: list[str], writer: Writer, path: Path) -> None:
    """Its own rows are undone, also those before the failure; its caller alone hears of it."""

    def bad(unit: Unit) -> None:
        unit.refuse(0.0, "C000001", "half done", b"")
        raise ValueError("bad unit")

    def clash(unit: Unit) -> None:
        for _ in range(2):
            unit._db.execute("INSERT INTO municipality VALUES (1, 'Tandil')")

    first, failed, constraint, last = together(writer, [entry("first"), bad, clash, entry("last")])
    assert (first, last, rows(path)) == ("first", "last", ["first", "last"])
    assert (repr(failed), type(constraint)) == ("ValueError('bad unit')", sqlite3.IntegrityError)


def test_an_answer_comes_after_the_commit(writer: Writer, path: Path) -> None:
    """When the caller hears of it another connection can read it; before, it cannot."""
    seen: list[list[str]] = []

    def work(unit: Unit) -> None:
        unit.refuse(0.0, "C000001", "durable", b"")
        seen.append(rows(path))

    once(writer, work)
    assert (seen, rows(path)) == ([[]], ["durable"])


def test_a_full_disk_is_told_to_everybody_and_is_over_when_there_is_room(writer: Writer, path: Path) -> None:
    """SQLite's own word for a full disk: nobody is told that it was saved, and the next unit is."""
    size = once(writer, lambda unit: unit._db.execute("PRAGMA page_count").fetchone()[0])
    once(writer, lambda unit: unit._db.execute(f"PRAGMA max_page_count = {size}").fetchone())
    large = [lambda unit: unit.refuse(0.0, "C000001", "large", bytes(100_000)), entry("small")]
    outcomes = together(writer, [entry("before"), *large])
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert ("full" in str(outcomes[0]), rows(path)) == (True, [])
    once(writer, lambda unit: unit._db.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert (once(writer, entry("after")), rows(path)) == ("after", ["after"])


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from central.domain.errors import StoreUnavailable
from central.store.writer import Writer

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])

async def main():
    writer = Writer(path)
    writer.start()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    small = (path.parent / (path.name + "-wal")).stat().st_size + 4096
    resource.setrlimit(resource.RLIMIT_FSIZE, (small, hard))
    work = lambda text: lambda unit: unit.refuse(0.0, "C000001", text, bytes(50_000))
    outcomes = await asyncio.gather(*(writer.write(work(f"lost {n}")) for n in range(5)), return_exceptions=True)
    print([type(one).__name__ for one in outcomes])
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await writer.write(work("kept"))
    writer.stop()

asyncio.run(asyncio.wait_for(main(), 10))
"""


def test_a_disk_that_takes_no_more_octets_loses_nothing_that_was_promised(path: Path) -> None:
    """With the kernel refusing to write (EFBIG), every caller hears it, and afterwards central goes on."""
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(["StoreUnavailable"] * 5)
    assert rows(path) == ["kept"]


def test_the_timeline_can_only_grow(writer: Writer, path: Path) -> None:
    """The database itself refuses to change or delete an entry, whoever asks."""

    def fill(unit: Unit) -> None:
        unit._db.execute("PRAGMA defer_foreign_keys = 1")
        unit._db.execute("INSERT INTO municipality VALUES (1, 'Tandil')")
        unit._db.execute("INSERT INTO incident VALUES (1, 1, NULL, 'general', 'open', 0, 0, 0)")
        unit.add_entry(1, 0.0, "opened", "app", "alert")

    once(writer, fill)
    for statement in ("DELETE FROM entry", "UPDATE entry SET text = 'nothing happened'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            once(writer, execute(statement))
        other = connect(path)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
        other.close()
    assert once(writer, lambda unit: unit._db.execute("SELECT text FROM entry").fetchone()[0]) == "alert"


def test_what_waits_when_it_ends_is_committed(path: Path) -> None:
    """An orderly end loses nothing that was handed over."""

    async def main() -> str:
        writer = Writer(path)
        writer.start()
        waiting = asyncio.ensure_future(writer.write(entry("last")))
        await asyncio.wait([waiting], timeout=0)
        await asyncio.to_thread(writer.stop)
        return await asyncio.wait_for(waiting, DEADLINE_S)

    assert (asyncio.run(main()), rows(path)) == ("last", ["last"])


def test_a_database_of_a_newer_program_is_not_touched(path: Path) -> None:
    """One sentence instead of guessing at a schema."""
    db = connect(path)
    migrate(db)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreUnavailable, match="update it"):
        Writer(path).start()


@pytest.mark.parametrize("value", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_ids_of_64_bits_survive_the_database(value: int) -> None:
    """SQLite has signed integers only."""
    assert (to_unsigned(to_signed(value)), -(1 << 63) <= to_signed(value) < 1 << 63) == (value, True)


def test_a_commit_is_on_the_disk_before_anybody_hears_of_it(path: Path) -> None:
    """A write-ahead log that is synced at each commit: 202 holds through a power cut, not only through a crash."""
    connection = connect(path)
    asked = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    connection.close()
    assert asked == ["wal", 2]
