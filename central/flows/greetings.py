"""A center says hello: believed or not; its clock and nonce; what was outstanding is issued anew for this boot."""

from __future__ import annotations

from typing import Any

import structlog

from central.domain.command import CenterState
from central.domain.owed import Owed
from central.flows.dispatch import OURS, Envelope, Sealer
from central.flows.fleet import Fleet
from central.flows.releases import Releases
from central.ports import Broker, Clock, Keys, Places, Store, Unit
from protocol.codes import BEARER_MQTT, BEARER_SMS, CENTRAL
from protocol.errors import ProtocolError
from protocol.messages import HELLO
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()


def believable(center: CenterState, boot: int, nonce: bytes) -> bool:
    """Whether a hello is of a newer boot, or once more of the present one. An old one, replayed, mutes nobody."""
    return boot > center.boot or (boot == center.boot and nonce == center.nonce)


class Greetings:
    """Answers hellos of the authorities that central holds (central and drill)."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        clock: Clock,
        keys: Keys,
        places: Places,
        sealer: Sealer,
        fleet: Fleet,
        releases: Releases,
        owed: Owed,
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._keys = keys
        self._places = places
        self._sealer = sealer
        self._fleet = fleet
        self._releases = releases
        self._owed = owed

    async def receive(self, gateway: int, frame: bytes, bearer: int = BEARER_MQTT) -> None:
        """One sealed hello. Never raises for what it says; raises StoreUnavailable."""
        now = self._clock.now()
        try:
            claimed = HELLO.peek(frame)
            if claimed.authority not in OURS:
                raise ProtocolError(f"authority {claimed.authority} does not answer to central")
            if self._places.center_gateway(claimed.center) != gateway:
                raise ProtocolError(f"center {claimed.center} does not hang on this gateway")
            hello = HELLO.open(self._keys.center(claimed.center, claimed.authority).up, frame)
        except (ProtocolError, KeyError) as error:
            reason = str(error) if isinstance(error, ProtocolError) else f"unknown device {error}"
            _log.warning("hello refused", gateway=gateway_name(gateway), reason=reason)
            await self._store.write(lambda unit: unit.refuse(now, gateway_name(gateway), reason, frame))
            return
        envelopes = await self._store.write(lambda unit: self.save(unit, hello, frame, now))
        if envelopes:
            self._fleet.greeted(hello.center, now)
            if bearer == BEARER_SMS:
                self._owed.time(gateway, hello, now)
        for towards, octets in envelopes:
            self._broker.mention(towards, octets)

    def save(self, unit: Unit, hello: Any, frame: bytes, now: float) -> list[Envelope]:
        """Believe it or keep the refusal; answer with the time; renew what the new boot made void."""
        center = unit.center(hello.center)
        if center is None:
            return []
        name = center_name(hello.center)
        if not believable(center, hello.boot, hello.nonce):
            reason = f"hello of boot {hello.boot}, the present one is {center.boot}: replayed"
            _log.warning("hello refused", center=name, reason=reason)
            unit.refuse(now, name, reason, frame)
            return []
        unit.greeted(hello.center, hello.boot, hello.nonce, hello.central, hello.drill)
        fresh = unit.center(hello.center) or center
        frames = []
        if hello.authority == CENTRAL:
            frames = self._reissued(unit, fresh, now)
            # Last: a command that waits goes before any news of a program.
            frames.append((center.gateway, self._releases.offer(unit, fresh, now, greeted=True)))
        return self._sealer.envelopes(unit, [(center.gateway, self._sealer.time(unit, hello, now)), *frames])

    def _reissued(self, unit: Unit, center: CenterState, now: float) -> list[tuple[int, bytes]]:
        """Asked of each frame, not of the boot count: the drill's hello of the same boot may have come first."""
        frames = []
        for order in unit.outstanding(center.number):
            if self._sealer.valid(order, center):
                frames.append((order.gateway, order.frame))
            elif now < order.expires:
                anew = self._sealer.renew(unit, order, center, now)
                text = f"center {center.number}: anew after its start (counter {anew.counter})"
                unit.add_entry(order.incident, now, "commanded", "central", text)
                frames.append((anew.gateway, anew.frame))
        return frames
