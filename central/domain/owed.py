"""What gateways are owed by SMS because they asked by SMS: receipts with confirmations, and the time for a center that said hello.

In memory: what is lost with the process is asked for again. Filled by the flows that take messages, emptied by the SMS rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol.codes import PRESSES

# A center takes TIME only within 60 s of its request; what would arrive later is not worth a message.
HELLO_S = 45.0
# Three confirmations fit one SMS beside the receipt; a center whose confirmation is left out tells its event again.
CONFIRMS = 3


@dataclass(frozen=True)
class Debt:
    """When a gateway's last ack came by SMS (Unix seconds), whether a person's press was among them, and sealed confirmations
    for its centers."""

    since: float
    pressed: bool = False
    confirms: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Greeting:
    """A believed hello that came by SMS at `at`."""

    gateway: int
    hello: Any
    at: float


class Owed:
    """By gateway and by center."""

    def __init__(self) -> None:
        self._debts: dict[int, Debt] = {}
        self._receipted: dict[int, float] = {}
        self._greetings: dict[int, Greeting] = {}

    def receipt(self, gateway: int, status: int, confirm: bytes, now: float) -> None:
        """An ack came by SMS and is stored; `confirm` is empty where no center waits for it."""
        before = self._debts.get(gateway, Debt(now))
        confirms = before.confirms
        if confirm and confirm not in confirms and len(confirms) < CONFIRMS:
            confirms = (*confirms, confirm)
        self._debts[gateway] = Debt(now, before.pressed or status in PRESSES, confirms)

    def receipts(self, now: float, pause_s: float) -> dict[int, Debt]:
        """The debts whose gateway had no receipt by SMS within the last `pause_s`."""
        return {
            gateway: debt
            for gateway, debt in self._debts.items()
            if now >= self._receipted.get(gateway, -pause_s) + pause_s
        }

    def paid(self, gateway: int, debt: Debt, now: float | None = None) -> None:
        """This much is owed no more: it went by SMS at `now`, or by MQTT. What came in between stays owed."""
        if self._debts.get(gateway) == debt:
            del self._debts[gateway]
        if now is not None:
            self._receipted[gateway] = now

    def time(self, gateway: int, hello: Any, now: float) -> None:
        """A center said hello by SMS."""
        self._greetings[hello.center] = Greeting(gateway, hello, now)

    def times(self, now: float) -> dict[int, Greeting]:
        """The greetings that are still worth an answer, by center."""
        self._greetings = {center: one for center, one in self._greetings.items() if now < one.at + HELLO_S}
        return dict(self._greetings)

    def answered(self, center: int) -> None:
        """The time went to a center."""
        self._greetings.pop(center, None)
