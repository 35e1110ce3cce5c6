"""Which centers do what for one alert: a plan, each step with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from central.domain.alert import Alert
from central.domain.group import Center, Group
from central.domain.policy import Policy
from protocol import codes


@dataclass(frozen=True)
class Step:
    """A center and the outputs it shall switch on for `duration_s`; no outputs means: leave it alone, and why."""

    center: Center
    outputs: int
    duration_s: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """What routing decided. The operators are always told, whatever the steps say."""

    steps: tuple[Step, ...]
    reason: str

    @property
    def active(self) -> tuple[Step, ...]:
        """The steps that become commands."""
        return tuple(step for step in self.steps if step.outputs)


def route(alert: Alert, group: Group | None, policy: Policy) -> Plan:
    """The plan for an alert of a class with `policy` in `group` (None: no group is known for it)."""
    if group is None:
        return Plan((), "no group for this alert: operators only")
    if alert.discreet:
        return Plan((), "silent button: operators only")
    if alert.low_assurance:
        # Its own center sounded within its own limits; a recording must not be able to wake the whole neighbourhood.
        return Plan((), "low assurance (fixed code): operators first, no center is commanded")
    if alert.source == "gateway":
        # Whoever holds a stolen gateway could press its button: it gets no further than its local keys.
        return Plan((), "the gateway sounds its centers itself: operators first, no center is commanded")
    if alert.late:
        return Plan((), f"{alert.age_s:.0f} s old: operators only")
    at_home = alert.position is None or group.holds(alert.position)
    outputs = policy.home if at_home else policy.away
    place = "at home" if at_home else "away from home"
    if policy.silent and outputs & codes.LOUD:
        # The second of three refusals: the lint came before, the center's own table comes after.
        outputs &= ~codes.LOUD
        if not outputs:
            return Plan((), f"class {policy.name} is silent: nothing loud is sent, operators only")
    if not outputs:
        return Plan((), f"class {policy.name} {place} moves nothing: operators only")
    if not group.centers:
        return Plan((), f"group {group.number} has no center: operators only")
    return Plan(tuple(_step(alert, center, outputs, policy) for center in group.centers), f"{policy.name} {place}")


def _step(alert: Alert, center: Center, outputs: int, policy: Policy) -> Step:
    reason = f"{codes.output_names(outputs)} for {policy.duration_s} s"
    if center.number == alert.center:
        reason += "; its own button already did"
    return Step(center, outputs, policy.duration_s, reason)
