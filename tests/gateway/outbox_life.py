"""The gateway's durable memory in everyday work, for power cuts (`simulator.kept`): commands, answers, receipts, counters, settings."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.domain.moment import Moment
from gateway.domain.remote import Options
from gateway.ports import Stored
from gateway.store.outbox import SqliteStore
from gateway.store.overlay import OverlayFile
from simulator import kept

_DATABASE = "outbox.db"


class OutboxLife:
    """The outbox and the file of settings beside it."""

    def __init__(self, folder: Path, synchronous: str) -> None:
        self._path = folder / _DATABASE
        self._overlay = OverlayFile(folder)
        self._store = SqliteStore(self._path, 1, 0)
        self._store.open()
        if synchronous != "FULL":
            self._store._run(f"PRAGMA synchronous = {synchronous}")

    def perform(self, numbers: range, acknowledged: Callable[[int], None]) -> None:
        """Each step is a transaction of up to three doings, or one change from afar."""
        for number in numbers:
            dice = random.Random(number)
            if number % 10 == 0:
                overlay = self._overlay.read()
                options = Options(digest_s=float(dice.randint(60, 86_400)))
                self._overlay.keep(replace(overlay, version=overlay.version + 1, options=options))
            else:
                with self._store.transaction():
                    for _ in range(dice.randint(1, 3)):
                        self._do(dice, Moment(number, "boot", float(number)))
            acknowledged(number)

    def _do(self, dice: random.Random, at: Moment) -> None:
        store = self._store
        match dice.randrange(8):
            case 0 | 1:
                window = store.window()
                window.accept(window.top + dice.randint(1, 3))
                store.keep_window(window)
                id = f"command {dice.randint(1, 40)}"
                store.keep(Stored(id, "command", None, at, 60, dice.randbytes(dice.randint(60, 180))))
            case 2 | 3:
                for _ in range(dice.choice((1, 1, 2, 30))):
                    sequence = store.next_sequence()
                    store.keep(Stored(f"ack {sequence}", "answer", sequence, at, None, dice.randbytes(150)))
            case 4:
                messages = store.messages()
                store.forget([message.id for message in messages if dice.random() < 0.3])
            case 5:
                center = dice.randint(1, 20)
                memory = store.center(center)
                store.keep_center(center, memory._replace(counter=memory.counter + 1, nonce=dice.randbytes(8)))
            case 6:
                store.reserve_upward(store.upward_reserved() + 100)
            case 7:
                store.quarantine("topic", dice.randbytes(dice.choice((50, 50, 9000))), "reason", at.wall)

    def state(self) -> kept.State:
        """Its tables as another connection reads them, and what was changed from afar."""
        return {**kept.tables(self._path), "settings": [self._overlay.read()]}

    def close(self) -> None:
        """In order."""
        self._store.close()


if __name__ == "__main__":
    sys.exit(kept.main(OutboxLife, _DATABASE))
