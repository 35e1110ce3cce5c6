"""The repository inside one transaction: what flows may read and change. Made by the writer for each batch."""

from __future__ import annotations

from typing import Any

from central.domain.alert import Alert
from central.domain.command import CenterState, Incident, Order
from central.domain.incident import ACKNOWLEDGED, CLOSED, PENDING
from central.store.database import to_signed, to_unsigned
from central.store.releases import ReleaseRows
from central.store.remote import RemoteRows
from central.store.sms import SmsRows
from protocol.codes import CENTRAL, DRILL

_MAX_REFUSALS = 1000
_ORDER = (
    "c.center, n.gateway, c.authority, c.counter, c.incident, c.activation, c.class, c.action, c.duration, c.frame,"
    " c.state, c.issued, c.expires, c.attempts FROM command c JOIN center n ON n.number = c.center"
)
_INCIDENT = 'id, municipality, "group", class, state, attention, opened, deadline FROM incident'
_COUNTERS = {CENTRAL: "counter", DRILL: "counter_drill"}


class Unit(ReleaseRows, RemoteRows, SmsRows):
    """One unit of work; nothing it did counts before the writer's commit."""

    # Alerts and incidents

    def incident_of_alert(self, municipality: int, alert: str) -> tuple[int, str, float] | None:
        """The incident, the plan (JSON) and the time of an alert that is already saved."""
        row = self._one(
            "SELECT incident, plan, received FROM alert WHERE municipality = ? AND id = ?", municipality, alert
        )
        return (to_unsigned(row[0]), row[1], row[2]) if row else None

    def open_incident(self, municipality: int, group: int | None, class_name: str, since: float) -> Incident | None:
        """The newest open incident of a group and class that was opened after `since`."""
        row = self._one(
            f'SELECT {_INCIDENT} WHERE "group" IS ? AND class = ? AND municipality = ? AND opened > ? AND state <> ?'
            " ORDER BY opened DESC LIMIT 1",
            group,
            class_name,
            municipality,
            since,
            CLOSED,
        )
        return _incident(row) if row else None

    def incident(self, incident: int) -> Incident | None:
        """An incident by its id."""
        row = self._one(f"SELECT {_INCIDENT} WHERE id = ?", to_signed(incident))
        return _incident(row) if row else None

    def add_incident(self, incident: Incident) -> None:
        """Save a new incident."""
        self._db.execute(
            "INSERT INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                to_signed(incident.id),
                incident.municipality,
                incident.group,
                incident.class_name,
                incident.state,
                incident.attention,
                incident.opened,
                incident.deadline,
            ),
        )

    def add_alert(self, alert: Alert, incident: int, now: float, plan: str) -> None:
        """Save an alert with what was decided."""
        position = alert.position
        self._db.execute(
            "INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                alert.municipality,
                alert.id,
                to_signed(incident),
                alert.class_name,
                alert.source,
                alert.reporter,
                *((position.lat, position.lon, position.accuracy_m, position.age_s) if position else (None,) * 4),
                alert.age_s,
                now,
                plan,
                alert.slot,
                alert.low_assurance,
            ),
        )

    def set_incident_state(self, incident: int, state: str) -> None:
        """Move an incident; whether it may is the domain's word."""
        self._db.execute("UPDATE incident SET state = ? WHERE id = ?", (state, to_signed(incident)))

    def set_attention(self, incident: int) -> None:
        """Mark that an incident's deadline passed."""
        self._db.execute("UPDATE incident SET attention = 1 WHERE id = ?", (to_signed(incident),))

    def overdue(self, now: float) -> list[Incident]:
        """Incidents that no person has, whose deadline passed without one being told."""
        rows = self._db.execute(
            f"SELECT {_INCIDENT} WHERE state NOT IN (?, ?) AND attention = 0 AND deadline <= ?",
            (CLOSED, ACKNOWLEDGED, now),
        )
        return [_incident(row) for row in rows]

    def add_entry(self, incident: int, at: float, kind: str, actor: str, text: str) -> int:
        """Append to an incident's timeline; the number is the place in the live feed."""
        done = self._db.execute(
            "INSERT INTO entry (incident, at, kind, actor, text) VALUES (?, ?, ?, ?, ?)",
            (to_signed(incident), at, kind, actor, text),
        )
        return int(done.lastrowid or 0)

    # Centers and commands

    def center(self, number: int) -> CenterState | None:
        """A center's row."""
        row = self._one(
            'SELECT number, "group", gateway, epoch, boot, nonce, counter, counter_drill FROM center WHERE number = ?',
            number,
        )
        return CenterState(*row) if row else None

    def take_counter(self, center: int, authority: int) -> int:
        """The next counter of an authority over a center; it is used from here on."""
        column = _COUNTERS[authority]
        row = self._one(f"UPDATE center SET {column} = {column} + 1 WHERE number = ? RETURNING {column}", center)
        if row is None:
            raise KeyError(center)
        return int(row[0])

    def skip_counters(self, center: int, authority: int, by: int) -> None:
        """Leave out so many counters of an authority over a center."""
        column = _COUNTERS[authority]
        self._db.execute(f"UPDATE center SET {column} = {column} + ? WHERE number = ?", (by, center))

    def greeted(self, center: int, boot: int, nonce: bytes, counter: int, counter_drill: int) -> None:
        """Keep what a believed hello told; counters only ever rise."""
        self._db.execute(
            "UPDATE center SET boot = ?, nonce = ?, counter = max(counter, ?), counter_drill = max(counter_drill, ?)"
            " WHERE number = ?",
            (boot, nonce, counter, counter_drill, center),
        )

    def add_order(self, order: Order, next_at: float | None) -> None:
        """Save an order and when it is sent again."""
        self._db.execute(
            "INSERT INTO command VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
            (
                order.center,
                order.authority,
                order.counter,
                to_signed(order.incident),
                order.activation,
                order.class_code,
                order.action,
                order.duration_s,
                order.frame,
                order.state,
                order.issued,
                order.expires,
                next_at,
                order.attempts,
            ),
        )

    def order(self, center: int, authority: int, counter: int) -> Order | None:
        """The order that an ack answers."""
        row = self._one(
            f"SELECT {_ORDER} WHERE c.center = ? AND c.authority = ? AND c.counter = ?",
            center,
            authority,
            counter,
        )
        return _order(row) if row else None

    def set_order_state(self, order: Order, state: str, next_at: float | None = None) -> None:
        """Move an order; with no `next_at` it is never sent again."""
        self._db.execute(
            "UPDATE command SET state = ?, next_at = ? WHERE center = ? AND authority = ? AND counter = ?",
            (state, next_at, order.center, order.authority, order.counter),
        )

    def sent_again(self, order: Order, next_at: float) -> None:
        """Count one more sending of an order."""
        self._db.execute(
            "UPDATE command SET attempts = attempts + 1, next_at = ? WHERE center = ? AND authority = ? AND counter = ?",
            (next_at, order.center, order.authority, order.counter),
        )

    def due(self, now: float, limit: int) -> list[Order]:
        """Orders whose time to be sent again, or to expire, has come."""
        rows = self._db.execute(f"SELECT {_ORDER} WHERE c.next_at <= ? ORDER BY c.next_at LIMIT ?", (now, limit))
        return [_order(row) for row in rows]

    def hurry(self, now: float) -> None:
        """Make every sealed order that nobody answered due now."""
        self._db.execute(
            "UPDATE command SET next_at = ? WHERE next_at > ? AND state = ? AND length(frame) > 0", (now, now, PENDING)
        )

    def outstanding(self, center: int) -> list[Order]:
        """Orders that a center has not answered yet, oldest first."""
        rows = self._db.execute(
            f"SELECT {_ORDER} WHERE c.center = ? AND c.state = ? ORDER BY c.counter",
            (center, PENDING),
        )
        return [_order(row) for row in rows]

    def orders_of(self, incident: int) -> list[Order]:
        """All orders of an incident."""
        rows = self._db.execute(f"SELECT {_ORDER} WHERE c.incident = ? ORDER BY c.issued", (to_signed(incident),))
        return [_order(row) for row in rows]

    # Gateways

    def take_hop(self, gateway: int) -> int:
        """The next envelope sequence towards a gateway."""
        row = self._one("UPDATE gateway SET hop_down = hop_down + 1 WHERE number = ? RETURNING hop_down", gateway)
        if row is None:
            raise KeyError(gateway)
        return int(row[0])

    def raise_hops(self, floor: int) -> None:
        """Go on above `floor` with every gateway's envelopes, where they are not above it already."""
        self._db.execute("UPDATE gateway SET hop_down = max(hop_down, ?)", (floor,))

    def receipt(self, gateway: int) -> tuple[int, int]:
        """Up to where, and which beyond, a gateway's outbox is stored here."""
        row = self._one("SELECT upto, beyond FROM gateway WHERE number = ?", gateway)
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def set_receipt(self, gateway: int, upto: int, beyond: int) -> None:
        """Keep a receipt."""
        self._db.execute("UPDATE gateway SET upto = ?, beyond = ? WHERE number = ?", (upto, beyond, gateway))

    def add_ack(
        self, center: int, sequence: int, gateway: int, incident: int, status: int, now: float, octets: bytes
    ) -> bool:
        """Keep an ack as evidence; False when it is already there."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO ack VALUES (?, ?, ?, ?, ?, ?, ?)",
            (center, sequence, gateway, to_signed(incident), status, now, octets),
        )
        return done.rowcount == 1

    def ack(self, center: int, sequence: int) -> bytes:
        """The octets of an ack that is kept; raises KeyError."""
        row = self._one("SELECT octets FROM ack WHERE center = ? AND sequence = ?", center, sequence)
        if row is None:
            raise KeyError(sequence)
        return bytes(row[0])

    def file_ack(self, center: int, sequence: int, incident: int) -> None:
        """Keep an ack with the incident it belongs to, where its center named it by an id of its own."""
        self._db.execute(
            "UPDATE ack SET incident = ? WHERE center = ? AND sequence = ?", (to_signed(incident), center, sequence)
        )

    def refuse(self, now: float, device: str, reason: str, octets: bytes) -> None:
        """Keep what was not believed, the newest thousand."""
        self._db.execute(
            "INSERT INTO refusal (at, device, reason, octets) VALUES (?, ?, ?, ?)", (now, device, reason, octets)
        )
        self._db.execute("DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?", (_MAX_REFUSALS,))

    def _one(self, query: str, *values: Any) -> Any:
        return self._db.execute(query, values).fetchone()


def _incident(row: Any) -> Incident:
    return Incident(to_unsigned(row[0]), row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7])


def _order(row: Any) -> Order:
    values = list(row)
    values[4] = to_unsigned(values[4])
    return Order(*values)
