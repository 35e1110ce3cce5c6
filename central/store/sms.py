"""What goes by SMS: numbers, what waits for an answer, group stops, envelopes that overtake one another. Part of the unit of work."""

from __future__ import annotations

import sqlite3

from central.domain.bearer import Unanswered, UnprovenStop
from central.domain.incident import ACCEPTED, DONE, PENDING, SUPERSEDED
from central.store.database import to_signed, to_unsigned
from protocol import codes

_LIMIT = 2000
# SQLite's integers are signed.
_WINDOW = 62


class SmsRows:
    """Queries of the second bearer."""

    _db: sqlite3.Connection

    def sms_numbers(self) -> dict[int, str]:
        """The number of each gateway that has one."""
        return dict(self._db.execute("SELECT number, sms_number FROM gateway WHERE sms_number IS NOT NULL").fetchall())

    def unanswered(self, now: float) -> list[Unanswered]:
        """Sealed commands that nobody answered, for gateways with a number, never sent by SMS first. Stops go as group stops."""
        rows = self._db.execute(
            "SELECT n.gateway, c.center, c.authority, c.counter, c.incident, c.action, c.frame, c.issued, c.sms_at, c.sms_tries"
            " FROM command c JOIN center n ON n.number = c.center JOIN gateway g ON g.number = n.gateway"
            " WHERE c.next_at IS NOT NULL AND c.state = ? AND c.expires > ? AND length(c.frame) > 0 AND c.action <> ?"
            " AND g.sms_number IS NOT NULL ORDER BY c.sms_tries, c.issued LIMIT ?",
            (PENDING, now, codes.STOP, _LIMIT),
        )
        return [
            Unanswered(row[0], row[1], row[2], row[3], to_unsigned(row[4]), bool(row[5] & codes.LOUD), *row[6:])
            for row in rows
        ]

    def sent_by_sms(self, center: int, authority: int, counter: int, now: float) -> None:
        """Count one sending of a command by SMS."""
        self._db.execute(
            "UPDATE command SET sms_at = ?, sms_tries = sms_tries + 1 WHERE center = ? AND authority = ? AND counter = ?",
            (now, center, authority, counter),
        )

    def add_group_stop(self, incident: int, gateway: int, group: int, now: float, expires: float) -> None:
        """A stop for one group of a gateway, under a number that no stop ever had; one before for the same incident is over."""
        self._db.execute(
            'UPDATE group_stop SET ended = 1 WHERE gateway = ? AND "group" = ? AND incident = ?',
            (gateway, group, to_signed(incident)),
        )
        self._db.execute(
            'INSERT INTO group_stop (number, gateway, "group", incident, issued, expires)'
            " SELECT max(coalesce(max(number) + 1, 0), ?), ?, ?, ?, ?, ? FROM group_stop",
            (int(now), gateway, group, to_signed(incident), now, expires),
        )

    def unproven_stops(self, now: float) -> list[UnprovenStop]:
        """Group stops with a center that has not answered its own stop, for gateways with a number.

        None that something newer has followed in its group: a stop that comes late must not silence the next alert.
        """
        rows = self._db.execute(
            'SELECT s.number, s.gateway, s."group", s.incident, s.issued, s.sms_at, s.sms_tries'
            " FROM group_stop s JOIN gateway g ON g.number = s.gateway"
            " WHERE s.ended = 0 AND s.expires > ? AND g.sms_number IS NOT NULL"
            " AND EXISTS (SELECT 1 FROM command c JOIN center n ON n.number = c.center WHERE c.incident = s.incident"
            '  AND n.gateway = s.gateway AND n."group" = s."group" AND c.action = ? AND c.state NOT IN (?, ?, ?))'
            " AND NOT EXISTS (SELECT 1 FROM command c JOIN center n ON n.number = c.center WHERE n.gateway = s.gateway"
            '  AND n."group" = s."group" AND c.action & ? AND c.issued > s.issued)'
            " ORDER BY s.number",
            (now, codes.STOP, ACCEPTED, DONE, SUPERSEDED, codes.ACTIVATE),
        )
        return [UnprovenStop(row[0], row[1], row[2], to_unsigned(row[3]), *row[4:]) for row in rows]

    def stop_sent(self, number: int, now: float) -> None:
        """Count one sending of a group stop."""
        self._db.execute("UPDATE group_stop SET sms_at = ?, sms_tries = sms_tries + 1 WHERE number = ?", (now, number))

    def end_group_stops(self, gateway: int, incident: int) -> None:
        """The gateway said what became of its stops of an incident."""
        self._db.execute(
            "UPDATE group_stop SET ended = 1 WHERE gateway = ? AND incident = ?", (gateway, to_signed(incident))
        )

    def rise_hop_up(self, gateway: int, sequence: int, ordered: bool = True) -> bool:
        """Note the sequence of an envelope from a gateway; False for one that came before.

        By SMS they overtake one another, and those of MQTT: one of the 62 before the highest is taken too, once. What comes
        `ordered`, by MQTT, must be above everything that came so.
        """
        query = "SELECT hop_up, hop_seen, hop_ordered FROM gateway WHERE number = ?"
        row = self._db.execute(query, (gateway,)).fetchone()
        if row is None or (ordered and sequence <= row[2]):
            return False
        top, seen, highest = row
        ahead = sequence - top
        if ahead > 0:
            top, seen = sequence, (seen << 1 | 1) << ahead - 1 if ahead <= _WINDOW else 0
        elif not 0 < -ahead <= _WINDOW or seen >> -ahead - 1 & 1:
            return False
        else:
            seen |= 1 << -ahead - 1
        self._db.execute(
            "UPDATE gateway SET hop_up = ?, hop_seen = ?, hop_ordered = ? WHERE number = ?",
            (top, seen & (1 << _WINDOW) - 1, sequence if ordered else highest, gateway),
        )
        return True
