"""How long acks take from here to central's receipt, by bearer: the reporting time of EN 50136, measured. Kept in memory."""

from __future__ import annotations

from collections import deque

from protocol.codes import BEARER_MQTT, BEARER_SMS

_NAMES = {BEARER_MQTT: "mqtt", BEARER_SMS: "sms"}
_LATEST = 200


class Reporting:
    """The latest two hundred times of each bearer."""

    def __init__(self) -> None:
        self._times: dict[int, deque[float]] = {bearer: deque(maxlen=_LATEST) for bearer in _NAMES}

    def took(self, bearer: int, seconds: float) -> None:
        """An ack was confirmed after so long by this bearer."""
        self._times[bearer].append(seconds)

    def state(self) -> dict[str, dict[str, float]]:
        """Per bearer that was used: how many, the middle one, and the one that 95 % are not above, in seconds."""
        found = {}
        for bearer, times in self._times.items():
            ordered = sorted(times)
            if ordered:
                at_95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
                found[_NAMES[bearer]] = {
                    "count": len(ordered),
                    "p50_s": round(ordered[len(ordered) // 2], 3),
                    "p95_s": round(at_95, 3),
                }
        return found
