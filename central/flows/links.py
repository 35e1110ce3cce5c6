"""Which gateways MQTT reaches, from what the broker and they themselves said. In memory; filled by the uplink and the broker's edge."""

from __future__ import annotations

from central.domain.bearer import Reach, SmsPolicy
from central.ports import Broker


class Links:
    """`since` is when this process began to listen, Unix seconds."""

    def __init__(self, broker: Broker, since: float, policy: SmsPolicy) -> None:
        self._broker = broker
        self._since = since
        self._policy = policy
        self._reaches: dict[int, Reach] = {}

    def connected(self, now: float) -> None:
        """The broker is there again: gateways get their time to be heard before their silence counts."""
        self._since = now

    def heard(self, gateway: int, now: float) -> None:
        """Something sealed of a gateway came by MQTT."""
        reach = self._reach(gateway)
        reach.heard_at, reach.will_at, reach.nobody_at = now, None, None

    def link(self, gateway: int, octets: bytes, now: float) -> None:
        """Its greeting or its last will came: a hint, and taken back by anything sealed."""
        reach = self._reach(gateway)
        if octets == b"0":
            reach.will_at = now
        elif octets == b"1":
            reach.will_at = reach.nobody_at = None

    def listens(self, gateway: int, somebody: bool, now: float) -> None:
        """What the broker answered to a message for a gateway: whether anybody is subscribed to its topic."""
        self._reach(gateway).nobody_at = None if somebody else now

    def heard_since(self, gateway: int, then: float) -> bool:
        """Whether something sealed came by MQTT after a moment."""
        return self._reach(gateway).heard_at > then

    def lost(self, gateway: int, now: float) -> str:
        """Why MQTT does not reach a gateway; empty when nothing says so."""
        if not self._broker.up:
            return "the broker is not connected"
        return self._reach(gateway).lost(self._since, now, self._policy)

    def _reach(self, gateway: int) -> Reach:
        return self._reaches.setdefault(gateway, Reach())
