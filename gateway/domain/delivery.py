"""Commands on their way to a center: kept until its ack or their expiry, passed on again meanwhile.

Called by the flows, which keep the same commands on disk. It measures with the monotonic clock alone, so that a
stepped wall clock neither drops a command nor keeps one for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.admission import MAX_TTL_S
from gateway.domain.moment import Moment

Key = tuple[int, int, int]


@dataclass
class Pending:
    """One sealed command; times are monotonic seconds, `left_s` is how long from `kept_at` its center would take it."""

    center: int
    authority: int
    counter: int
    incident: int
    frame: bytes
    kept_at: float
    left_s: int
    next_at: float

    @property
    def id(self) -> str:
        """Its name on disk."""
        return command_id(*self.key)

    @property
    def key(self) -> Key:
        """What an ack names: center, authority, counter."""
        return self.center, self.authority, self.counter

    def expiry_s(self, now: float) -> int:
        """Whole seconds that are left, at least 1 (a broker reads 0 as already gone)."""
        return max(1, int(self.left_s - (now - self.kept_at)))


def command_id(center: int, authority: int, counter: int) -> str:
    """A command's name on disk."""
    return f"command {center}/{authority}/{counter}"


def age_s(at: Moment, now: Moment, trusted: bool) -> float | None:
    """Seconds since a message was kept; None when nobody can tell.

    Within one boot of the machine the clock that never steps says it, whatever the wall clock did since. After a restart
    only a wall clock that is to be believed can, and not when it says that the message comes from the future.
    """
    if at.boot == now.boot:
        return max(0.0, now.up_s - at.up_s)
    passed_s = now.wall - at.wall
    return float(passed_s) if trusted and passed_s >= 0 else None


def left_s(issued: int, ttl: int, now: int | None) -> int:
    """How long a center would still take a command; without a trusted clock (None) its whole ttl from here."""
    whole = min(ttl, MAX_TTL_S)
    return whole if now is None else max(0, min(whole, issued + whole - now))


class Delivery:
    """Every command that waits for an answer; resent each `resend_s`."""

    def __init__(self, resend_s: float) -> None:
        self._resend_s = resend_s
        self._pending: dict[Key, Pending] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def keep(self, pending: Pending) -> None:
        """Keep one that is passed on right now; sent again by central it replaces the one kept."""
        pending.next_at = pending.kept_at + self._resend_s
        self._pending[pending.key] = pending

    def answered(self, center: int, authority: int, counter: int) -> Pending | None:
        """Take out the command that this ack is about; None when none waits (an event, or answered before)."""
        return self._pending.pop((center, authority, counter), None)

    def waits(self, center: int, authority: int, counter: int) -> bool:
        """Whether such a command is kept."""
        return (center, authority, counter) in self._pending

    def of(self, center: int, authority: int) -> list[Pending]:
        """What waits for one center under one authority."""
        return [one for one in self._pending.values() if (one.center, one.authority) == (center, authority)]

    def expired(self, now: float) -> list[Pending]:
        """Those that no center would take any more; they stay until `drop`."""
        return [pending for pending in self._pending.values() if now >= pending.kept_at + pending.left_s]

    def drop(self, keys: list[Key]) -> None:
        """Forget these."""
        for key in keys:
            self._pending.pop(key, None)

    def due(self, now: float) -> list[Pending]:
        """Those whose time to be passed on again has come, oldest first; each is moved on to its next time."""
        due = [pending for pending in self._pending.values() if now >= pending.next_at]
        for pending in due:
            pending.next_at = now + self._resend_s
        return sorted(due, key=lambda pending: pending.kept_at)

    def hurry(self, now: float, center: int | None = None) -> None:
        """Make those of one center (or of all) due: its link, or the broker's, has come back."""
        for pending in self._pending.values():
            if center is None or pending.center == center:
                pending.next_at = now
