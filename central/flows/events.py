"""What centers and gateways tell without being asked: presses become alerts, the rest stands on the timeline; all is confirmed.

Called by the ack flow, inside the transaction that keeps the ack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from central.domain.alert import Alert
from central.domain.incident import COMMAND_MOVES, COMMAND_SOUNDING, DONE, INCIDENT_MOVES, SOUNDING, may
from central.domain.reporting import ago, carried, delay_s
from central.flows.dispatch import Envelope, Sealer
from central.flows.intake import Intake
from central.ports import Places, Unit
from protocol import codes, countersign
from protocol.codes import CENTRAL
from protocol.gateway import gateway_of, speaker_name
from protocol.messages import ACK

_log = structlog.get_logger()

_LOCAL_STATES = {codes.SOUNDING_LOCALLY: COMMAND_SOUNDING, codes.STOPPED_LOCALLY: DONE}
_FIXED = (codes.PANIC_FOB_FIXED, codes.SILENT_FOB_FIXED)
_COUNTED = (codes.GROUP_STOPPED, codes.GROUP_STOP_INCOMPLETE)


class Events:
    """`button_classes` is what each kind of press means here."""

    def __init__(self, places: Places, sealer: Sealer, intake: Intake, button_classes: Mapping[int, str]) -> None:
        self._places = places
        self._sealer = sealer
        self._intake = intake
        self._button_classes = button_classes

    def told(
        self, unit: Unit, ack: Any, new: bool, octets: bytes, stamp: Any, now: float
    ) -> tuple[list[Envelope], bytes]:
        """What an event moves when it is new, and its sealed confirmation each time: the center tells it until one arrives.

        `stamp` is what the gateway put on it: a press that waited there is as old as that says, and never younger than the
        center says.

        The confirmation is among the envelopes too; it is empty for whoever waits for none.
        """
        envelopes = self._event(unit, ack, stamp, now) if new else []
        if not new and not _same(unit.ack(ack.center, ack.sequence), ack):
            # A center that lost its count. What is not stored is not confirmed; a press is taken, once, all the same.
            unit.refuse(now, speaker_name(ack.center), f"sequence {ack.sequence} was used for another word", octets)
            class_name = self._button_classes.get(ack.status)
            return self._pressed(unit, ack, class_name, stamp, now) if class_name else [], b""
        center = unit.center(ack.center)
        if ack.authority != CENTRAL or center is None:
            return envelopes, b""
        confirm = self._sealer.confirm(center, ack.sequence)
        return envelopes + self._sealer.envelopes(unit, [(center.gateway, confirm)]), confirm

    def _event(self, unit: Unit, ack: Any, stamp: Any, now: float) -> list[Envelope]:
        """In the ack's own transaction: once it is receipted nobody tells of a pressed button again."""
        class_name = self._button_classes.get(ack.status)
        envelopes = self._pressed(unit, ack, class_name, stamp, now) if class_name else []
        if ack.status in _COUNTED:
            unit.end_group_stops(gateway_of(ack.center), ack.incident)
        incident = unit.incident(self._incident_of(unit, ack))
        if incident is not None:
            text = f"{_who(ack)}: {codes.status_name(ack.status)}{_detail(ack)}{ago(ack)}{carried(stamp, now)}"
            unit.add_entry(incident.id, now, "event", speaker_name(ack.center), text)
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
        municipality = self._municipality(ack)
        known = unit.incident_of_alert(municipality, _press(ack))
        return known[0] if known else int(ack.incident)

    def _did_already(self, unit: Unit, ack: Any) -> None:
        """What its own button made a center do is what it was commanded to do for the same incident."""
        state = _LOCAL_STATES.get(ack.status)
        for order in unit.orders_of(ack.incident) if state else []:
            own = order.center == ack.center and order.action & codes.ACTIVATE
            if state and own and may(COMMAND_MOVES, order.state, state):
                unit.set_order_state(order, state)

    def _pressed(self, unit: Unit, ack: Any, class_name: str, stamp: Any, now: float) -> list[Envelope]:
        gateway = gateway_of(ack.center)
        fob = ack.status in codes.FOB_PRESSES
        alert = Alert(
            id=_press(ack),
            municipality=self._municipality(ack),
            class_name=class_name,
            source="gateway" if gateway else "fob" if fob else "button",
            group=self._group(ack),
            age_s=float(ack.age + delay_s(stamp, now)),
            center=None if gateway else ack.center,
            discreet=ack.status in codes.SILENT_PRESSES,
            slot=ack.battery if fob else None,
            low_assurance=ack.status in _FIXED,
        )
        recorded, envelopes = self._intake.take(unit, alert, now, ack.incident)
        _log.info(codes.status_name(ack.status), incident=str(recorded.incident), center=speaker_name(ack.center))
        return envelopes

    def _group(self, ack: Any) -> int | None:
        """Whose neighbourhood it is; None for a gateway of several: it has sounded its centers itself, operators do the rest."""
        gateway = gateway_of(ack.center)
        if not gateway:
            return self._places.center_group(ack.center)
        groups = self._places.gateway_groups(gateway)
        return groups[0] if len(groups) == 1 else None

    def _municipality(self, ack: Any) -> int:
        gateway = gateway_of(ack.center)
        if gateway:
            return self._places.gateway_municipality(gateway)
        return self._places.municipality_of(self._places.center_group(ack.center))


def _who(ack: Any) -> str:
    gateway = gateway_of(ack.center)
    return f"gateway {gateway}" if gateway else f"center {ack.center}"


def _detail(ack: Any) -> str:
    """What the battery field of an event holds where it is no battery: a fob's slot, a number of centers."""
    if ack.status in codes.FOB_PRESSES:
        return f", slot {ack.battery}"
    return f" ({ack.battery})" if ack.status in _COUNTED else ""


def _same(stored: bytes, ack: Any) -> bool:
    """Whether the ack that is stored under a sequence is this very event; its age has changed since."""
    known = ACK.peek(countersign.kept(stored).ack)
    return bool((known.counter, known.incident, known.status) == (ack.counter, ack.incident, ack.status))


def _press(ack: Any) -> str:
    """The id of the alert that a pressed button is."""
    return f"{speaker_name(ack.center)}-{ack.incident:016x}"
