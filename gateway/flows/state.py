"""What the flows share in memory: everything here is either also on disk or may be lost with the power.

Made by wiring, changed only after the transaction that it mirrors is durable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.domain.delivery import Delivery
from gateway.domain.presence import Presence
from gateway.domain.priority import Schedule
from gateway.domain.proof import Proof
from gateway.domain.reports import Reports
from gateway.ports import CenterMemory, LocalKeys, Log


class Later:
    """What is to be done once the transaction is durable; an undone part takes its share back."""

    def __init__(self) -> None:
        self._actions: list[Callable[[], object]] = []

    def __call__(self, action: Callable[[], object]) -> None:
        """Put one off."""
        self._actions.append(action)

    def mark(self) -> int:
        """Where a part begins."""
        return len(self._actions)

    def take_back(self, mark: int) -> None:
        """Forget what was put off since a mark."""
        del self._actions[mark:]

    def take(self) -> list[Callable[[], object]]:
        """All of it, once."""
        actions, self._actions = self._actions, []
        return actions

    def run(self) -> None:
        """Do all of it."""
        for action in self.take():
            action()


class Tally:
    """Counts what was refused, and says it at the first, tenth, hundredth... time: a flood never fills the log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._counts: Counter[tuple[str, str]] = Counter()

    def __call__(self, side: str, who: str, reason: str, **fields: object) -> None:
        """One more refusal of `reason` from `who`."""
        self._counts[side, reason] += 1
        count = self._counts[side, reason]
        if str(count).strip("0") == "1":
            self._log.warning("refused", side=side, who=who, reason=reason, count=count, **fields)

    def totals(self) -> dict[str, int]:
        """`side: reason` and how often."""
        return {f"{side}: {reason}": count for (side, reason), count in sorted(self._counts.items())}


@dataclass
class State:
    """`mine` is every center of this gateway; `beats` holds (monotonic time, sealed beat) of the latest."""

    gateway: int
    mine: Mapping[int, LocalKeys]
    delivery: Delivery
    schedule: Schedule
    presence: Presence
    tally: Tally
    beats: dict[int, tuple[float, bytes]] = field(default_factory=dict)
    # The highest sequence of a verified local heartbeat per center: an older one again is a recording, not life.
    beat_sequences: dict[int, int] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    # The centers behind the serial line; all others are behind the local broker.
    wired: frozenset[int] = frozenset()
    # Acks taken in the transaction that is going on; the schedule learns of them when it is durable.
    taking: int = 0
    # Sequences that gave way to them.
    giving: set[int] = field(default_factory=set)
    # What is known of each center, as on disk: its nonce and the local counter used up.
    memory: dict[int, CenterMemory] = field(default_factory=dict)
    # Until when something loud that went through here may sound, monotonic: for the lamp on the cabinet.
    alarm_until: float = 0.0
    # From when on a center's hello may go by SMS again.
    hello_sms_at: dict[int, float] = field(default_factory=dict)
    # Central's words by MQTT, and when its last one came by SMS.
    proof: Proof = field(default_factory=Proof)
    sms_heard_at: float | None = None
    # Central knows nothing of this gateway and wants to be told everything.
    asked: bool = False
    # When our own greeting last came back: the proof of the local subscription.
    local_proved_at: float | None = None
    # What central has been told of centers by their reports.
    reports: Reports = field(default_factory=Reports)
    # What a center said lately that central has not been handed yet (hellos, reports): (monotonic time, frame).
    volatile: dict[tuple[int, int, int], tuple[float, bytes]] = field(default_factory=dict)
