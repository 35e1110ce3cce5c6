"""A center's word comes in: verified, matched to the command it answers, one legal move, or a refusal that is kept too.

Called by the uplink, for acks that came one by one and for those that came in a batch, by whichever bearer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from central.domain.command import Order, ask_at
from central.domain.incident import (
    ACCEPTED,
    COMMAND_MOVES,
    COMMAND_SOUNDING,
    DONE,
    FAILED,
    INCIDENT_MOVES,
    PENDING,
    REFUSED,
    SOUNDING,
    may,
)
from central.domain.receipts import received
from central.domain.reporting import ago, carried, delay_s
from central.flows.dispatch import OURS, Envelope, Sealer
from central.flows.events import Events
from central.flows.fleet import Fleet
from central.ports import Broker, Clock, Keys, Places, Store, Unit
from protocol import codes, countersign
from protocol.codes import BEARER_MQTT, BEARER_SMS
from protocol.errors import ProtocolError
from protocol.gateway import gateway_of, read_acks, speaker_name
from protocol.messages import ACK
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

_STATES = {codes.ACCEPTED: ACCEPTED, codes.SOUNDING: COMMAND_SOUNDING, codes.STOPPED: DONE, codes.FAILED: FAILED}
# Refusals that a new frame (new counter, this boot's nonce, this moment) can heal.
_HEALABLE = (codes.NOT_SYNCHRONISED, codes.STALE, codes.FUTURE)
_MAX_RENEWALS = 8
# News of a center or a gateway that somebody has to look at.
_WARNINGS = (codes.TAMPER, codes.DRIVER_FAULT, codes.STUCK_RELAY, codes.UNEXPECTED_SOUNDING, codes.ERASED,
             codes.EVICTED, codes.GROUP_STOP_INCOMPLETE)  # fmt: skip
# A center's window: whatever is this far above a counter that it remembers is new to it.
_SKIP = 64


class Acks:
    """Takes countersigned acks; `on_receipt` hears after each commit which gateway is owed a receipt, by which bearer the ack came,
    what it said, and the sealed confirmation of an event (empty where nobody waits for one)."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        keys: Keys,
        places: Places,
        sealer: Sealer,
        events: Events,
        fleet: Fleet,
        on_receipt: Callable[[int, int, int, bytes], None],
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._keys = keys
        self._places = places
        self._sealer = sealer
        self._events = events
        self._fleet = fleet
        self._on_receipt = on_receipt

    async def receive(self, gateway: int, octets: bytes) -> None:
        """One countersigned ack from `gateway`. Never raises for what it says; raises StoreUnavailable."""
        try:
            message = self._signed(octets, gateway)
        except (ProtocolError, KeyError) as error:
            await self._refuse(gateway, error, octets)
            return
        await self._take(message, octets)

    async def by_sms(self, octets: bytes) -> None:
        """One countersigned ack from whomever, by SMS. Raises ProtocolError or KeyError when no gateway signed it."""
        await self._take(self._signed(octets), octets, BEARER_SMS)

    async def batch(self, gateway: int, frame: bytes) -> None:
        """Acks out of an authentic envelope of `gateway`, by SMS: the hop key stands for the signature that had no room."""
        batch = read_acks(frame)
        for place, ack in enumerate(batch.acks):
            message = countersign.Countersigned(ack, gateway, batch.sequence + place, batch.time, BEARER_SMS, 0, b"")
            await self._take(message, countersign.payload(message), BEARER_SMS)

    def _signed(self, octets: bytes, gateway: int | None = None) -> Any:
        message = countersign.unpack(octets)
        if gateway is not None and message.gateway != gateway:
            raise ProtocolError(f"signed as gateway {message.gateway}")
        if not self._keys.verify(message.gateway, message.signature, countersign.to_sign(message)):
            raise ProtocolError("the gateway's signature does not verify")
        return message

    async def _take(self, message: Any, octets: bytes, bearer: int = BEARER_MQTT) -> None:
        now, gateway = self._clock.now(), message.gateway
        try:
            ack = self._opened(message)
        except ProtocolError as error:
            # The gateway's own word is authentic, and it need not bring this again: what will never be believed must not
            # stand before what will. The octets are among the refusals. Of a device that is not known yet it shall.
            await self._refuse(gateway, error, octets, message.sequence)
            self._on_receipt(gateway, bearer, 0, b"")
            return
        except KeyError as error:
            await self._refuse(gateway, error, octets)
            return
        new, envelopes, confirm = await self._store.write(lambda unit: self.save(unit, message, ack, octets, now))
        for towards, envelope in envelopes:
            self._broker.send(towards, envelope)
        self._on_receipt(gateway, bearer, ack.status, confirm)
        if new and ack.counter == 0:
            self._fleet.event(ack, now - delay_s(message, now))
            if ack.status in _WARNINGS:
                _log.warning("center event", center=speaker_name(ack.center), what=codes.status_name(ack.status),
                             age_s=ack.age, sequence=ack.sequence)  # fmt: skip
        _log.info("ack", incident=str(ack.incident), center=speaker_name(ack.center), counter=ack.counter,
                  status=codes.status_name(ack.status), sequence=ack.sequence, repeated=not new,
                  bearer="sms" if message.bearer == BEARER_SMS else "mqtt", delay_s=delay_s(message, now))  # fmt: skip

    async def _refuse(self, gateway: int, error: Exception, octets: bytes, sequence: int | None = None) -> None:
        reason = str(error) if isinstance(error, ProtocolError) else f"unknown device {error}"
        now = self._clock.now()
        _log.warning("ack refused", gateway=gateway_name(gateway), reason=reason)

        def save(unit: Unit) -> None:
            unit.refuse(now, gateway_name(gateway), reason, octets)
            if sequence is not None:
                unit.set_receipt(gateway, *received(*unit.receipt(gateway), sequence))

        await self._store.write(save)

    def _opened(self, message: Any) -> Any:
        """The ack inside; raises ProtocolError, or KeyError for a device nobody enrolled."""
        claimed = ACK.peek(message.ack)
        if claimed.authority not in OURS:
            # The gateway holds the keys of the local authority: under them it could say anything.
            raise ProtocolError(f"authority {claimed.authority} does not answer to central")
        speaking = gateway_of(claimed.center)
        if speaking:
            if speaking != message.gateway:
                raise ProtocolError(f"{gateway_name(speaking)} does not speak on this gateway")
            if claimed.counter:
                raise ProtocolError(f"{gateway_name(speaking)} answers command {claimed.counter}, and gets none")
            return ACK.open(self._keys.gateway(speaking).up, message.ack)
        if self._places.center_gateway(claimed.center) != message.gateway:
            raise ProtocolError(f"center {claimed.center} does not hang on this gateway")
        return ACK.open(self._keys.center(claimed.center, claimed.authority).up, message.ack)

    def save(self, unit: Unit, message: Any, ack: Any, octets: bytes, now: float) -> tuple[bool, list[Envelope], bytes]:
        """Evidence, receipt, and the move, inside one transaction; whether the ack was new, and an event's confirmation."""
        gateway = message.gateway
        upto, beyond = unit.receipt(gateway)
        unit.set_receipt(gateway, *received(upto, beyond, message.sequence))
        new = unit.add_ack(ack.center, ack.sequence, gateway, ack.incident, ack.status, now, octets)
        if ack.counter == 0:
            return new, *self._events.told(unit, ack, new, octets, message, now)
        if not new:
            return False, [], b""
        order = unit.order(ack.center, ack.authority, ack.counter)
        if order is None:
            unit.refuse(now, center_name(ack.center), f"answers command {ack.counter}, which nobody sent", octets)
            return True, [], b""
        if ack.incident != order.incident:
            # The center used this counter before (a database restored from a backup gives it out again): what it says
            # is about that time. Taken for an answer it would end an alert that nobody heard.
            unit.refuse(now, center_name(ack.center), f"counter {ack.counter} was used for {ack.incident}", octets)
            return True, self._beyond(unit, order, now), b""
        return True, self._move(unit, order, ack, carried(message, now), now), b""

    def _move(self, unit: Unit, order: Order, ack: Any, how: str, now: float) -> list[Envelope]:
        text = f"center {ack.center}: {codes.status_name(ack.status)}"
        if ack.outputs:
            text += f" ({codes.output_names(ack.outputs)})"
        text += ago(ack) + how
        kind = "refused" if codes.refused(ack.status) else codes.status_name(ack.status)
        unit.add_entry(order.incident, now, kind, center_name(ack.center), f"{text} (counter {ack.counter})")
        if codes.refused(ack.status):
            if order.state != PENDING:
                return []
            if ack.status == codes.TOO_OLD:
                return self._beyond(unit, order, now)
            if ack.status in _HEALABLE:
                return self._renew(unit, order, now)
            unit.set_order_state(order, REFUSED)
            return []
        state = _STATES.get(ack.status)
        if state is not None and may(COMMAND_MOVES, order.state, state):
            unit.set_order_state(order, state, ask_at(order, state, now))
        incident = unit.incident(order.incident)
        if state == COMMAND_SOUNDING and incident and may(INCIDENT_MOVES, incident.state, SOUNDING):
            unit.set_incident_state(incident.id, SOUNDING)
        return []

    def _beyond(self, unit: Unit, order: Order, now: float) -> list[Envelope]:
        """The center has seen higher counters than this database knows: skip ahead, further with each try."""
        if order.state != PENDING:
            return []
        unit.skip_counters(order.center, order.authority, _SKIP << 2 * self._tries(unit, order))
        return self._renew(unit, order, now)

    @staticmethod
    def _tries(unit: Unit, order: Order) -> int:
        return sum(1 for one in unit.orders_of(order.incident) if one.center == order.center)

    def _renew(self, unit: Unit, order: Order, now: float) -> list[Envelope]:
        center = unit.center(order.center)
        if center is None or now >= order.expires or self._tries(unit, order) > _MAX_RENEWALS:
            unit.set_order_state(order, REFUSED)
            return []
        fresh = self._sealer.renew(unit, order, center, now)
        unit.add_entry(
            order.incident, now, "commanded", "central", f"center {order.center}: anew (counter {fresh.counter})"
        )
        return self._sealer.envelopes(unit, [(fresh.gateway, fresh.frame)])
