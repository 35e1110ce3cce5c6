"""How often somebody may ask: a bucket per asker that fills with time. Pure; called by the release flow."""

from __future__ import annotations


class Rate:
    """At most `per_s` askings a second of each asker, and as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, asker: int, now: float) -> bool:
        """Whether this asking is answered; `now` in seconds, one that steps back fills nothing."""
        left, at = self._buckets.get(asker, (self._per_s, now))
        left = min(self._per_s, left + max(0.0, now - at) * self._per_s)
        allowed = left >= 1
        self._buckets[asker] = (left - 1 if allowed else left, now)
        return allowed
