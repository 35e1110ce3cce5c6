"""What is late: commands are sent again, given up at their end, and a person is told when an incident's deadline passes."""

from __future__ import annotations

import structlog

from central.domain.command import ASK_S, RESEND_S, Order, good_until
from central.domain.incident import CLOSED, EXPIRED, PENDING
from central.flows.dispatch import Envelope, Sealer
from central.ports import Broker, Clock, Store, Unit
from protocol import hop
from protocol.codes import STOP
from protocol.topics import center_name

_log = structlog.get_logger()
_BATCH = 2000


class Rounds:
    """Called twice a second by the wiring."""

    def __init__(self, store: Store, broker: Broker, clock: Clock, sealer: Sealer) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._sealer = sealer

    async def once(self) -> None:
        """One round; raises StoreUnavailable."""
        now = self._clock.now()
        for gateway, octets in await self._store.write(lambda unit: self.save(unit, now)):
            self._broker.send(gateway, octets)

    async def link_up(self) -> None:
        """The broker is there again: what waits goes out now, not when its next turn comes. Raises StoreUnavailable."""
        now = self._clock.now()
        await self._store.write(lambda unit: unit.hurry(now))
        await self.once()

    def save(self, unit: Unit, now: float) -> list[Envelope]:
        """Everything that is due, inside one transaction."""
        again = [order for order in unit.due(now, _BATCH) if self._wanted(unit, order, now)]
        for incident in unit.overdue(now):
            unit.set_attention(incident.id)
            sounding = incident.state != "open"
            text = "nobody acknowledged" if sounding else "nothing sounded and nobody acknowledged"
            unit.add_entry(incident.id, now, "attention", "central", f"deadline passed: {text}")
            _log.warning("deadline passed", incident=str(incident.id), state=incident.state)
        return self._sealer.envelopes(unit, [(order.gateway, order.frame) for order in again])

    def _wanted(self, unit: Unit, order: Order, now: float) -> bool:
        if order.state == PENDING:
            return self._still_wanted(unit, order, now)
        return self._asked(unit, order, now)

    @staticmethod
    def _asked(unit: Unit, order: Order, now: float) -> bool:
        """A word that follows the one that came is missing: the same frame once more, until it is no longer good."""
        if now < good_until(order):
            unit.sent_again(order, now + ASK_S)
            return True
        unit.set_order_state(order, order.state)
        name = center_name(order.center)
        unit.add_entry(
            order.incident, now, "unknown", "central", f"{name} did not say that it stopped (counter {order.counter})"
        )
        _log.warning("outcome unknown", incident=str(order.incident), center=name, counter=order.counter)
        return False

    def _still_wanted(self, unit: Unit, order: Order, now: float) -> bool:
        incident = unit.incident(order.incident)
        over = incident is not None and incident.state == CLOSED and order.action != STOP
        if now >= order.expires or over:
            unit.set_order_state(order, EXPIRED)
            name = center_name(order.center)
            why = "did not answer" if order.frame else "never said hello"
            unit.add_entry(order.incident, now, "expired", "central", f"{name} {why} (counter {order.counter})")
            _log.warning("command expired", incident=str(order.incident), center=name, counter=order.counter)
            return False
        unit.sent_again(order, min(now + RESEND_S, order.expires))
        return True

    def receipts(self, unit: Unit, gateways: set[int]) -> list[Envelope]:
        """Receipts for gateways that sent acks, as envelopes."""
        owed = [(gateway, hop.receipt(hop.Receipt(*unit.receipt(gateway)))) for gateway in sorted(gateways)]
        return self._sealer.envelopes(unit, owed)

    async def send_receipts(self, gateways: set[int]) -> None:
        """Tell gateways what is stored; raises StoreUnavailable."""
        for gateway, octets in await self._store.write(lambda unit: self.receipts(unit, gateways)):
            self._broker.mention(gateway, octets)
