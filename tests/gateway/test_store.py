"""The durable memory on real SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.domain.moment import Moment
from gateway.errors import CannotRun, StoreUnavailable
from gateway.ports import CenterMemory, Stored
from gateway.store.outbox import QUARANTINE_ROWS, SCHEMA_VERSION, SqliteStore
from protocol.replay import Window


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """An open store."""
    made = SqliteStore(tmp_path / "outbox.db", 1, 0)
    made.open()
    return made


AT = Moment(1_800_000_000, "boot one", 12.5)


def ack(name: str, sequence: int) -> Stored:
    """A message of the outbox."""
    return Stored(f"ack {name}", "answer", sequence, AT, None, name.encode())


def reopened(store: SqliteStore, folder: Path, epoch: int = 1) -> SqliteStore:
    """The same file by another process."""
    store.close()
    again = SqliteStore(folder / "outbox.db", epoch, 0)
    again.open()
    return again


def test_every_commit_is_forced_to_the_disk(store: SqliteStore) -> None:
    """WAL with synchronous=FULL (2): NORMAL lost acknowledged rows in simulated power cuts."""
    assert (store._one("PRAGMA journal_mode"), store._one("PRAGMA synchronous")) == (("wal",), (2,))


def test_everything_kept_is_there_after_a_restart(store: SqliteStore, tmp_path: Path) -> None:
    """Commands first, then the outbox by number, each with both clocks and its time to live."""
    window = Window()
    window.accept(7)
    command = Stored("command 1/0/3", "command", None, AT, 60, b"frame")
    with store.transaction():
        store.keep_window(window)
        store.keep(ack("one", store.next_sequence()))
        store.keep(command)
        store.keep_center(1, CenterMemory(4, b"nonce", 9))
        store.reserve_upward(1000)
    again = reopened(store, tmp_path)
    assert again.window().pack() == window.pack()
    assert again.messages() == [command, ack("one", 1 << 24 | 1)]
    assert (again.center(1), again.center(2)) == (CenterMemory(4, b"nonce", 9), CenterMemory(0, b"", 0))
    assert (again.upward_reserved(), again.last_sequence()) == (1000, 1 << 24 | 1)


def test_a_new_epoch_counts_from_one(store: SqliteStore, tmp_path: Path) -> None:
    """The key file's epoch stands in the top octet."""
    with store.transaction():
        store.next_sequence()
    again = reopened(store, tmp_path, epoch=2)
    with again.transaction():
        assert again.next_sequence() == 2 << 24 | 1


def test_a_transaction_that_fails_leaves_nothing(store: SqliteStore) -> None:
    """Not even the number that it took."""
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.keep(ack("one", store.next_sequence()))
        raise ZeroDivisionError
    assert (store.messages(), store.last_sequence()) == ([], 1 << 24)


def test_a_part_that_fails_leaves_the_rest(store: SqliteStore) -> None:
    """One message of a batch cannot undo its neighbours."""
    with store.transaction():
        store.keep(ack("one", store.next_sequence()))
        with pytest.raises(ZeroDivisionError), store.attempt():
            store.keep(ack("two", store.next_sequence()))
            raise ZeroDivisionError
        store.keep(ack("three", store.next_sequence()))
    assert store.messages() == [ack("one", 1 << 24 | 1), ack("three", 1 << 24 | 2)]


def test_the_quarantine_is_bounded(store: SqliteStore) -> None:
    """The oldest give way, so that no flood fills the card."""
    with store.transaction():
        for number in range(QUARANTINE_ROWS + 50):
            store.quarantine("topic", bytes([number % 256]), "reason", number)
    assert store._one("SELECT count(*), min(at) FROM quarantine") == (QUARANTINE_ROWS, 50)


def test_a_second_process_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    """Two writers would give one number twice."""
    second = SqliteStore(tmp_path / "outbox.db", 1, 0)
    with pytest.raises(CannotRun, match="another sereno-gateway already uses"):
        second.open()


def test_a_file_of_a_newer_program_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    """It is left as it is."""
    store.close()
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(CannotRun, match="newer sereno-gateway"):
        reopened(store, tmp_path)


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    """Rubbish where the store should be."""
    (tmp_path / "outbox.db").write_bytes(b"rubbish " * 1000)
    with pytest.raises(CannotRun, match=r"cannot use .*outbox\.db \(file is not a database\)"):
        SqliteStore(tmp_path / "outbox.db", 1, 0).open()


def test_a_nearly_full_disk_is_a_shortage(tmp_path: Path) -> None:
    """More free space than any disk has is asked for."""
    store = SqliteStore(tmp_path / "outbox.db", 1, 1 << 40)
    store.open()
    shortage = store.shortage()
    assert shortage is not None and shortage.endswith(f"{1 << 40} MB must stay")


def test_an_error_of_sqlite_is_the_ports_own(store: SqliteStore) -> None:
    """The flows know one kind of trouble."""
    with store.transaction():
        store.keep(ack("one", 1))
        store.keep(ack("two", 2))
    with pytest.raises(StoreUnavailable), store.transaction():
        store.renumber("ack two", 1)
    assert [message.sequence for message in store.messages()] == [1, 2]


def test_the_same_message_is_kept_once_and_a_commands_latest_frame_stands(store: SqliteStore) -> None:
    """The id tells; a command that central sends again under the same counter replaces the one kept."""
    first, again = (Stored("command 1/0/3", "command", None, AT, 60, frame) for frame in (b"first", b"again"))
    with store.transaction():
        for message in (first, first, again):
            store.keep(message)
    assert (store.messages(), store.kept("command 1/0/3"), store.kept("command 1/0/4")) == ([again], True, False)
    with store.transaction():
        store.forget(["command 1/0/3"])
    assert store.messages() == []


def test_the_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Acks that waited there still wait; commands of a minute ago are worth nothing any more."""
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.executescript(
            "CREATE TABLE window (id INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;"
            "CREATE TABLE sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;"
            "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, ack BLOB, stored_at INTEGER, message BLOB) STRICT;"
            "CREATE TABLE command (center INTEGER, frame BLOB) STRICT;"
            "CREATE TABLE center (center INTEGER PRIMARY KEY, boot INTEGER, nonce BLOB, counter INTEGER) STRICT;"
            "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, at INTEGER, topic TEXT, reason TEXT, payload BLOB) STRICT;"
            "INSERT INTO outbox VALUES (16777217, x'616b', 5, x'00'); INSERT INTO command VALUES (1, x'00');"
            "INSERT INTO sequence VALUES ('outbox 1', 16777217); PRAGMA user_version = 1;"
        )
    store = SqliteStore(tmp_path / "outbox.db", 1, 0)
    store.open()
    (message,) = store.messages()
    assert (message.id, message.sequence, message.octets, message.at.wall) == ("ack 616b", 16_777_217, b"ak", 5)
    assert store.last_sequence() == 16_777_217
