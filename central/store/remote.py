"""Rows of what gateways are told to run with and of what they say of themselves. Part of the unit of work."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from central.domain.remote import Wish, known_version


class RemoteRows:
    """Queries inside the caller's transaction."""

    _db: sqlite3.Connection

    def wish(self, gateway: int, options: dict[str, Any], now: float) -> int:
        """Want this of a gateway from now on; the version, above every one before and above what the gateway knows."""
        before = self._db.execute("SELECT version FROM gateway_wish WHERE gateway = ?", (gateway,)).fetchone()
        version = max(int(now), (before[0] if before else 0) + 1, known_version(self.status_of(gateway)) + 1)
        self._db.execute(
            "INSERT OR REPLACE INTO gateway_wish (gateway, version, options, made) VALUES (?, ?, ?, ?)",
            (gateway, version, json.dumps(options), now),
        )
        return version

    def wishes(self) -> list[Wish]:
        """Those that their gateways do not know yet."""
        rows = self._db.execute(
            "SELECT gateway, version, options, made, sms_at, sms_tries FROM gateway_wish WHERE told = 0 ORDER BY gateway"
        )
        return [Wish(*row) for row in rows]

    def wish_sent(self, wish: Wish, now: float) -> None:
        """Count one sending by SMS."""
        self._db.execute(
            "UPDATE gateway_wish SET sms_at = ?, sms_tries = sms_tries + 1 WHERE gateway = ? AND version = ?",
            (now, wish.gateway, wish.version),
        )

    def keep_status(self, gateway: int, document: dict[str, Any], now: float) -> None:
        """What a gateway says; what it leaves out (by SMS) stands as it said it before. Its version ends the sending of it."""
        whole = json.dumps({**self.status_of(gateway), **document})
        self._db.execute("INSERT OR REPLACE INTO gateway_status VALUES (?, ?, ?)", (gateway, now, whole))
        self._db.execute(
            "UPDATE gateway_wish SET told = 1 WHERE gateway = ? AND version = ?", (gateway, known_version(document))
        )

    def status_of(self, gateway: int) -> dict[str, Any]:
        """What a gateway said last; empty before the first word."""
        row = self._db.execute("SELECT document FROM gateway_status WHERE gateway = ?", (gateway,)).fetchone()
        found: dict[str, Any] = json.loads(row[0]) if row else {}
        return found

    def gateways(self) -> list[tuple[int, float | None, dict[str, Any], int | None, str]]:
        """Every gateway: number, when its status came, the status, the version that is wanted of it, the options of that."""
        rows = self._db.execute(
            "SELECT g.number, s.at, s.document, w.version, w.options FROM gateway g"
            " LEFT JOIN gateway_status s ON s.gateway = g.number LEFT JOIN gateway_wish w ON w.gateway = g.number"
            " ORDER BY g.number"
        )
        return [(row[0], row[1], json.loads(row[2] or "{}"), row[3], row[4] or "{}") for row in rows]
