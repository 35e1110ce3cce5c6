"""What gateways say, by kind: acks, hellos, digests, presence, reports, fetches. One bad message never stops the next.

Called by the wiring for each message of the broker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from central.domain.errors import CentralError, StoreUnavailable
from central.domain.receipts import moved_on
from central.flows.acks import Acks
from central.flows.dispatch import Envelope, Sealer
from central.flows.fleet import Fleet
from central.flows.greetings import Greetings
from central.flows.links import Links
from central.flows.releases import Releases
from central.flows.remote import Remote
from central.ports import Broker, Clock, Keys, Places, Store, Unit
from protocol import gateway as to_gateway
from protocol import hop, report
from protocol.codes import BEARER_MQTT, BEARER_SMS, CENTRAL
from protocol.errors import ProtocolError
from protocol.layout import kind_of
from protocol.messages import (
    BEAT,
    KIND_ACK,
    KIND_ACKS,
    KIND_BEAT,
    KIND_DIGEST,
    KIND_FETCH,
    KIND_GATEWAY,
    KIND_HELLO,
    KIND_HOP,
    KIND_PRESENCE,
    KIND_REPORT,
)
from protocol.topics import DOWN, LINK, center_name, gateway_name, number_of, parse

_log = structlog.get_logger()

_TELL_S = 60.0


class Uplink:
    """Sorts messages; everything it believes is sealed by the gateway (hop key) or by the center."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        keys: Keys,
        places: Places,
        sealer: Sealer,
        fleet: Fleet,
        acks: Acks,
        greetings: Greetings,
        releases: Releases,
        links: Links,
        remote: Remote,
    ) -> None:
        self._links = links
        self._remote = remote
        self._strangers, self._told_at = 0, 0.0
        self._store = store
        self._broker = broker
        self._sealer = sealer
        self._clock = clock
        self._keys = keys
        self._places = places
        self._fleet = fleet
        self._acks = acks
        self._greetings = greetings
        self._releases = releases
        self._kinds: dict[int, Callable[[int, bytes], Awaitable[None]]] = {
            KIND_ACKS: self._acks.batch,
            KIND_HELLO: self._greetings.receive,
            KIND_DIGEST: self._digest,
            KIND_PRESENCE: self._presence,
            KIND_REPORT: self._report,
            KIND_BEAT: self._beat,
            KIND_FETCH: self._releases.fetch,
            KIND_GATEWAY: self._of_itself,
        }
        greeted_by_sms = partial(self._greetings.receive, bearer=BEARER_SMS)
        self._kinds_by_sms = self._kinds | {KIND_HELLO: greeted_by_sms}

    async def receive(self, name: str, payload: bytes) -> None:
        """One message; never raises."""
        try:
            device, direction = parse(name)
            if direction == DOWN or device[0] != "G":
                return
            gateway = number_of(device)
            if direction == LINK:
                self._links.link(gateway, payload, self._clock.now())
            elif kind_of(payload) == KIND_ACK:
                await self._acks.receive(gateway, payload)
            elif kind_of(payload) == KIND_HOP:
                await self._envelope(gateway, payload)
            else:
                raise ProtocolError(f"kind {kind_of(payload)} is not for central")
        except (ProtocolError, KeyError) as error:
            _log.warning("message refused", topic=name, reason=str(error), octets=len(payload))
        except CentralError as error:
            # Not saved, so not receipted: the gateway sends it again.
            _log.error("message not taken", topic=name, reason=str(error))
        except Exception:
            # A message from outside must not end the reading of all the others, whatever in it nobody thought of.
            _log.exception("message failed", topic=name, octets=payload[:64].hex())

    async def receive_sms(self, octets: bytes) -> bool:
        """One short message, from whomever: whether it may be forgotten. Not one that is believed and could not be saved; never raises."""
        try:
            if kind_of(octets) == KIND_ACK:
                await self._acks.by_sms(octets)
            elif kind_of(octets) == KIND_HOP:
                # It says whose it is; the key of that gateway proves it.
                await self._envelope(int.from_bytes(octets[1:3], "big"), octets, BEARER_SMS)
            else:
                raise ProtocolError(f"kind {kind_of(octets)} is not for central")
        except (ProtocolError, KeyError) as error:
            self._refused(str(error))
        except StoreUnavailable as error:
            _log.error("short message not taken", reason=str(error))
            return False
        except Exception:
            # Kept, it would come again for ever and fill the card; what mattered in it is sent again.
            _log.exception("short message failed", octets=octets.hex())
        return True

    def _refused(self, reason: str) -> None:
        """Anybody can send a short message: one line a minute, however many come."""
        self._strangers += 1
        now = self._clock.now()
        if now >= self._told_at + _TELL_S:
            _log.warning("short messages refused", reason=reason, count=self._strangers)
            self._strangers, self._told_at = 0, now

    async def _envelope(self, gateway: int, payload: bytes, bearer: int = BEARER_MQTT) -> None:
        envelope = hop.open(self._keys.gateway(gateway).up, payload)
        if envelope.gateway != gateway:
            raise ProtocolError(f"envelope of {gateway_name(envelope.gateway)} on the topic of {gateway_name(gateway)}")
        fresh, answer = await self._store.write(lambda unit: self._risen(unit, gateway, envelope, bearer))
        if not fresh:
            raise ProtocolError(f"envelope {envelope.sequence} of {gateway_name(gateway)} came before")
        # Only a new envelope shows that the gateway lives: everything else may be a recording of it.
        self._fleet.heard(gateway, self._clock.now())
        if bearer == BEARER_MQTT:
            self._links.heard(gateway, self._clock.now())
        self._send(answer)
        kinds = self._kinds if bearer == BEARER_MQTT else self._kinds_by_sms
        for frame in envelope.frames:
            handle = kinds.get(kind_of(frame))
            if handle is None:
                continue
            try:
                await handle(gateway, frame)
            except (ProtocolError, KeyError) as error:
                # The others of the same envelope stand on their own.
                _log.warning("frame refused", gateway=gateway_name(gateway), kind=kind_of(frame), reason=str(error))

    def _risen(self, unit: Unit, gateway: int, envelope: hop.Envelope, bearer: int) -> tuple[bool, list[Envelope]]:
        """Whether an envelope is new, and the answer to a sign of life: in as few octets, or the question for everything."""
        if not unit.rise_hop_up(gateway, envelope.sequence, bearer == BEARER_MQTT):
            return False, []
        if envelope.frames:
            return True, []
        if self._fleet.knows(gateway):
            return True, self._sealer.sign(unit, gateway)
        return True, self._sealer.envelopes(unit, [(gateway, to_gateway.ask())])

    def _send(self, envelopes: list[Envelope]) -> None:
        """What the gateway asks for again when it does not come, and the broker need not confirm."""
        for gateway, octets in envelopes:
            self._broker.mention(gateway, octets)

    async def _digest(self, gateway: int, frame: bytes) -> None:
        digest = hop.read_digest(frame)
        for age_s, beat in digest.beats:
            try:
                self._believe_beat(gateway, beat, age_s)
            except (ProtocolError, KeyError) as error:
                # One center's damaged heartbeat says nothing about the others'.
                _log.warning("heartbeat refused", gateway=gateway_name(gateway), reason=str(error))

        def move(unit: Unit) -> list[Envelope]:
            upto, beyond = unit.receipt(gateway)
            moved = moved_on(upto, beyond, digest.oldest)
            if moved != (upto, beyond):
                unit.set_receipt(gateway, *moved)
            return self._sealer.envelopes(unit, [(gateway, hop.receipt(hop.Receipt(*moved)))])

        self._send(await self._store.write(move))
        self._fleet.told(gateway)

    async def _beat(self, gateway: int, frame: bytes) -> None:
        self._believe_beat(gateway, frame, 0)

    def _believe_beat(self, gateway: int, frame: bytes, age_s: int) -> None:
        claimed = BEAT.peek(frame)
        self._owned(gateway, claimed.center)
        if claimed.authority != CENTRAL:
            raise ProtocolError("a heartbeat for another authority")
        beat = BEAT.open(self._keys.center(claimed.center, CENTRAL).up, frame)
        self._fleet.beat(beat, age_s, self._clock.now())

    async def _of_itself(self, gateway: int, frame: bytes) -> None:
        about = to_gateway.about(frame)
        if about == to_gateway.STATUS:
            await self._remote.status(gateway, frame)
        elif about == to_gateway.WANT:
            await self._releases.wanted(gateway, frame)

    async def _presence(self, gateway: int, frame: bytes) -> None:
        presence = hop.read_presence(frame)
        self._owned(gateway, presence.center)
        status = self._fleet.status(presence.center)
        if status.up != bool(presence.up):
            _log.info("presence", center=presence.center, up=bool(presence.up), since_s=presence.since)
        status.up = bool(presence.up)

    async def _report(self, gateway: int, frame: bytes) -> None:
        center = report.peek(frame)[0].center
        self._owned(gateway, center)
        opened = report.open(self._keys.center(center, CENTRAL).up, frame)
        self._fleet.reported(opened)
        await self._releases.reported(opened)

    def _owned(self, gateway: int, center: int) -> None:
        """A gateway speaks for the centers that hang on it, and for no others."""
        if self._places.center_gateway(center) != gateway:
            raise ProtocolError(f"{center_name(center)} does not hang on {gateway_name(gateway)}")
