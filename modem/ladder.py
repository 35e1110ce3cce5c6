"""When a modem that is in trouble is helped, and how strongly: from the mildest stage to the strongest.

Pure; `modem.keeper` asks it at each poll and does what it says. A stage is tried when the one before it has had its
time: of ten modems in the same trouble five came back within a minute, three in 5 to 10 and two in 20 to 50, and a
modem that is started again while it searches begins its search from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

# Troubles.
SILENT = "silent"  # no port, or no answer
CARD = "card"  # no card, a locked or a broken one
SEARCHING = "searching"  # it answers and looks for a network
UNREGISTERED = "unregistered"  # the network said no, or nothing is being looked for
CONTEXT = "context"  # registered, and no data connection

# Stages, the mildest first.
BEARER, REGISTRATION, RESET, POWER, SECOND_SIM, REBOOT = (
    "bearer",
    "registration",
    "reset",
    "power",
    "second_sim",
    "reboot",
)
STAGES = (BEARER, REGISTRATION, RESET, POWER, SECOND_SIM, REBOOT)
ITSELF = "itself"  # in the figures: it came back and nobody had done anything

# Which stages can help in which trouble, and for how many seconds the trouble has its chance before each: since it
# began, or since the stage before.
PATIENCE_S: Mapping[str, Mapping[str, float]] = {
    SILENT: {RESET: 30, POWER: 60, REBOOT: 300},
    CARD: {RESET: 120, POWER: 300, SECOND_SIM: 600},
    SEARCHING: {REGISTRATION: 600, RESET: 1200, POWER: 3000, SECOND_SIM: 3000, REBOOT: 3000},
    UNREGISTERED: {REGISTRATION: 60, RESET: 300, POWER: 600, SECOND_SIM: 1200, REBOOT: 1200},
    CONTEXT: {BEARER: 30, REGISTRATION: 120, RESET: 300, POWER: 900, SECOND_SIM: 3000, REBOOT: 3000},
}
REBOOT_AFTER_S = 3600.0  # of outage: everything else on this computer stops too, and the ladder forgets its round
SETTLED_S = 120.0  # health that lasts shorter does not begin a new ladder
MAX_FACTOR = 8  # each round of the whole ladder is twice as patient as the one before, up to this


@dataclass(frozen=True)
class Health:
    """One judgement; `trouble` is None when all is well. `reason` is a sentence."""

    trouble: str | None
    reason: str

    @property
    def ok(self) -> bool:
        """Messages can go and come."""
        return self.trouble is None


@dataclass(frozen=True)
class Figures:
    """What a stage was worth: tries, those after which health came back, and the seconds from try to health."""

    tries: int = 0
    successes: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0

    def back_after(self, seconds: float) -> Figures:
        """One success more."""
        return replace(
            self,
            successes=self.successes + 1,
            seconds=self.seconds + seconds,
            longest_s=max(self.longest_s, seconds),
        )


@dataclass(frozen=True)
class Ladder:
    """Where things stand; times are monotonic seconds.

    `since` is when the outage began, None in health, `well_at` when health came back. Patience counts from `from_at`:
    the beginning, the last stage, or the last return of the trouble. `stage` is the last one tried. `trouble` and
    `trouble_at` are the last judgement and since when it is so. `factor` multiplies the patience of this round.
    """

    since: float | None = None
    well_at: float | None = None
    from_at: float = 0.0
    stage: str | None = None
    trouble: str | None = None
    trouble_at: float = 0.0
    factor: int = 1
    figures: Mapping[str, Figures] = field(default_factory=lambda: MappingProxyType({}))

    def counted(self, stage: str, figures: Figures) -> Mapping[str, Figures]:
        """The figures with those of one stage replaced."""
        return MappingProxyType({**self.figures, stage: figures})


@dataclass(frozen=True)
class Decision:
    """What to do now: a stage, or None and how long nothing is to be done, with the reason."""

    stage: str | None
    wait_s: float
    reason: str


def decide(state: Ladder, health: Health, now: float, available: frozenset[str]) -> tuple[Ladder, Decision]:
    """The new state and what to do; a stage that is returned counts as tried at `now`.

    `available` are the stages that somebody can do here. A stage is never returned twice in a round.
    """
    if health.trouble is None:
        return _well(state, now), Decision(None, 0.0, health.reason)
    state = _in_trouble(state, health.trouble, now)
    patience = PATIENCE_S[health.trouble]
    young = state.since is not None and now - state.since < REBOOT_AFTER_S
    stages = [stage for stage in STAGES if stage in available & patience.keys() and not (stage == REBOOT and young)]
    if not stages:
        return state, Decision(None, 0.0, f"{health.reason}; nothing here can help")
    above = [stage for stage in stages if state.stage is None or STAGES.index(stage) > STAGES.index(state.stage)]
    factor = state.factor if above else min(2 * state.factor, MAX_FACTOR)
    stage = (above or stages)[0]
    # A search has its full time from its own beginning. The other troubles count from the last stage, so that one that
    # alternates with searching (a modem that starts again and again) is not waited for without end.
    began = max(state.from_at, state.trouble_at) if health.trouble == SEARCHING else state.from_at
    due_at = began + patience[stage] * factor
    if now < due_at:
        return state, Decision(None, due_at - now, f"{health.reason}; next is {stage}")
    figures = state.figures.get(stage, Figures())
    tried = state.counted(stage, replace(figures, tries=figures.tries + 1))
    return replace(state, stage=stage, from_at=now, factor=factor, figures=tried), Decision(stage, 0.0, health.reason)


def _well(state: Ladder, now: float) -> Ladder:
    if state.since is None:
        return state
    if state.well_at is None:
        stage = state.stage or ITSELF
        figures = state.figures.get(stage, Figures()).back_after(now - state.from_at)
        return replace(state, trouble=None, well_at=now, figures=state.counted(stage, figures))
    return Ladder(figures=state.figures) if now - state.well_at >= SETTLED_S else state


def _in_trouble(state: Ladder, trouble: str, now: float) -> Ladder:
    if state.well_at is not None and now - state.well_at >= SETTLED_S:
        state = Ladder(figures=state.figures)
    if state.since is None:
        return replace(state, since=now, from_at=now, trouble=trouble, trouble_at=now)
    if state.well_at is not None:  # back too soon: the ladder goes on from where it stands
        state = replace(state, well_at=None, from_at=now)
    return state if state.trouble == trouble else replace(state, trouble=trouble, trouble_at=now)
