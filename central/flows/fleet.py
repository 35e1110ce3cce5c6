"""What is known of gateways and centers now: who is up, since when, the last heartbeat. In memory; nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from central.domain.reporting import MAX_AGE_S
from protocol import codes
from protocol.gateway import gateway_of
from protocol.topics import center_name, gateway_name


@dataclass(frozen=True)
class News:
    """An event: when it happened (Unix seconds), whether it may be longer ago than the wire can say, and a fob's slot."""

    at: float
    at_least: bool
    slot: int | None

    def describe(self, status: int, now: float) -> dict[str, Any]:
        """It in the API's words."""
        told: dict[str, Any] = {"event": codes.status_name(status), "s_ago": round(now - self.at, 1)}
        if self.at_least:
            told["at_least"] = True
        return told if self.slot is None else {**told, "slot": self.slot}


@dataclass
class CenterStatus:
    """A center as last heard of; `heard` in Unix seconds, battery in millivolts."""

    up: bool = False
    heard: float = 0.0
    battery_mv: int = 0
    flags: int = 0
    outputs: int = 0
    uptime_s: int = 0
    # When the last heartbeat was measured.
    measured: float = 0.0
    sequence: int = 0
    report_sequence: int = 0
    # The last of each kind, by its status octet.
    news: dict[int, News] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def hours_left(self) -> float | None:
        """For how long its battery lasts, as its last report says."""
        told: Any = self.report
        for name in ("health", "battery", "hours"):
            told = told.get(name) if isinstance(told, dict) else None
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None

    def lost_mains(self) -> float | None:
        """Since when it has no mains, None with mains: the newest of what it told and of what its heartbeat measured."""
        lost, back = self.news.get(codes.MAINS_LOST), self.news.get(codes.MAINS_BACK)
        if lost is None or (back is not None and back.at >= lost.at):
            return None
        measured_since = self.measured > lost.at and self.flags & codes.BEAT_MAINS
        return None if measured_since else lost.at


class Fleet:
    """Statuses by number; `since` is when this process began to listen, Unix seconds.

    A gateway is silent `silent_after_s` seconds after its last new envelope: it says one each 57 s, and again until it is answered.
    """

    def __init__(self, since: float = 0.0, silent_after_s: float = 90.0) -> None:
        self._since = since
        self._silent_after_s = silent_after_s
        self._known: set[int] = set()
        self.centers: dict[int, CenterStatus] = {}
        self.gateways: dict[int, float] = {}
        # What gateways told of themselves, the last of each kind.
        self.gateway_news: dict[int, dict[int, News]] = {}

    def status(self, center: int) -> CenterStatus:
        """The status of a center, an empty one when it was never heard."""
        return self.centers.setdefault(center, CenterStatus())

    def heard(self, gateway: int, now: float) -> None:
        """A new envelope of a gateway came."""
        self.gateways[gateway] = now

    def told(self, gateway: int) -> None:
        """A digest of a gateway came."""
        self._known.add(gateway)

    def knows(self, gateway: int) -> bool:
        """Whether a digest of a gateway came since this process began."""
        return gateway in self._known

    def silent(self, gateway: int, now: float) -> bool:
        """Whether a gateway has said nothing for too long; before it was ever heard, since this process began."""
        return now - max(self.gateways.get(gateway, 0.0), self._since) >= self._silent_after_s

    def without_mains(self) -> dict[int, float]:
        """Centers without mains, and since when."""
        lost = {center: status.lost_mains() for center, status in self.centers.items()}
        return {center: at for center, at in lost.items() if at is not None}

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
        status.measured = status.heard
        status.battery_mv, status.flags = beat.battery, beat.flags
        status.outputs, status.uptime_s = beat.outputs, beat.uptime

    def reported(self, report: Any) -> None:
        """A verified report; one shown again, or overtaken, says nothing."""
        status = self.status(report.center)
        if report.sequence > status.report_sequence:
            status.report_sequence, status.report = report.sequence, report.body

    def event(self, ack: Any, now: float) -> None:
        """What a center told without being asked (mains lost, cabinet opened, a button), told at `now`.

        It counts from when it happened: one that was told late does not hide a newer one of its kind.
        """
        own = gateway_of(ack.center)
        news = self.gateway_news.setdefault(own, {}) if own else self.status(ack.center).news
        # The battery field of a fob's press is the fob's slot; no event is taken for a measurement.
        slot = ack.battery if ack.status in codes.FOB_PRESSES else None
        told = News(now - ack.age, ack.age == MAX_AGE_S, slot)
        known = news.get(ack.status)
        if known is None or told.at >= known.at:
            news[ack.status] = told

    def describe_gateway(self, gateway: int, now: float) -> dict[str, Any]:
        """A gateway for the API; one that says nothing any more is silent, whatever its centers said before."""
        heard = self.gateways.get(gateway)
        return {
            "gateway": gateway_name(gateway),
            "heard_s_ago": round(now - heard, 1) if heard else None,
            "events": _newest_first(self.gateway_news.get(gateway, {}), now),
            "silent": self.silent(gateway, now),
        }

    def describe(self, center: int, now: float, gateway: int = 0) -> dict[str, Any]:
        """A center for the API. Behind a silent gateway nobody knows: `up` is null, and `behind` names the gateway."""
        status = self.status(center)
        behind = gateway_name(gateway) if gateway and self.silent(gateway, now) else None
        events = _newest_first(status.news, now)
        return {
            "center": center_name(center),
            "up": None if behind else status.up,
            "behind": behind,
            "heard_s_ago": round(now - status.heard, 1) if status.heard else None,
            "battery_mv": status.battery_mv or None,
            "mains": bool(status.flags & codes.BEAT_MAINS) if status.battery_mv else None,
            "outputs": codes.output_names(status.outputs),
            "event": events[0]["event"] if events else None,
            "event_s_ago": events[0]["s_ago"] if events else None,
            "events": events,
            "report": status.report,
        }


def _newest_first(news: dict[int, News], now: float) -> list[dict[str, Any]]:
    return [one.describe(kind, now) for kind, one in sorted(news.items(), key=lambda one: one[1].at, reverse=True)]
