"""What is known of gateways and centers now: who is up, since when, the last heartbeat. In memory; nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from protocol import codes
from protocol.topics import center_name, gateway_name


@dataclass
class CenterStatus:
    """A center as last heard of; `heard` in Unix seconds, battery in millivolts."""

    up: bool = False
    heard: float = 0.0
    battery_mv: int = 0
    flags: int = 0
    outputs: int = 0
    uptime_s: int = 0
    sequence: int = 0
    report_sequence: int = 0
    event: str = ""
    event_at: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)


# Two digests of a gateway with shipped settings: one may be late, two are not.
SILENT_AFTER_S = 600.0


class Fleet:
    """Statuses by number; `since` is when this process began to listen, Unix seconds."""

    def __init__(self, since: float = 0.0) -> None:
        self._since = since
        self.centers: dict[int, CenterStatus] = {}
        self.gateways: dict[int, float] = {}

    def status(self, center: int) -> CenterStatus:
        """The status of a center, an empty one when it was never heard."""
        return self.centers.setdefault(center, CenterStatus())

    def heard(self, gateway: int, now: float) -> None:
        """A sealed message of a gateway came."""
        self.gateways[gateway] = now

    def greeted(self, center: int, now: float) -> None:
        """A believed hello of a center came."""
        status = self.status(center)
        status.up, status.heard = True, now

    def beat(self, beat: Any, age_s: int, now: float) -> None:
        """A verified heartbeat, `age_s` old."""
        status = self.status(beat.center)
        # An old heartbeat, shown again, must not make a dead center look alive.
        if beat.sequence <= status.sequence or now - age_s < status.heard:
            return
        status.sequence = beat.sequence
        status.up, status.heard = True, now - age_s
        status.battery_mv, status.flags = beat.battery, beat.flags
        status.outputs, status.uptime_s = beat.outputs, beat.uptime

    def reported(self, report: Any) -> None:
        """A verified report; one shown again, or overtaken, says nothing."""
        status = self.status(report.center)
        if report.sequence > status.report_sequence:
            status.report_sequence, status.report = report.sequence, report.body

    def event(self, ack: Any, now: float) -> None:
        """What a center told without being asked: mains lost, cabinet opened, a button."""
        status = self.status(ack.center)
        status.event, status.event_at = codes.status_name(ack.status), now - ack.age

    def describe_gateway(self, gateway: int, now: float) -> dict[str, Any]:
        """A gateway for the API; one that says nothing any more is silent, whatever its centers said before."""
        heard = self.gateways.get(gateway)
        return {
            "gateway": gateway_name(gateway),
            "heard_s_ago": round(now - heard, 1) if heard else None,
            "silent": now - max(heard or 0.0, self._since) > SILENT_AFTER_S,
        }

    def describe(self, center: int, now: float) -> dict[str, Any]:
        """A center for the API."""
        status = self.status(center)
        return {
            "center": center_name(center),
            "up": status.up,
            "heard_s_ago": round(now - status.heard, 1) if status.heard else None,
            "battery_mv": status.battery_mv or None,
            "mains": bool(status.flags & codes.BEAT_MAINS) if status.battery_mv else None,
            "outputs": codes.output_names(status.outputs),
            "event": status.event or None,
            "event_s_ago": round(now - status.event_at, 1) if status.event else None,
            "report": status.report,
        }
