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

    @property
    def proven(self) -> bool:
        """Whether every center has proved it."""
        return not self.waiting

    def expect(self, center: int, counter: int) -> None:
        """This center was ordered to stop."""
        self.waiting[center] = counter
        self.count += 1

    def renewed(self, center: int, old: int, new: int) -> None:
        """Its stop was issued again under another counter."""
        if self.waiting.get(center) == old:
            self.waiting[center] = new

    def answered(self, center: int, counter: int, status: int, outputs: int) -> None:
        """This very stop's answer proves silence when it is measured off, or accepted with nothing on."""
        silent = status == codes.STOPPED or (status == codes.ACCEPTED and not outputs & codes.LOUD)
        if silent and self.waiting.get(center) == counter:
            del self.waiting[center]

    def over(self, now: float) -> bool:
        """Whether there is something to say of it: all proved, or its time is over."""
        return not self.told and (self.proven or now >= self.until)

    def closed(self) -> None:
        """What became of it was said."""
        self.told = True
