"""Whether central is there, by MQTT: from sealed words and their answers alone, never from a connection that seems to stand.

Called by the flows. It decides when to say a sign of life, when MQTT counts as lost, and when another connection is due.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """Seconds. A sign of life goes `sign_s` after the last word of either side (after `waiting_s` while something waits for
    its receipt), again each `again_s` until it is answered; unanswered for `answer_s`, the connection is worth nothing.

    With these numbers both ends know within `lost_s` that a line is dead, and seven signs in a row must be lost to be wrong.
    """

    sign_s: float = 57.0
    waiting_s: float = 20.0
    again_s: float = 5.0
    answer_s: float = 32.0
    answer_max_s: float = 600.0
    lost_s: float = 90.0


_NEVER = float("-inf")


@dataclass
class Proof:
    """All times are monotonic seconds; `heard_at` is when central's last sealed word came, None before the first."""

    pace: Pace = field(default_factory=Pace)
    heard_at: float | None = None
    _said_at: float = _NEVER
    _asked_at: float = _NEVER
    _unanswered_at: float | None = None
    _patience_s: float = 0.0

    def __post_init__(self) -> None:
        self._patience_s = self.pace.answer_s

    def linked(self) -> None:
        """Another connection: what was asked on the one before is not waited for."""
        self._asked_at = _NEVER
        self._unanswered_at = None

    def heard(self, now: float) -> None:
        """A new sealed word of central's came."""
        self.heard_at = now
        self._unanswered_at = None
        self._patience_s = self.pace.answer_s

    def said(self, now: float) -> None:
        """Something sealed was handed over: to central it is a sign of life."""
        self._said_at = now

    def asked(self, now: float) -> None:
        """What central answers was handed over: a sign of life or a digest."""
        self._asked_at = now
        if self._unanswered_at is None:
            self._unanswered_at = now

    def due(self, now: float, waiting: bool) -> bool:
        """Whether a sign of life goes now; `waiting` is whether something waits for its receipt for long."""
        if now - self._said_at >= self.pace.sign_s:
            return True
        quiet_s = self.pace.waiting_s if waiting else self.pace.sign_s
        heard_at = _NEVER if self.heard_at is None else self.heard_at
        # A central that is away for hours is not asked each five seconds.
        again_s = min(self.pace.sign_s, self.pace.again_s * self._patience_s / self.pace.answer_s)
        return now - heard_at >= quiet_s and now - self._asked_at >= again_s

    def standing(self, now: float) -> bool:
        """Whether MQTT may be relied on: a word came within `lost_s`."""
        return self.heard_at is not None and now - self.heard_at < self.pace.lost_s

    def over_s(self, now: float) -> float | None:
        """For how many seconds central has not answered, once that is reason for another connection; the next takes twice as long."""
        if self._unanswered_at is None or now - self._unanswered_at < self._patience_s:
            return None
        silence_s = now - self._unanswered_at
        self._unanswered_at = None
        self._patience_s = min(self._patience_s * 2, self.pace.answer_max_s)
        return silence_s
