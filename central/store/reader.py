"""Reading for the API: a read-only connection beside the writer. Rows come out as plain dicts, u64 ids as strings."""

from __future__ import annotations

import json
import sqlite3
from itertools import islice
from pathlib import Path
from typing import Any

from central.domain.reporting import delay_s
from central.store.database import connect, to_signed, to_unsigned
from protocol import codes, countersign
from protocol.gateway import speaker_name
from protocol.topics import center_name, gateway_name

_INCIDENT = 'id, municipality, "group", class, state, attention, opened, deadline'
_LIST_LIMIT = 200


class Reader:
    """Queries of the API; each answers with what is committed at that moment."""

    def __init__(self, path: Path) -> None:
        self._db: sqlite3.Connection = connect(path, read_only=True)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def incidents(self, municipality: int, *, open_only: bool = False, limit: int = 50) -> list[dict[str, Any]]:
        """The newest incidents first, with how many centers were commanded, accepted and sounded."""
        rows = self._db.execute(
            f"SELECT {_INCIDENT} FROM incident WHERE municipality = ? AND (? = 0 OR state <> 'closed')"
            " ORDER BY opened DESC LIMIT ?",
            (municipality, open_only, min(limit, _LIST_LIMIT)),
        ).fetchall()
        return [self._incident(row) for row in rows]

    def incident(self, municipality: int, incident: int) -> dict[str, Any] | None:
        """One incident with its alerts, commands, acks and timeline; None when there is none."""
        row = self._db.execute(
            f"SELECT {_INCIDENT} FROM incident WHERE municipality = ? AND id = ?", (municipality, to_signed(incident))
        ).fetchone()
        if row is None:
            return None
        key = (to_signed(incident),)
        alerts = self._db.execute(
            "SELECT id, source, reporter, lat, lon, accuracy_m, position_age_s, age_s, received, slot, low_assurance"
            " FROM alert"
            " WHERE incident = ? ORDER BY received",
            key,
        ).fetchall()
        commands = self._db.execute(
            "SELECT center, authority, counter, activation, action, state, issued, attempts FROM command"
            " WHERE incident = ? ORDER BY issued, center",
            key,
        ).fetchall()
        acks = self._db.execute(
            "SELECT center, sequence, status, received, octets FROM ack WHERE incident = ? ORDER BY received", key
        ).fetchall()
        return {
            **self._incident(row),
            "alerts": [{**dict(one), "low_assurance": bool(one["low_assurance"])} for one in alerts],
            "commands": [
                {**dict(one), "center": center_name(one["center"]), "outputs": _outputs(one["action"])}
                for one in commands
            ],
            "acks": [_ack(one) for one in acks],
            "timeline": self.entries_of(incident),
        }

    def entries_of(self, incident: int) -> list[dict[str, Any]]:
        """An incident's timeline in order."""
        rows = self._db.execute(
            "SELECT id, at, kind, actor, text FROM entry WHERE incident = ? ORDER BY id", (to_signed(incident),)
        )
        return [dict(row) for row in rows]

    def entries_after(self, municipality: int, last: int, limit: int = 200) -> list[dict[str, Any]]:
        """Timeline entries of a municipality behind number `last`, for the live feed."""
        rows = self._db.execute(
            "SELECT e.id, e.at, e.kind, e.actor, e.text, e.incident, i.class, i.state, i.attention FROM entry e"
            " JOIN incident i ON i.id = e.incident WHERE e.id > ? AND i.municipality = ? ORDER BY e.id LIMIT ?",
            (last, municipality, limit),
        )
        return [{**dict(row), "incident": str(to_unsigned(row["incident"]))} for row in rows]

    def last_entry(self) -> int:
        """The number of the newest timeline entry."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()[0])

    def alert(self, municipality: int, alert: str) -> dict[str, Any] | None:
        """What the reporter of an alert may see of it."""
        row = self._db.execute(
            "SELECT a.incident, a.received, a.plan, i.state FROM alert a JOIN incident i ON i.id = a.incident"
            " WHERE a.municipality = ? AND a.id = ?",
            (municipality, alert),
        ).fetchone()
        if row is None:
            return None
        incident = to_unsigned(row["incident"])
        return {
            "alert": alert,
            "incident": str(incident),
            "received_at": row["received"],
            "state": row["state"],
            "plan": json.loads(row["plan"]),
            **self._progress(row["incident"]),
        }

    def evidence(self, incident: int) -> list[tuple[int, int, bytes]]:
        """The countersigned acks of an incident as they came: (center, sequence, octets)."""
        rows = self._db.execute(
            "SELECT center, sequence, octets FROM ack WHERE incident = ? ORDER BY center, sequence",
            (to_signed(incident),),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def last_events(self) -> list[tuple[bytes, float]]:
        """The newest event of each kind of every center: the countersigned ack, and when it came."""
        rows = self._db.execute(
            "SELECT octets, max(received) FROM ack WHERE status BETWEEN 32 AND 127 GROUP BY center, status"
        )
        return [(bytes(row[0]), float(row[1])) for row in rows]

    def refusals(self, devices: set[str] | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """What was not believed lately, newest first; of some devices, or of all."""
        rows = self._db.execute("SELECT at, device, reason FROM refusal ORDER BY id DESC")
        mine = (dict(row) for row in rows if devices is None or row["device"] in devices)
        return list(islice(mine, limit))

    def credentials(self) -> dict[bytes, tuple[str, int, str]]:
        """Kind, municipality and name by the hash of the secret."""
        rows = self._db.execute("SELECT hash, kind, municipality, name FROM credential")
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def _incident(self, row: sqlite3.Row) -> dict[str, Any]:
        return {
            **dict(row),
            "id": str(to_unsigned(row["id"])),
            "attention": bool(row["attention"]),
            **self._progress(row["id"]),
        }

    def _progress(self, key: int) -> dict[str, int]:
        alerts = self._db.execute("SELECT count(*) FROM alert WHERE incident = ?", (key,)).fetchone()[0]
        states = [
            row[0]
            for row in self._db.execute(
                "SELECT state FROM command WHERE incident = ? AND state <> 'superseded' AND action <> 0", (key,)
            )
        ]
        return {
            "presses": alerts,
            "centers_commanded": len(states),
            "centers_answered": sum(state in ("accepted", "sounding", "done", "refused", "failed") for state in states),
            "centers_sounded": sum(state in ("sounding", "done") for state in states),
        }


def _outputs(action: int) -> str:
    return codes.output_names(action & 0x0F) if action & codes.ACTIVATE else "stop" if action == codes.STOP else "probe"


def _ack(row: sqlite3.Row) -> dict[str, Any]:
    """An ack for the API, with how it travelled from its gateway and for how long."""
    stamp = countersign.kept(row["octets"])
    return {
        "center": speaker_name(row["center"]),
        "sequence": row["sequence"],
        "gateway": gateway_name(stamp.gateway),
        "status": codes.status_name(row["status"]),
        "received": row["received"],
        "bearer": "sms" if stamp.bearer == codes.BEARER_SMS else "mqtt",
        "delay_s": delay_s(stamp, row["received"]),
        "countersigned": bool(stamp.signature),
    }
