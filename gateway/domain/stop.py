"""A group stop under way: which centers have not yet proved that they are silent. Pure; called by autonomy."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol import codes


@dataclass
class GroupStop:
    """`waiting` maps each center to the local counter of its stop (0: it could not be commanded); `until` is monotonic."""

    incident: int
    until: float
    waiting: dict[int, int] = field(default_factory=dict)
    count: int = 0
    told: bool = False

    def expect(self, center: int, counter: int) -> None:
        """This center was ordered to stop."""
        self.waiting[center] = counter
        self.count += 1

    def renewed(self, center: int, old: int, new: int) -> None:
        """Its stop was issued again under another counter."""
        if self.waiting.get(center) == old:
            self.waiting[center] = new

    def answered(self, center: int, counter: int, status: int, outputs: int) -> bool:
        """Whether this very answer proves silence: measured off, or accepted with nothing on. Then nothing waits for it."""
        silent = status == codes.STOPPED or (status == codes.ACCEPTED and not outputs & codes.LOUD)
        if not silent or not counter or self.waiting.get(center) != counter:
            return False
        del self.waiting[center]
        return True

    def overdue(self, now: float) -> bool:
        """Whether its time is over, and that was not said yet."""
        return bool(self.waiting) and not self.told and now >= self.until
