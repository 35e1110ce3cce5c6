"""Rows of releases, of whom they are meant for, and of what centers report of their programs. Part of the repository."""

from __future__ import annotations

import sqlite3
from typing import Any

from central.domain.release import Offer, Program, Release

_RELEASE = "r.sequence, r.board, r.version, r.size, r.digest, r.minimum_from, r.expiry, r.manifest"
_PROGRAM = "at, report, board, version, running, pending, percent, state, error"
# Whether a target `t` holds a center of this number and group.
_HOLDS = (
    "(t.scope = 'all' OR (t.scope = 'group' AND t.number = {group}) OR (t.scope = 'center' AND t.number = {number}))"
)


class ReleaseRows:
    """Queries inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    # Releases

    def releases(self) -> list[Release]:
        """All releases, the oldest first."""
        rows = self._db.execute(f"SELECT {_RELEASE} FROM release r ORDER BY r.sequence, r.board")
        return [Release(*row) for row in rows]

    def add_release(self, release: Release, now: float) -> None:
        """Keep a verified release."""
        self._db.execute(
            "INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                release.sequence,
                release.board,
                release.version,
                release.size,
                release.digest,
                release.minimum_from,
                release.expiry,
                release.manifest,
                now,
            ),
        )

    def renew_release(self, release: Release) -> None:
        """The same image under a newer signature: another expiry, another lowest sequence."""
        self._db.execute(
            "UPDATE release SET version = ?, minimum_from = ?, expiry = ?, manifest = ? WHERE sequence = ? AND board = ?",
            (
                release.version,
                release.minimum_from,
                release.expiry,
                release.manifest,
                release.sequence,
                release.board,
            ),
        )

    # Targets

    def targets(self, sequence: int) -> list[tuple[str, int]]:
        """Whom a release is meant for: scope and number."""
        rows = self._db.execute(
            "SELECT scope, number FROM release_target WHERE sequence = ? ORDER BY scope, number", (sequence,)
        )
        return [(row[0], row[1]) for row in rows]

    def offer(self, sequence: int, scope: str, number: int, now: float) -> None:
        """A release is meant for all, for a group, or for a center; said again it is offered again."""
        self._db.execute(
            "INSERT INTO release_target VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET made = excluded.made",
            (sequence, scope, number, now),
        )

    def withdraw(self, sequence: int) -> int:
        """A release is meant for nobody any more; how many rows that were."""
        return self._db.execute("DELETE FROM release_target WHERE sequence = ?", (sequence,)).rowcount

    def offers_state(self) -> tuple[int, float]:
        """Differs after every offer and withdrawal."""
        row = self._db.execute("SELECT count(*), total(made) FROM release_target").fetchone()
        return int(row[0]), float(row[1])

    def offered_centers(self) -> list[int]:
        """The centers that some release is meant for and that said hello, by number."""
        holds = _HOLDS.format(group='c."group"', number="c.number")
        rows = self._db.execute(
            f"SELECT c.number FROM center c WHERE c.nonce IS NOT NULL"
            f" AND EXISTS (SELECT 1 FROM release_target t WHERE {holds}) ORDER BY c.number"
        )
        return [int(row[0]) for row in rows]

    def offers_of(self, center: int, group: int) -> list[Offer]:
        """The releases that are meant for a center, for whatever board."""
        holds = _HOLDS.format(group="?", number="?")
        rows = self._db.execute(
            f"SELECT {_RELEASE}, max(t.made) FROM release r JOIN release_target t ON t.sequence = r.sequence"
            f" WHERE {holds} GROUP BY r.sequence, r.board ORDER BY r.sequence, r.board",
            (group, center),
        )
        return [Offer(Release(*row[:8]), float(row[8])) for row in rows]

    def offered(self, image: int) -> Release | None:
        """The release whose image has this name (the first 8 octets of its digest), while it is meant for anybody."""
        row = self._db.execute(
            f"SELECT {_RELEASE} FROM release r WHERE substr(r.digest, 1, 8) = ?"
            " AND EXISTS (SELECT 1 FROM release_target t WHERE t.sequence = r.sequence)",
            (image.to_bytes(8, "big"),),
        ).fetchone()
        return Release(*row) if row else None

    # Reports

    def program(self, center: int) -> Program | None:
        """What a center's newest report says of its program."""
        row = self._db.execute(f"SELECT {_PROGRAM} FROM program WHERE center = ?", (center,)).fetchone()
        return _program(row) if row else None

    def keep_program(self, center: int, program: Program) -> None:
        """Keep what a report says, unless a newer one is there."""
        self._db.execute(
            "INSERT INTO program VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at,"
            " report = excluded.report, board = excluded.board, version = excluded.version, running = excluded.running,"
            " pending = excluded.pending, percent = excluded.percent, state = excluded.state, error = excluded.error"
            " WHERE excluded.report > report",
            (
                center,
                program.at,
                program.sequence,
                program.board,
                program.version,
                program.running,
                program.update,
                program.percent,
                program.state,
                program.error,
            ),
        )


def _program(row: Any) -> Program:
    return Program(*row)
