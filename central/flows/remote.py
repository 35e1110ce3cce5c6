"""Settings of gateways, changed from afar: a wish is sent until the gateway's own word names its version.

`once` is called every two seconds by the wiring, `status` by the uplink. What the settings may hold is the gateway's to judge.
"""

from __future__ import annotations

import json

import structlog

from central.domain.remote import AGAIN_S, Wish, known_version
from central.flows.dispatch import Envelope, Sealer
from central.ports import Broker, Clock, Store, Unit
from protocol import gateway as frames
from protocol.topics import gateway_name

_log = structlog.get_logger()


class Remote:
    """When what was sent last is forgotten with the process, and sent again."""

    def __init__(self, store: Store, broker: Broker, clock: Clock, sealer: Sealer) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._sealer = sealer
        self._sent: dict[int, tuple[int, float]] = {}

    async def once(self) -> None:
        """One round; raises StoreUnavailable."""
        now = self._clock.now()
        for gateway, octets in await self._store.write(lambda unit: self.save(unit, now)):
            self._broker.send(gateway, octets)

    def save(self, unit: Unit, now: float) -> list[Envelope]:
        """The wishes that are due, each in an envelope of its own."""
        envelopes = []
        for wish in unit.wishes():
            version, at = self._sent.get(wish.gateway, (0, 0.0))
            if version == wish.version and now - at < AGAIN_S:
                continue
            self._sent[wish.gateway] = wish.version, now
            envelopes += self._sealer.envelopes(unit, [(wish.gateway, settings(wish))])
            if version != wish.version:
                _log.info("settings sent", gateway=gateway_name(wish.gateway), version=wish.version)
        return envelopes

    async def status(self, gateway: int, frame: bytes) -> None:
        """A gateway says what it runs; raises Malformed, StoreUnavailable."""
        document = frames.read_document(frames.STATUS, frame)
        now = self._clock.now()
        await self._store.write(lambda unit: unit.keep_status(gateway, document, now))
        said = document.get("settings")
        if isinstance(said, dict) and known_version(document):
            _log.info("settings known", gateway=gateway_name(gateway), version=known_version(document),
                      state=said.get("state"), reason=said.get("reason"))  # fmt: skip


def settings(wish: Wish) -> bytes:
    """A wish's frame; raises Malformed when it is too long."""
    return frames.document(frames.SETTINGS, {"version": wish.version, **json.loads(wish.options)})
