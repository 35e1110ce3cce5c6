"""An alert comes in: the same alert twice is one alert; it opens or joins an incident; everything is saved first.

Called by the alert's door and by the ack flow (a center's own button).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from central.domain.alert import Alert
from central.domain.command import CenterState, Incident, Order
from central.domain.errors import UnknownClass
from central.domain.group import Group
from central.domain.incident import EXPIRED, GROUPING_S, OPEN, SOUNDING
from central.domain.policy import Policies, Policy
from central.domain.routing import Plan, route
from central.flows.dispatch import Envelope, Sealer
from central.ports import Broker, Clock, Places, Store, Unit
from protocol.codes import ACTIVATE, STOP

_log = structlog.get_logger()

FIRST_ACTIVATION = 1
UNGREETED = "; waits for the center's first hello"
UNSEALED = "; could not be sealed"


@dataclass(frozen=True)
class Recorded:
    """What the reporter is told: the incident, whether this alert was known already, when it came, what was decided."""

    incident: int
    repeated: bool
    received: float
    plan: list[str]


class Intake:
    """Records alerts. `new_id` mints incident ids; `deadline_s` is when a person must be told at the latest."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        places: Places,
        policies: Policies,
        sealer: Sealer,
        new_id: Callable[[], int],
        deadline_s: float = 120.0,
        grouping_s: float = GROUPING_S,
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._places = places
        self._policies = policies
        self._sealer = sealer
        self._new_id = new_id
        self._deadline_s = deadline_s
        self._grouping_s = grouping_s

    async def record(self, alert: Alert) -> Recorded:
        """Save and dispatch one alert; returns after the commit. Raises UnknownClass, StoreUnavailable."""
        self._policy(alert)
        now = self._clock.now()
        recorded, envelopes = await self._store.write(lambda unit: self.take(unit, alert, now))
        for gateway, octets in envelopes:
            self._broker.send(gateway, octets)
        _log.info("alert recorded", alert=alert.id, incident=str(recorded.incident), repeated=recorded.repeated,
                  klass=alert.class_name, plan=recorded.plan)  # fmt: skip
        return recorded

    def take(self, unit: Unit, alert: Alert, now: float, adopt: int | None = None) -> tuple[Recorded, list[Envelope]]:
        """The whole of it inside the caller's transaction; the envelopes are sent after the commit.

        `adopt` is the id of the incident when the alert comes from a center that minted one. Raises UnknownClass.
        """
        return self._save(unit, alert, self._policy(alert), self._group(alert), now, adopt)

    def _save(
        self, unit: Unit, alert: Alert, policy: Policy, group: Group | None, now: float, adopt: int | None
    ) -> tuple[Recorded, list[Envelope]]:
        known = unit.incident_of_alert(alert.municipality, alert.id)
        if known is not None:
            incident, plan_text, received = known
            return Recorded(incident, True, received, json.loads(plan_text)), []
        plan = route(alert, group, policy)
        number = group.number if group else None
        joined = None
        if number is not None and not policy.silent:
            # Without a group nothing says that two people in trouble are in the same trouble; and two victims of a silent
            # class are two, even in one street: the second must not vanish in an incident that somebody already has.
            joined = unit.open_incident(alert.municipality, number, alert.class_name, now - self._grouping_s)
        if adopt is not None and joined is None:
            joined = unit.incident(adopt)
        if joined is not None and (unit.orders_of(joined.id) or not plan.active):
            reasons = [f"joins incident {joined.id}"] + ([plan.reason] if alert.low_assurance else [])
            why = f": {plan.reason}" if alert.low_assurance else ""
            unit.add_entry(joined.id, now, "joined", alert.source, f"alert {alert.id} joins{why}")
            frames = self._once_more(unit, joined, now, reasons) if plan.active else []
            unit.add_alert(alert, joined.id, now, json.dumps(reasons))
            return Recorded(joined.id, False, now, reasons), self._sealer.envelopes(unit, frames)
        # An incident that moved nothing so far (opened from away, or late) is commanded by the first alert that may.
        incident = joined.id if joined is not None else self._new_id() if adopt is None else adopt
        reasons = [plan.reason]
        if joined is None:
            deadline = now + self._deadline_s
            opened = Incident(incident, alert.municipality, number, alert.class_name, OPEN, False, now, deadline)
            unit.add_incident(opened)
        kind = "opened" if joined is None else "joined"
        unit.add_entry(incident, now, kind, alert.source, f"alert {alert.id}: {plan.reason}")
        frames = self._command(unit, plan, incident, policy, now, reasons)
        unit.add_alert(alert, incident, now, json.dumps(reasons))
        return Recorded(incident, False, now, reasons), self._sealer.envelopes(unit, frames)

    def _command(
        self, unit: Unit, plan: Plan, incident: int, policy: Policy, now: float, reasons: list[str]
    ) -> list[tuple[int, bytes]]:
        frames = []
        for step in plan.active:
            center = unit.center(step.center.number)
            if center is None:
                continue
            order = self._sealer.order(
                unit, center, incident, FIRST_ACTIVATION, policy.code, ACTIVATE | step.outputs, step.duration_s,
                now, now + self._deadline_s,
            )  # fmt: skip
            reason = f"center {center.number}: {step.reason}{self._waits(order, center)}"
            reasons.append(reason)
            unit.add_entry(incident, now, "commanded", "central", f"{reason} (counter {order.counter})")
            frames.append((order.gateway, order.frame))
        return frames

    def _once_more(self, unit: Unit, joined: Incident, now: float, reasons: list[str]) -> list[tuple[int, bytes]]:
        """Centers that never answered the first press are asked again by a later one, under the same pair.

        One that did sound, its word lost on the way, knows the pair and stays as it is. Nothing starts again in an
        incident that a person has, or has silenced.
        """
        orders = unit.orders_of(joined.id)
        if joined.state not in (OPEN, SOUNDING) or any(order.action == STOP for order in orders):
            return []
        frames = []
        for order in orders:
            center = unit.center(order.center) if order.state == EXPIRED else None
            if center is None:
                continue
            fresh = self._sealer.renew(unit, order, center, now, now + self._deadline_s)
            reason = f"center {center.number}: anew, it did not answer before{self._waits(fresh, center)}"
            reasons.append(reason)
            unit.add_entry(joined.id, now, "commanded", "central", f"{reason} (counter {fresh.counter})")
            frames.append((fresh.gateway, fresh.frame))
        return frames

    @staticmethod
    def _waits(order: Order, center: CenterState) -> str:
        return "" if order.frame else UNGREETED if center.nonce is None else UNSEALED

    def _policy(self, alert: Alert) -> Policy:
        policy = self._policies.get(alert.class_name)
        if policy is None:
            known = ", ".join(sorted(self._policies))
            raise UnknownClass(f"there is no class {alert.class_name!r}; this installation has: {known}")
        return policy

    def _group(self, alert: Alert) -> Group | None:
        if alert.group is not None:
            group = self._places.group(alert.group)
            # An app's key speaks for its own municipality: nobody sounds the sirens of another one.
            return group if group is not None and group.municipality == alert.municipality else None
        if alert.position is None:
            return None
        return self._places.group_at(alert.municipality, alert.position)
