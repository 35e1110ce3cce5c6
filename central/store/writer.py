"""The one writer: all units of work that wait are committed together, then their callers hear of it.

A unit is a function of a `Unit` (the repository inside the transaction). Each runs in a savepoint of its own, so one
that fails takes nothing with it. With one fsync for all that wait, throughput does not hang on the disk's latency.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from central.domain.errors import StoreUnavailable
from central.store.database import connect, migrate
from central.store.unit import Unit

T = TypeVar("T")
Work = Callable[[Unit], Any]
_Waiting = tuple[Work, "asyncio.Future[Any]"]
_Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_BATCH = 512


class Writer:
    """Owns the writing connection, in a thread of its own. All callers share one event loop; it hears `committed` after each batch."""

    def __init__(self, path: Path, committed: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._committed = committed
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open, migrate, begin; raises StoreUnavailable."""
        connection = connect(self._path)
        migrate(connection)
        self._thread = threading.Thread(target=self._run, args=(connection,), name="writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then close."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    async def write(self, work: Callable[[Unit], T]) -> T:
        """The unit's result, once it is committed; raises what the unit raised, or StoreUnavailable."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((work, future))
        return await future

    def _run(self, connection: sqlite3.Connection) -> None:
        ended = False
        while not ended:
            batch: list[_Waiting] = []
            waiting = self._queue.get()
            while True:
                if waiting is None:
                    ended = True
                    break
                batch.append(waiting)
                if len(batch) >= MAX_BATCH:
                    break
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                outcomes = _commit(connection, batch)
                self._tell(outcomes)
        connection.close()

    def _tell(self, outcomes: list[_Outcome]) -> None:
        """Once a batch, not once a unit: waking the loop from a thread is what costs."""
        loop = outcomes[0][0].get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._resolve, outcomes)

    def _resolve(self, outcomes: list[_Outcome]) -> None:
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        self._committed()


def _commit(connection: sqlite3.Connection, batch: list[_Waiting]) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        unit = Unit(connection)
        for work, future in batch:
            connection.execute("SAVEPOINT unit")
            try:
                outcomes.append((future, work(unit), None))
            except sqlite3.OperationalError:
                raise
            except Exception as error:
                connection.execute("ROLLBACK TO unit")
                outcomes.append((future, None, error))
            connection.execute("RELEASE unit")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        # Disk full, read-only, I/O error: nothing of the whole batch is there, and everybody hears it.
        if connection.in_transaction:
            # Should even this fail, the next BEGIN fails too and says so; the thread must live.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        failure = StoreUnavailable(f"the database did not take it: {error}")
        return [(future, None, failure) for _, future in batch]
    return outcomes
