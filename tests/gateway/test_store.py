"""The durable memory on real SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.errors import CannotRun, StoreUnavailable
from gateway.ports import CenterMemory, StoredAck, StoredCommand
from gateway.store.outbox import QUARANTINE_ROWS, SCHEMA_VERSION, SqliteStore
from protocol.replay import Window


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """An open store."""
    made = SqliteStore(tmp_path / "outbox.db", 1, 0)
    made.open()
    return made


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
    """Also an incident number with all of its 64 bits."""
    window = Window()
    window.accept(7)
    command = StoredCommand(1, 2, 3, (1 << 64) - 1, 100, 60, b"frame")
    with store.transaction():
        store.keep_window(window)
        store.keep_command(command)
        sequence = store.next_sequence()
        store.keep_ack(b"ack", StoredAck(sequence, 5, b"message"))
        store.keep_center(1, CenterMemory(4, b"nonce", 9))
        store.reserve_upward(1000)
    again = reopened(store, tmp_path)
    assert again.window().pack() == window.pack()
    assert again.commands() == [command]
    assert again.acks() == [StoredAck(1 << 24 | 1, 5, b"message")]
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
        store.keep_ack(b"ack", StoredAck(store.next_sequence(), 5, b"message"))
        raise ZeroDivisionError
    assert (store.acks(), store.last_sequence()) == ([], 1 << 24)


def test_a_part_that_fails_leaves_the_rest(store: SqliteStore) -> None:
    """One message of a batch cannot undo its neighbours."""
    with store.transaction():
        store.keep_ack(b"one", StoredAck(store.next_sequence(), 5, b"1"))
        with pytest.raises(ZeroDivisionError), store.attempt():
            store.keep_ack(b"two", StoredAck(store.next_sequence(), 5, b"2"))
            raise ZeroDivisionError
        store.keep_ack(b"three", StoredAck(store.next_sequence(), 5, b"3"))
    assert [entry.message for entry in store.acks()] == [b"1", b"3"]
    assert [entry.sequence for entry in store.acks()] == [1 << 24 | 1, 1 << 24 | 2]


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
        store.keep_ack(b"ack", StoredAck(1, 5, b"message"))
    with pytest.raises(StoreUnavailable), store.transaction():
        store.keep_ack(b"other", StoredAck(1, 5, b"message"))
    assert len(store.acks()) == 1
