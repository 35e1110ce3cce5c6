"""What an operator does with an incident: acknowledge, silence, close. Each is stamped with who did it."""

from __future__ import annotations

import structlog

from central.domain.command import GROUP_STOP_WITHIN_S, Incident
from central.domain.errors import NotFound, Refused
from central.domain.incident import ACKNOWLEDGED, CLOSED, EXPIRED, INCIDENT_MOVES, PENDING, SUPERSEDED, may
from central.flows.dispatch import Envelope, Sealer
from central.ports import Broker, Clock, Store, Unit
from protocol.codes import STOP

_log = structlog.get_logger()

# How an incident ended, from a fixed list.
DISPOSITIONS = ("founded", "unfounded", "mistake", "misuse", "test", "duress")
_STOP_WITHIN_S = 60.0


class Operators:
    """Acts for a named operator of one municipality."""

    def __init__(self, store: Store, broker: Broker, clock: Clock, sealer: Sealer) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._sealer = sealer

    async def acknowledge(self, municipality: int, incident: int, who: str) -> None:
        """A person has it; raises NotFound, Refused."""
        now = self._clock.now()
        await self._store.write(lambda unit: self._move(unit, municipality, incident, ACKNOWLEDGED, who, "", now))
        _log.info("acknowledged", incident=str(incident), operator=who)

    async def close(self, municipality: int, incident: int, who: str, disposition: str) -> None:
        """It is over, and how it ended; raises NotFound, Refused."""
        if disposition not in DISPOSITIONS:
            raise Refused(f"a disposition is one of: {', '.join(DISPOSITIONS)}")
        now = self._clock.now()
        await self._store.write(lambda unit: self._move(unit, municipality, incident, CLOSED, who, disposition, now))
        _log.info("closed", incident=str(incident), operator=who, disposition=disposition)

    async def stop(self, municipality: int, incident: int, who: str) -> int:
        """Command every center of the incident to be silent; how many. Raises NotFound."""
        now = self._clock.now()
        count, envelopes = await self._store.write(lambda unit: self._stop(unit, municipality, incident, who, now))
        for gateway, octets in envelopes:
            self._broker.send(gateway, octets)
        _log.info("stop", incident=str(incident), operator=who, centers=count)
        return count

    def _move(self, unit: Unit, municipality: int, incident: int, state: str, who: str, text: str, now: float) -> None:
        found = _found(unit, municipality, incident)
        if not may(INCIDENT_MOVES, found.state, state):
            raise Refused(f"incident {incident} is {found.state} and cannot become {state}")
        unit.set_incident_state(incident, state)
        if state == CLOSED:
            _give_up(unit, incident, EXPIRED)
        unit.add_entry(incident, now, state, f"operator {who}", text)

    def _stop(self, unit: Unit, municipality: int, incident: int, who: str, now: float) -> tuple[int, list[Envelope]]:
        _found(unit, municipality, incident)
        orders = unit.orders_of(incident)
        frames, groups = [], set()
        centers = {order.center: order for order in orders if order.action != STOP}
        _give_up(unit, incident, SUPERSEDED)
        for number, order in sorted(centers.items()):
            center = unit.center(number)
            if center is None:
                continue
            stop = self._sealer.order(
                unit, center, incident, order.activation, order.class_code, STOP, 0, now, now + _STOP_WITHIN_S
            )
            frames.append((stop.gateway, stop.frame))
            groups.add((stop.gateway, center.group))
        for gateway, group in sorted(groups):
            unit.add_group_stop(incident, gateway, group, now, now + GROUP_STOP_WITHIN_S)
        unit.add_entry(incident, now, "stop", f"operator {who}", f"{len(frames)} centers are told to be silent")
        return len(frames), self._sealer.envelopes(unit, frames)


def _give_up(unit: Unit, incident: int, state: str) -> None:
    """What has not sounded yet must not start after a stop or an end: not by a round, a reboot or a refusal."""
    for order in unit.orders_of(incident):
        if order.state == PENDING and order.action != STOP:
            unit.set_order_state(order, state)


def _found(unit: Unit, municipality: int, incident: int) -> Incident:
    found = unit.incident(incident)
    if found is None or found.municipality != municipality:
        raise NotFound(f"there is no incident {incident}")
    return found
