"""From a step of a plan to a sealed command in an envelope: save, then send.

`order`, `renew` and `envelopes` run inside the caller's transaction; what `envelopes` returns is sent after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import structlog

from central.domain.command import RESEND_S, TTL_S, CenterState, Order
from central.domain.errors import CentralError
from central.domain.incident import PENDING, SUPERSEDED
from central.ports import Keys, Unit
from protocol import hop
from protocol.codes import CENTRAL, DRILL
from protocol.errors import ProtocolError
from protocol.hmac import Mac
from protocol.layout import kind_of
from protocol.messages import COMMAND, CONFIRM, TIME, Command, Confirm, Time
from protocol.release import BLOCK, OFFER
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

Envelope = tuple[int, bytes]
_FRAMES = 40
# The authorities whose keys no gateway holds; what a center says under another is not for central.
OURS = (CENTRAL, DRILL)
# A key that is gone or damaged, a counter at its end: the trouble of one device, never of the others' alert.
_CANNOT = (ProtocolError, CentralError, KeyError)


class Sealer:
    """Makes orders and envelopes with the keys it was given; holds no state of its own."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def order(
        self,
        unit: Unit,
        center: CenterState,
        incident: int,
        activation: int,
        class_code: int,
        action: int,
        duration_s: int,
        now: float,
        expires: float,
        authority: int = CENTRAL,
    ) -> Order:
        """Take a counter, seal, save. With no nonce yet (the center never said hello) it is saved unsealed and waits.

        So is one that cannot be sealed: the alert and the other centers go on, and it expires on the timeline.
        """
        counter = unit.take_counter(center.number, authority)
        ttl_s = min(TTL_S, max(1, int(expires - now)))
        command = Command(
            authority, center.epoch, center.number, center.group, counter, int(now), ttl_s,
            incident, activation, class_code, action, duration_s, 0,
        )  # fmt: skip
        frame = self._sealed(center, command)
        order = Order(
            center.number, center.gateway, authority, counter, incident, activation, class_code,
            action, duration_s, frame, PENDING, now, expires, 1 if frame else 0,
        )  # fmt: skip
        unit.add_order(order, min(now + RESEND_S, expires) if frame else expires)
        return order

    def _sealed(self, center: CenterState, command: Command) -> bytes:
        if center.nonce is None:
            return b""
        try:
            return COMMAND.seal(self._keys.center(center.number, command.authority).down, command, center.nonce)
        except _CANNOT as error:
            _log.error("command not sealed", incident=str(command.incident), center=center_name(center.number),
                       reason=str(error))  # fmt: skip
            return b""

    def confirm(self, center: CenterState, sequence: int) -> bytes:
        """CONFIRM of an event that is stored. Like `offer` and `block` nothing without a hello: the center asks again."""
        message = Confirm(CENTRAL, center.epoch, center.number, sequence)
        return self._down(center, lambda key, nonce: CONFIRM.seal(key, message, nonce))

    def time(self, unit: Unit, hello: Any, now: float) -> bytes:
        """TIME for a believed hello; its floor kills every counter below the lowest that is still wanted. Empty when it cannot be."""
        center = unit.center(hello.center)
        if center is None:
            return b""
        wanted = [order.counter for order in unit.outstanding(center.number) if order.authority == hello.authority]
        taken = center.counter if hello.authority == CENTRAL else center.counter_drill
        floor = min(wanted, default=taken + 1) - 1
        message = Time(
            hello.authority, center.epoch, center.number, int(now), int(now % 1 * 1000), floor, hello.request
        )
        try:
            return TIME.seal(self._keys.center(center.number, hello.authority).down, message, hello.nonce)
        except _CANNOT as error:
            _log.error("time not sealed", center=center_name(center.number), reason=str(error))
            return b""

    def offer(self, center: CenterState, manifest: bytes) -> bytes:
        """OFFER of a release by its signed manifest."""
        return self._down(
            center, lambda key, nonce: OFFER.seal(key, (CENTRAL, center.epoch, center.number), manifest, nonce)
        )

    def block(self, center: CenterState, release: int, offset: int, octets: bytes) -> bytes:
        """BLOCK of a release's image."""
        head = (CENTRAL, center.epoch, center.number, release, offset)
        return self._down(center, lambda key, nonce: BLOCK.seal(key, head, octets, nonce))

    def _down(self, center: CenterState, seal: Callable[[Mac, bytes], bytes]) -> bytes:
        """What nobody waits for in a database, sealed for the center's present boot; empty when it cannot be."""
        if center.nonce is None:
            return b""
        try:
            return seal(self._keys.center(center.number, CENTRAL).down, center.nonce)
        except _CANNOT as error:
            _log.error("frame not sealed", center=center_name(center.number), reason=str(error))
            return b""

    def renew(self, unit: Unit, old: Order, center: CenterState, now: float, expires: float | None = None) -> Order:
        """Issue an order anew: another counter, this boot's nonce, the same (incident, activation)."""
        unit.set_order_state(old, SUPERSEDED)
        return self.order(
            unit, center, old.incident, old.activation, old.class_code, old.action, old.duration_s,
            now, old.expires if expires is None else expires, old.authority,
        )  # fmt: skip

    def valid(self, order: Order, center: CenterState) -> bool:
        """Whether an order's frame is sealed for the center's present boot; an unsealed one is not."""
        try:
            COMMAND.open(self._keys.center(order.center, order.authority).down, order.frame, center.nonce or b"")
        except _CANNOT:
            return False
        return True

    def sign(self, unit: Unit, gateway: int) -> list[Envelope]:
        """A sign of life for a gateway."""
        return self._envelope(unit, gateway, [])

    def envelopes(self, unit: Unit, frames: Iterable[tuple[int, bytes]]) -> list[Envelope]:
        """Frames by gateway, packed into as few envelopes as the broker's packet size allows."""
        by_gateway: dict[int, list[bytes]] = {}
        for gateway, frame in frames:
            if frame:
                by_gateway.setdefault(gateway, []).append(frame)
        made = []
        for gateway, mine in by_gateway.items():
            for some in _packed(mine):
                made += self._envelope(unit, gateway, some)
        return made

    def _envelope(self, unit: Unit, gateway: int, frames: list[bytes]) -> list[Envelope]:
        try:
            return [(gateway, hop.seal(self._keys.gateway(gateway).down, gateway, unit.take_hop(gateway), frames))]
        except _CANNOT as error:
            _log.error("envelope not sealed", gateway=gateway_name(gateway), reason=str(error))
            return []


def _packed(frames: list[bytes]) -> Iterator[list[bytes]]:
    """In order, so many to an envelope; one of variable size is the last in its envelope (docs/protocol.md)."""
    some: list[bytes] = []
    for frame in frames:
        some.append(frame)
        if len(some) == _FRAMES or kind_of(frame) in (OFFER.kind, BLOCK.kind):
            yield some
            some = []
    if some:
        yield some
