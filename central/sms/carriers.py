"""Short messages over whatever carries them: modems and a provider, each with places of its own. The port Sms of the flows.

Made by the wiring. Nothing waits here in a queue: what has no place is not taken, so the flows choose again what is most urgent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from modem.errors import Refused, Unavailable, Unknown

_log = structlog.get_logger()


class Carrier(Protocol):
    """One way out. `places` is how many messages it may have at a time, `ready` whether it would take one now.

    `send` raises Unavailable when the message surely did not go, Refused when it is not wanted as it is, Unknown when nobody
    knows. `run` serves until it is cancelled.
    """

    name: str
    places: int

    @property
    def ready(self) -> bool: ...  # noqa: D102

    async def send(self, number: str, octets: bytes) -> None: ...  # noqa: D102

    async def run(self) -> None: ...  # noqa: D102


class Carriers:
    """Gives each message to the ready carrier with the most free places, and to another one when it did not go."""

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = carriers
        self._busy = dict.fromkeys([carrier.name for carrier in carriers], 0)
        self._sending: set[asyncio.Task[None]] = set()

    def room(self) -> int:
        """How many messages may be handed over now."""
        return sum(self._free(carrier) for carrier in self._carriers)

    def send(self, number: str, octets: bytes) -> bool:
        """Hand at most 120 octets over; False when there is no room. Called in the loop."""
        carrier = self._best(self._carriers)
        if carrier is None:
            return False
        self._busy[carrier.name] += 1
        task = asyncio.get_running_loop().create_task(self._carry(carrier, number, octets))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    async def run(self) -> None:
        """Keep all carriers at work, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for carrier in self._carriers:
                group.create_task(carrier.run())
            await asyncio.Event().wait()

    async def _carry(self, carrier: Carrier, number: str, octets: bytes) -> None:
        tried = [carrier]
        while not await self._sent(tried[-1], number, octets):
            another = self._best([one for one in self._carriers if one not in tried])
            if another is None:
                _log.error("sms given up", number=number, carriers=[one.name for one in tried])
                return
            self._busy[another.name] += 1
            tried.append(another)

    async def _sent(self, carrier: Carrier, number: str, octets: bytes) -> bool:
        """Whether it went, or may have gone; its place is free again."""
        try:
            await carrier.send(number, octets)
        except Unknown as error:
            _log.warning("sms unknown", carrier=carrier.name, number=number, reason=str(error))
        except (Refused, Unavailable) as error:
            _log.warning("sms not sent", carrier=carrier.name, number=number, reason=str(error))
            return False
        except Exception:
            # One message that breaks the program must not hold its place for ever.
            _log.exception("sms failed", carrier=carrier.name, number=number)
            return False
        else:
            _log.info("sms sent", carrier=carrier.name, number=number, octets=len(octets))
        finally:
            self._busy[carrier.name] -= 1
        return True

    def _free(self, carrier: Carrier) -> int:
        return max(0, carrier.places - self._busy[carrier.name]) if carrier.ready else 0

    def _best(self, among: Sequence[Carrier]) -> Carrier | None:
        return max((one for one in among if self._free(one)), key=self._free, default=None)
