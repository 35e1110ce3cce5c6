"""From a step of a plan to a sealed command in an envelope: save, then send.

`order`, `renew` and `envelopes` run inside the caller's transaction; what `envelopes` returns is sent after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from central.domain.command import RESEND_S, TTL_S, CenterState, Order
from central.domain.incident import PENDING, SUPERSEDED
from central.ports import Keys, Unit
from protocol import hop
from protocol.codes import CENTRAL, DRILL
from protocol.errors import ProtocolError
from protocol.messages import COMMAND, Command

Envelope = tuple[int, bytes]
_FRAMES = 40
# The authorities whose keys no gateway holds; what a center says under another is not for central.
OURS = (CENTRAL, DRILL)


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
        """Take a counter, seal, save. With no nonce yet (the center never said hello) it is saved unsealed and waits."""
        counter = unit.take_counter(center.number, authority)
        frame = b""
        ttl_s = min(TTL_S, max(1, int(expires - now)))
        if center.nonce is not None:
            command = Command(
                authority, center.epoch, center.number, center.group, counter, int(now), ttl_s,
                incident, activation, class_code, action, duration_s, 0,
            )  # fmt: skip
            frame = COMMAND.seal(self._keys.center(center.number, authority).down, command, center.nonce)
        order = Order(
            center.number, center.gateway, authority, counter, incident, activation, class_code,
            action, duration_s, frame, PENDING, now, expires, 1 if frame else 0,
        )  # fmt: skip
        unit.add_order(order, min(now + RESEND_S, expires) if frame else expires)
        return order

    def renew(self, unit: Unit, old: Order, center: CenterState, now: float) -> Order:
        """Issue an order anew: another counter, this boot's nonce, the same (incident, activation)."""
        unit.set_order_state(old, SUPERSEDED)
        return self.order(
            unit, center, old.incident, old.activation, old.class_code, old.action, old.duration_s,
            now, old.expires, old.authority,
        )  # fmt: skip

    def valid(self, order: Order, center: CenterState) -> bool:
        """Whether an order's frame is sealed for the center's present boot; an unsealed one is not."""
        try:
            COMMAND.open(self._keys.center(order.center, order.authority).down, order.frame, center.nonce or b"")
        except ProtocolError:
            return False
        return True

    def envelopes(self, unit: Unit, frames: Iterable[tuple[int, bytes]]) -> list[Envelope]:
        """Frames by gateway, packed into as few envelopes as the broker's packet size allows."""
        by_gateway: dict[int, list[bytes]] = {}
        for gateway, frame in frames:
            if frame:
                by_gateway.setdefault(gateway, []).append(frame)
        made = []
        for gateway, mine in by_gateway.items():
            key = self._keys.gateway(gateway).down
            for start in range(0, len(mine), _FRAMES):
                made.append((gateway, hop.seal(key, gateway, unit.take_hop(gateway), mine[start : start + _FRAMES])))
        return made
