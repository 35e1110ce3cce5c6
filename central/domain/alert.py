"""What one person, button or sensor reported."""

from __future__ import annotations

from dataclasses import dataclass

# An alert that arrives later than this is for the operators only: nobody wakes a street for what is over.
LATE_S = 180.0


@dataclass(frozen=True)
class Position:
    """WGS 84 degrees, the radius of uncertainty in metres, and how old the fix was at the press in seconds."""

    lat: float
    lon: float
    accuracy_m: float = 0.0
    age_s: float = 0.0


@dataclass(frozen=True)
class Alert:
    """An alert as it came in. `id` was made by whoever sent it; `age_s` is the time since the press."""

    id: str
    municipality: int
    class_name: str
    source: str
    group: int | None = None
    reporter: str | None = None
    position: Position | None = None
    age_s: float = 0.0
    # The center that already sounds for it (its own button was pressed).
    center: int | None = None
    # A silent button: nothing may move for it, whatever its class does.
    discreet: bool = False
    # The fob that was pressed, by its slot in the center; None when it was no fob.
    slot: int | None = None
    # Anybody may have recorded it and sent it again (a fob of fixed code): people judge it before other sirens sound.
    low_assurance: bool = False

    @property
    def late(self) -> bool:
        """Whether it is too old to move anything in the street."""
        return self.age_s > LATE_S
