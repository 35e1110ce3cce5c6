"""A modem on this machine as a carrier of short messages: modem.keeper, with what comes handed to the uplink.

Made by the wiring, one for each device. It never looks at the number of a sender: what comes is handed on, and its seal counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from modem.keeper import Keeper
from modem.pdu import Deliver
from modem.session import KeeperSettings
from modem.text import octets_of, to_text

Receive = Callable[[bytes], Awaitable[bool]]

_VALIDITY_S = 300
# How long one modem may look for a network before the message is given to another.
_DEADLINE_S = 10.0


class ModemCarrier:
    """`text` sends base64 where the network carries no 8-bit data; either is understood. `receive` says whether a message that
    came may be deleted from the card."""

    # One on its way, and the next one behind it.
    places = 2

    def __init__(self, settings: KeeperSettings, receive: Receive, text: bool = False) -> None:
        self.name = settings.paths[0]
        self._receive = receive
        self._text = text
        self._keeper = Keeper(settings, self._taken, structlog.get_logger().bind(modem=self.name))

    @property
    def ready(self) -> bool:
        """Whether the modem is in the network."""
        return self._keeper.health.ok

    async def run(self) -> None:
        """Keep the modem, until cancelled."""
        await self._keeper.run()

    async def send(self, number: str, octets: bytes) -> None:
        """One message; raises modem.errors."""
        payload = to_text(octets) if self._text else octets
        await self._keeper.send(number, payload, _VALIDITY_S, _DEADLINE_S)

    async def _taken(self, message: Deliver) -> bool:
        return await self._receive(octets_of(message.payload) or b"")
