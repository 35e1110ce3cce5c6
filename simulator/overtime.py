"""Until when a siren may be on, whatever befell its board: the rules of threat T4 as pure arithmetic. Used by campaign T4.

It knows nothing of the firmware; moments are seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# The program and its interrupts are gone, the outputs latch; only the interrupts go on; everything is gone at once.
KILL, FREEZE, STALL, POWER_CUT = "kill", "freeze", "stall", "power cut"
# Nothing that a siren is bound to: it goes on as if nothing had been.
LINK, BROKER, GATEWAY, CENTRAL = "link", "broker", "gateway", "central"
OF_BOARD = (KILL, FREEZE, STALL, POWER_CUT)
OF_OTHERS = (LINK, BROKER, GATEWAY, CENTRAL)


@dataclass(frozen=True)
class Limits:
    """What holds a siren back: its activation's `duration_s`, the watchdog, the timer relay. `margin_s` is granted to each."""

    duration_s: float
    watchdog_s: float
    hardware_s: float
    margin_s: float


@dataclass
class Round:
    """One activation of one center. `watched` says whether there is a watchdog in this round, `planned` are (kind, seconds
    after the siren went on), `faults` what became of that: (kind, when it had happened at the latest); `spells` are [from,
    to] of the siren."""

    center: str
    watched: bool = True
    planned: list[tuple[str, float]] = field(default_factory=list)
    faults: list[tuple[str, float]] = field(default_factory=list)
    spells: list[tuple[float, float]] = field(default_factory=list)

    def first(self, *kinds: str) -> float | None:
        """When the first of these happened."""
        return min((at for kind, at in self.faults if kind in kinds), default=None)

    @property
    def words(self) -> str:
        """What befell it, for a person."""
        kinds = " and ".join(kind for kind, _ in self.faults) or "nothing"
        return kinds if self.watched else f"{kinds}, without watchdog"


def latest(one: Round, on: float, limits: Limits) -> tuple[float, str]:
    """(until when, because of what) a siren that went on at `on` may be on in this round, margins not counted."""
    ends = [(on + limits.hardware_s, "hardware timer")]
    dead = one.first(KILL, FREEZE)
    over = on + limits.duration_s
    if dead is None or dead > over:
        # As long as there are interrupts, they end it in time.
        ends.append((over, "activation"))
    silent = one.first(KILL, FREEZE, STALL)
    if one.watched and silent is not None:
        ends.append((silent + limits.watchdog_s, "watchdog"))
    cut = one.first(POWER_CUT)
    if cut is not None:
        ends.append((cut, "power"))
    # What happened before it went on did not hinder it, and does not end it either.
    return min((end, why) for end, why in ends if end >= on)


def violations(one: Round, limits: Limits) -> list[str]:
    """What is wrong with one activation: sounded more than once, or longer than anything that holds it back."""
    found = []
    if len(one.spells) > 1:
        found.append(f"{one.center} ({one.words}): sounded {len(one.spells)} times in one activation")
    for on, off in one.spells:
        end, why = latest(one, on, limits)
        if off > end + limits.margin_s:
            found.append(
                f"{one.center} ({one.words}): siren on for {off - on:.2f} s, {off - end:.2f} s beyond its {why}"
            )
        elif one.first(*OF_BOARD) is None and off < end - limits.margin_s:
            found.append(f"{one.center} ({one.words}): siren on for {off - on:.2f} s only")
    return found
