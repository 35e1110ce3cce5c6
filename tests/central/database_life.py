"""Central's database in everyday work, for power cuts (`simulator.kept`): alerts with their orders, acks with receipts, envelopes."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from central.domain.alert import Alert
from central.domain.command import Incident, Order
from central.domain.incident import ACCEPTED, OPEN, PENDING, SOUNDING
from central.store.unit import Unit
from central.store.writer import Writer
from protocol.codes import CENTRAL
from simulator import kept

_DATABASE = "central.db"
_CENTERS = range(1, 9)


class DatabaseLife:
    """The one writer, with several units that wait for it at once."""

    def __init__(self, folder: Path, synchronous: str) -> None:
        self._path = folder / _DATABASE
        self._loop = asyncio.new_event_loop()
        self._writer = Writer(self._path) if synchronous == "FULL" else _Weakened(self._path, synchronous)
        self._writer.start()

    def perform(self, numbers: range, acknowledged: Callable[[int], None]) -> None:
        """Each step is a unit; its caller hears of it after the commit that may hold its neighbours too."""

        async def together() -> None:
            units = [asyncio.ensure_future(self._writer.write(partial(_step, number))) for number in numbers]
            for number, unit in zip(numbers, units, strict=True):
                await unit
                acknowledged(number)

        self._loop.run_until_complete(together())

    def state(self) -> kept.State:
        """Its tables as another connection reads them."""
        return kept.tables(self._path)

    def close(self) -> None:
        """In order."""
        self._writer.stop()
        self._loop.close()


class _Weakened(Writer):
    def __init__(self, path: Path, synchronous: str) -> None:
        super().__init__(path)
        self._synchronous = synchronous

    def _run(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        super()._run(connection)


def _step(number: int, unit: Unit) -> None:
    dice = random.Random(number)
    if number == 1:
        _enrol(unit._db)
    elif number % 3 == 0:
        _alert(unit, number, dice)
    elif number % 3 == 1:
        _ack(unit, number, dice)
    else:
        unit.take_hop(1)
        unit.refuse(float(number), "G000001", "not for me", dice.randbytes(dice.choice((50, 6000))))


def _enrol(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO municipality VALUES (1, 'Godoy Cruz')")
    db.execute("""INSERT INTO "group" VALUES (1, 1, 'Villa Marini', '[]')""")
    db.execute("INSERT INTO gateway (number, municipality, root, sign_key, sequence_epoch) VALUES (1, 1, x'', x'', 1)")
    for center in _CENTERS:
        db.execute(
            """INSERT INTO center (number, "group", gateway, lat, lon, root) VALUES (?, 1, 1, 0, 0, x'')""", (center,)
        )


def _alert(unit: Unit, number: int, dice: random.Random) -> None:
    now = float(number)
    unit.add_incident(Incident(number, 1, 1, "fire", OPEN, False, now, now + 60))
    unit.add_alert(Alert(f"alert {number}", 1, "fire", "app", group=1), number, now, "{}")
    unit.add_entry(number, now, "opened", "app", "an alert came")
    for center in dice.sample(_CENTERS, 4):
        counter = unit.take_counter(center, CENTRAL)
        frame = dice.randbytes(80)
        order = Order(center, 1, CENTRAL, counter, number, 1, 1, 1, 120, frame, PENDING, now, now + 120)
        unit.add_order(order, now + 3)


def _ack(unit: Unit, number: int, dice: random.Random) -> None:
    for order in unit.outstanding(dice.choice(_CENTERS)):
        unit.set_order_state(order, ACCEPTED)
        unit.add_ack(
            order.center, number * 1000 + order.counter, 1, order.incident, 1, float(number), dice.randbytes(150)
        )
        unit.set_incident_state(order.incident, SOUNDING)
        unit.add_entry(order.incident, float(number), "sounding", f"C{order.center:06}", "it sounds")
    unit.set_receipt(1, number, dice.getrandbits(32))


if __name__ == "__main__":
    sys.exit(kept.main(DatabaseLife, _DATABASE))
