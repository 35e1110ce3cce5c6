"""Floors of `make bench`: what the broker and the disk of this machine take by themselves, in the same run as the product."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from simulator.wire import Wire


def round_trips(wire: Wire, own: str, count: int) -> list[float]:
    """Seconds from a QoS 1 publish to its delivery to oneself; `own` is a topic that `wire` hears."""
    found = []
    for number in range(count):
        payload = b"%04d" % number * 12
        began = time.perf_counter()
        wire.send(own, payload)
        wire.wait(lambda _topic, got, sent=payload: got == sent, 5)  # type: ignore[misc]
        found.append(time.perf_counter() - began)
    return found


def commits(path: Path, count: int) -> list[float]:
    """Seconds of one durable SQLite commit (WAL, FULL) of 200 octets."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE IF NOT EXISTS one (value BLOB)")
    found = []
    for _ in range(count):
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO one VALUES (?)", (bytes(200),))
        db.execute("COMMIT")
        found.append(time.perf_counter() - began)
    db.close()
    return found
