"""The gateway's state in a small file that `run` posts and `status` reads, and the words for a technician.

The file is written atomically and never synced to the card: it may be lost, and it must cost nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gateway.errors import CannotRun

FILE = "status.json"
# `run` posts every five seconds; a state older than this is nobody's.
STALE_S = 30


class StatusFile:
    """Posts the state in the state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.latest: dict[str, Any] | None = None

    def post(self, document: dict[str, Any]) -> None:
        """Replace the file; a full disk is told by the store, not by this."""
        self.latest = document
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps({**document, "pid": os.getpid()}))
            fresh.replace(self._path)
        except OSError:
            return

    def remove(self) -> None:
        """At an orderly end there is no state."""
        self._path.unlink(missing_ok=True)


def read(folder: Path, now: int) -> dict[str, Any]:
    """The state that `run` posted last; raises CannotRun when there is none or it is old."""
    path = folder / FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        age_s = now - int(document["written_at"])
    except FileNotFoundError as error:
        raise CannotRun(f"sereno-gateway is not running ({path} is not there); start it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} cannot be read; is sereno-gateway running, and are you its user?") from error
    if abs(age_s) > STALE_S:
        raise CannotRun(f"sereno-gateway does not run: its last state is {age_s} s old; see its log")
    return document


# What a technician does about each fault; the reason that stands beside it says what happened.
ADVICE = {
    "uplink": "sirens sound without central; mend the line, or the address and certificate that the reason names",
    "local": "no center can be reached: systemctl status sereno-local-broker, then its log",
    "serial": "its centers cannot be reached: see that the adapter is plugged in and named as in [serial] device",
    "store": "look at the card (full, read-only, worn out): df -h, then dmesg; alarms pass, their acks wait at the centers",
    "outbox": "central has not confirmed for long; mend the uplink, nothing is lost meanwhile",
    "held": "follows from the fault of store or outbox; mend that one",
    "clock": "set up time synchronisation, and see that it reaches a server: timedatectl",
    "metrics": "choose a free port in [metrics] listen and restart; alarms do not depend on it",
}


def summary(document: dict[str, Any]) -> str:
    """The state in one line."""
    connected = [f"{side} {'up' if document[side]['connected'] else 'DOWN'}" for side in ("uplink", "local")]
    up = sum(1 for entry in document["centers"].values() if entry["presence"] == "up")
    faults = ", ".join(document["faults"]) or "none"
    counts = f"centers {up}/{len(document['centers'])}, waiting {document['outbox']['waiting']}, faults: {faults}"
    return ", ".join([*connected, counts])


def _modem(sms: dict[str, Any] | None) -> list[str]:
    if sms is None:
        return []
    signal = "signal unknown" if sms["signal_dbm"] is None else f"{sms['signal_dbm']} dBm"
    trouble = f"; {sms['trouble']}" if sms["trouble"] else ""
    return [
        f"modem    {'ready' if sms['ready'] else 'NOT ready'}, {sms['operator'] or 'no operator'}, {signal}{trouble}"
    ]


def lines(document: dict[str, Any]) -> list[str]:
    """The state in lines for a person."""
    uplink, local, outbox, clock = (document[key] for key in ("uplink", "local", "outbox", "clock"))
    heard = uplink["central_heard_s"]
    said = "central not heard yet" if heard is None else f"central heard {heard} s ago"
    oldest = "" if outbox["oldest_s"] is None else f", the oldest for {outbox['oldest_s']} s"
    believed = "synchronised" if clock["trusted"] else "not synchronised" if clock["sane"] else "impossible"
    centers = document["centers"]
    up = sum(1 for entry in centers.values() if entry["presence"] == "up")
    proven = "" if uplink["proven"] else ", NOT proven"
    linked = f"connected{proven}" if uplink["connected"] else "NOT connected"
    result = [
        f"uplink   {linked}, {said}",
        f"local    {'connected' if local['connected'] else 'NOT connected'}",
        f"centers  {up} of {len(centers)} present",
        f"outbox   {outbox['waiting']} acks wait for central's receipt{oldest}",
        f"commands {document['commands_waiting']} wait for a center's answer",
        *_modem(document["sms"]),
        f"clock    {believed}" + ("" if clock["trusted"] else "; centers alone judge what is too late: timedatectl"),
    ]
    for number, entry in centers.items():
        if entry["presence"] != "up":
            silent = entry["silent_s"]
            since = "never heard" if silent is None else f"silent for {silent} s"
            result.append(f"  C{int(number):06d} {entry['presence']}, {since}")
    for name, reason in document["faults"].items():
        result += [f"FAULT {name}: {reason}", f"  do: {ADVICE.get(name, 'see the log')}"]
    refused = sum(document["refused"].values())
    if refused:
        most = max(document["refused"], key=document["refused"].__getitem__)
        result.append(f"refused  {refused} messages since the start, most often ({most})")
    return result
