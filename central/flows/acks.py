"""A center's word comes in: verified, matched to the command it answers, one legal move, or a refusal that is kept too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from central.domain.alert import Alert
from central.domain.command import Order
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
from central.flows.dispatch import OURS, Envelope, Sealer
from central.flows.fleet import MAX_AGE_S, Fleet
from central.flows.intake import Intake
from central.ports import Broker, Clock, Keys, Places, Store, Unit
from protocol import codes, countersign
from protocol.codes import CENTRAL
from protocol.errors import ProtocolError
from protocol.messages import ACK
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

_STATES = {codes.ACCEPTED: ACCEPTED, codes.SOUNDING: COMMAND_SOUNDING, codes.STOPPED: DONE, codes.FAILED: FAILED}
_LOCAL_STATES = {codes.SOUNDING_LOCALLY: COMMAND_SOUNDING, codes.STOPPED_LOCALLY: DONE}
_FIXED = (codes.PANIC_FOB_FIXED, codes.SILENT_FOB_FIXED)
# Refusals that a new frame (new counter, this boot's nonce, this moment) can heal.
_HEALABLE = (codes.NOT_SYNCHRONISED, codes.STALE, codes.FUTURE)
_MAX_RENEWALS = 8
# News of a center that somebody has to look at.
_WARNINGS = (codes.TAMPER, codes.DRIVER_FAULT, codes.STUCK_RELAY, codes.UNEXPECTED_SOUNDING, codes.ERASED)
# A center's window: whatever is this far above a counter that it remembers is new to it.
_SKIP = 64


class Acks:
    """Takes countersigned acks; `on_receipt` hears which gateway is owed a receipt after each commit."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        keys: Keys,
        places: Places,
        sealer: Sealer,
        intake: Intake,
        fleet: Fleet,
        on_receipt: Callable[[int], None],
        button_classes: Mapping[int, str],
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._keys = keys
        self._places = places
        self._sealer = sealer
        self._intake = intake
        self._fleet = fleet
        self._on_receipt = on_receipt
        self._button_classes = button_classes

    async def receive(self, gateway: int, octets: bytes) -> None:
        """One countersigned ack from `gateway`'s topic. Never raises for what it says; raises StoreUnavailable."""
        now = self._clock.now()
        try:
            message, ack = self._verified(gateway, octets)
        except (ProtocolError, KeyError) as error:
            reason = str(error) if isinstance(error, ProtocolError) else f"unknown device {error}"
            _log.warning("ack refused", gateway=gateway_name(gateway), reason=reason)
            await self._store.write(lambda unit: unit.refuse(now, gateway_name(gateway), reason, octets))
            return
        new, envelopes = await self._store.write(lambda unit: self.save(unit, gateway, message, ack, octets, now))
        for towards, envelope in envelopes:
            self._broker.send(towards, envelope)
        self._on_receipt(gateway)
        if new and ack.counter == 0:
            self._fleet.event(ack, now)
            if ack.status in _WARNINGS:
                _log.warning("center event", center=center_name(ack.center), what=codes.status_name(ack.status),
                             age_s=ack.age, sequence=ack.sequence)  # fmt: skip
        _log.info("ack", incident=str(ack.incident), center=center_name(ack.center), counter=ack.counter,
                  status=codes.status_name(ack.status), sequence=ack.sequence, repeated=not new)  # fmt: skip

    def _verified(self, gateway: int, octets: bytes) -> tuple[Any, Any]:
        """The stamp and the ack; raises ProtocolError, or KeyError for a device nobody enrolled."""
        message = countersign.unpack(octets)
        if message.gateway != gateway:
            raise ProtocolError(f"signed as gateway {message.gateway}")
        if not self._keys.verify(gateway, message.signature, countersign.to_sign(message)):
            raise ProtocolError("the gateway's signature does not verify")
        claimed = ACK.peek(message.ack)
        if claimed.authority not in OURS:
            # The gateway holds the keys of the local authority: under them it could say anything.
            raise ProtocolError(f"authority {claimed.authority} does not answer to central")
        if self._places.center_gateway(claimed.center) != gateway:
            raise ProtocolError(f"center {claimed.center} does not hang on this gateway")
        return message, ACK.open(self._keys.center(claimed.center, claimed.authority).up, message.ack)

    def save(
        self, unit: Unit, gateway: int, message: Any, ack: Any, octets: bytes, now: float
    ) -> tuple[bool, list[Envelope]]:
        """Evidence, receipt, and the move, inside one transaction; whether the ack was new."""
        upto, beyond = unit.receipt(gateway)
        unit.set_receipt(gateway, *received(upto, beyond, message.sequence))
        new = unit.add_ack(ack.center, ack.sequence, gateway, ack.incident, ack.status, now, octets)
        if ack.counter == 0:
            return new, self._told(unit, ack, new, octets, now)
        if not new:
            return False, []
        order = unit.order(ack.center, ack.authority, ack.counter)
        if order is None:
            unit.refuse(now, center_name(ack.center), f"answers command {ack.counter}, which nobody sent", octets)
            return True, []
        if ack.incident != order.incident:
            # The center used this counter before (a database restored from a backup gives it out again): what it says
            # is about that time. Taken for an answer it would end an alert that nobody heard.
            unit.refuse(now, center_name(ack.center), f"counter {ack.counter} was used for {ack.incident}", octets)
            return True, self._beyond(unit, order, now)
        return True, self._move(unit, order, ack, now)

    def _move(self, unit: Unit, order: Order, ack: Any, now: float) -> list[Envelope]:
        text = f"center {ack.center}: {codes.status_name(ack.status)}"
        if ack.outputs:
            text += f" ({codes.output_names(ack.outputs)})"
        text += _ago(ack)
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
            unit.set_order_state(order, state)
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

    def _told(self, unit: Unit, ack: Any, new: bool, octets: bytes, now: float) -> list[Envelope]:
        """What an event moves when it is new, and its confirmation each time: the center tells it until one arrives."""
        envelopes = self._event(unit, ack, now) if new else []
        if not new and not _same(unit.ack(ack.center, ack.sequence), ack):
            # A center that lost its count. What is not stored is not confirmed; a press is taken, once, all the same.
            unit.refuse(now, center_name(ack.center), f"sequence {ack.sequence} was used for another word", octets)
            class_name = self._button_classes.get(ack.status)
            return self._pressed(unit, ack, class_name, now) if class_name else []
        center = unit.center(ack.center)
        if ack.authority != CENTRAL or center is None:
            return envelopes
        return envelopes + self._sealer.envelopes(unit, [(center.gateway, self._sealer.confirm(center, ack.sequence))])

    def _event(self, unit: Unit, ack: Any, now: float) -> list[Envelope]:
        """In the ack's own transaction: once it is receipted nobody tells of a pressed button again."""
        class_name = self._button_classes.get(ack.status)
        envelopes = self._pressed(unit, ack, class_name, now) if class_name else []
        incident = unit.incident(self._incident_of(unit, ack))
        if incident is not None:
            fob = f", slot {ack.battery}" if ack.status in codes.FOB_PRESSES else ""
            text = f"center {ack.center}: {codes.status_name(ack.status)}{fob}{_ago(ack)}"
            unit.add_entry(incident.id, now, "event", center_name(ack.center), text)
            if ack.status == codes.SOUNDING_LOCALLY and may(INCIDENT_MOVES, incident.state, SOUNDING):
                unit.set_incident_state(incident.id, SOUNDING)
            if incident.id == ack.incident:
                self._did_already(unit, ack)
            else:
                unit.file_ack(ack.center, ack.sequence, incident.id)
        return envelopes

    def _incident_of(self, unit: Unit, ack: Any) -> int:
        """The incident that the center's own id stands for: that of the same number, or the one its press joined."""
        if not ack.incident or unit.incident(ack.incident) is not None:
            return int(ack.incident)
        municipality = self._places.municipality_of(self._places.center_group(ack.center))
        known = unit.incident_of_alert(municipality, _press(ack))
        return known[0] if known else int(ack.incident)

    def _did_already(self, unit: Unit, ack: Any) -> None:
        """What its own button made a center do is what it was commanded to do for the same incident."""
        state = _LOCAL_STATES.get(ack.status)
        for order in unit.orders_of(ack.incident) if state else []:
            own = order.center == ack.center and order.action & codes.ACTIVATE
            if state and own and may(COMMAND_MOVES, order.state, state):
                unit.set_order_state(order, state)

    def _pressed(self, unit: Unit, ack: Any, class_name: str, now: float) -> list[Envelope]:
        group = self._places.center_group(ack.center)
        fob = ack.status in codes.FOB_PRESSES
        alert = Alert(
            id=_press(ack),
            municipality=self._places.municipality_of(group),
            class_name=class_name,
            source="fob" if fob else "button",
            group=group,
            age_s=float(ack.age),
            center=ack.center,
            discreet=ack.status in codes.SILENT_PRESSES,
            slot=ack.battery if fob else None,
            low_assurance=ack.status in _FIXED,
        )
        recorded, envelopes = self._intake.take(unit, alert, now, ack.incident)
        _log.info(codes.status_name(ack.status), incident=str(recorded.incident), center=center_name(ack.center))
        return envelopes


def _ago(ack: Any) -> str:
    """How long ago it happened, when that is not now; the wire counts no further than 65,535 s."""
    at_least = "at least " if ack.age == MAX_AGE_S else ""
    return f", {at_least}{ack.age} s ago" if ack.age else ""


def _same(stored: bytes, ack: Any) -> bool:
    """Whether the ack that is stored under a sequence is this very event; its age has changed since."""
    known = ACK.peek(countersign.unpack(stored).ack)
    return bool((known.counter, known.incident, known.status) == (ack.counter, ack.incident, ack.status))


def _press(ack: Any) -> str:
    """The id of the alert that a pressed button is."""
    return f"{center_name(ack.center)}-{ack.incident:016x}"
