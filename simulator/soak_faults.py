"""What befalls the centers in the soak: each kind of fault once begun and once ended, by seed, in two lanes side by side.

A lane for what befalls all of them at once, one for what befalls some. Called by simulator.campaign_soak; it judges nothing but
whether an expired certificate was told and the watchdog acted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from simulator.boards import BoardProcess
from simulator.broker import Broker
from simulator.certificate import expired
from simulator.city import City
from simulator.dispatcher import Order
from simulator.errors import SimulatorError
from simulator.proxy import BOTH, CLEAR, DOWN, UP, Proxy, Weather

SINGLE = ("loss", "delay", "drip", "half-open", "refuse", "freeze", "lost answer")
WIDE = ("storm", "storm", "expired certificate")
KINDS = frozenset(SINGLE + WIDE)

EXPIRED = "has expired"
# What befalls everybody comes more rarely.
_WIDE_REST = 3
# A center tries again after 30 s at most.
_TOLD_S = 75.0
_LOOK_S = 0.2
# How long a center may take to be found linked and at rest, and an order to arrive.
_PATIENCE_S, _OBEY_S = 20.0, 3.0
# A processor that was just started may take this long until its watchdog runs (simulator.hardware).
_RESET_S = 25.0


@dataclass
class Fate:
    """What befell one center: faults that are on, when the last one ended, and [from, to] of each time it stood still."""

    active: int = 0
    clear_at: float = 0.0
    frozen: list[tuple[float, float]] = field(default_factory=list)


class Faults:
    """`fault_s` and `rest_s` are the ranges of how long a fault lasts and of the rests between two of them. `indicate` orders
    the indicator of a center, when nothing else waits or is on there, and answers with the order.

    `hung_up` is entered while the broker may not be believed: the campaign itself has no connection then. `violations` are
    sentences.
    """

    def __init__(
        self,
        city: City,
        proxies: dict[str, Proxy],
        hung_up: Callable[[], AbstractAsyncContextManager[None]],
        indicate: Callable[[str], Order | None],
        dice: random.Random,
        fault_s: tuple[float, float],
        rest_s: tuple[float, float],
    ) -> None:
        self.fates = {name: Fate() for name in proxies}
        self.happened: Counter[str] = Counter()
        self.answers_lost = 0
        self.violations: list[str] = []
        self._city = city
        self._proxies = proxies
        self._hung_up = hung_up
        self._indicate = indicate
        self._dice = dice
        self._fault_s, self._rest_s = fault_s, rest_s
        self._kinds: dict[str, Callable[[list[str]], Awaitable[None]]] = {
            "loss": self._loss,
            "delay": self._delay,
            "drip": self._drip,
            "half-open": self._half_open,
            "refuse": self._refuse,
            "freeze": self._freeze,
            "lost answer": self._lost_answer,
            "storm": self._storm,
            "expired certificate": self._expired,
        }

    @property
    def _boards(self) -> BoardProcess:
        return self._city.boards

    async def run(self, until: float) -> None:
        """Both lanes until a moment of the monotonic clock; what has begun then is ended in order."""
        await asyncio.gather(self._lane(SINGLE, until, 1), self._lane(WIDE, until, _WIDE_REST))

    async def _lane(self, kinds: tuple[str, ...], until: float, rests: int) -> None:
        waiting: list[str] = []
        while True:
            await asyncio.sleep(self._dice.uniform(*self._rest_s) * rests)
            if time.monotonic() >= until:
                return
            if not waiting:
                # Every kind comes in turn, in an order of its own each time.
                waiting = self._dice.sample(kinds, len(kinds))
            kind = waiting.pop()
            names = list(self._proxies)
            if kind in SINGLE:
                names = self._dice.sample(names, max(1, len(names) // 4))
            await self._befall(kind, names)

    async def _befall(self, kind: str, names: list[str]) -> None:
        fates = [self.fates[name] for name in names]
        for fate in fates:
            fate.active += 1
        try:
            await self._kinds[kind](names)
        finally:
            for fate in fates:
                fate.active -= 1
                fate.clear_at = time.monotonic()
        self.happened[kind] += 1

    async def _last(self) -> None:
        await asyncio.sleep(self._dice.uniform(*self._fault_s))

    async def _under(self, names: list[str], weather: Weather) -> None:
        for name in names:
            self._proxies[name].weather = weather
        await self._last()
        for name in names:
            self._proxies[name].weather = CLEAR

    async def _loss(self, names: list[str]) -> None:
        await self._under(names, Weather(loss=0.3))

    async def _delay(self, names: list[str]) -> None:
        await self._under(names, Weather(delay_s=self._dice.uniform(0.2, 0.8)))

    async def _drip(self, names: list[str]) -> None:
        await self._under(names, Weather(drip_s=0.001))

    async def _half_open(self, names: list[str]) -> None:
        for name in names:
            self._proxies[name].half_open(self._dice.choice(([UP], [DOWN], BOTH)))
        await self._last()
        for name in names:
            self._proxies[name].heal()

    async def _refuse(self, names: list[str]) -> None:
        for name in names:
            await self._proxies[name].refuse()
            self._proxies[name].cut()
        await self._last()
        for name in names:
            await self._proxies[name].refuse(False)

    async def _storm(self, names: list[str]) -> None:
        for name in names:
            self._proxies[name].cut()

    async def _freeze(self, names: list[str]) -> None:
        """Its processor stands still until the watchdog has reset it."""
        before = {name: self._boards.snapshot(name).resets for name in names}
        began = time.monotonic()
        for name in names:
            await self._boards.freeze(name)
        try:
            reset = lambda: all(self._boards.snapshot(name).resets > before[name] for name in names)  # noqa: E731
            await self._boards.until(reset, _RESET_S, f"the watchdog of {', '.join(names)}")
        except SimulatorError as error:
            self.violations.append(str(error))
        for name in names:
            self.fates[name].frozen.append((began, time.monotonic()))

    async def _lost_answer(self, names: list[str]) -> None:
        """Centers obey, their answers do not arrive, and they stand still at that moment: after their start they are told anew."""
        obeyed = [
            name
            for name, done in zip(names, await asyncio.gather(*map(self._obeys_unheard, names)), strict=True)
            if done
        ]
        if obeyed:
            await self._freeze(obeyed)
        self.answers_lost += len(obeyed)
        for name in names:
            self._proxies[name].heal()

    async def _obeys_unheard(self, name: str) -> bool:
        """Whether an order was obeyed of which nothing was heard; a center that has no link for long is left alone."""
        proxy = self._proxies[name]
        patient_until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < patient_until:
            since = time.monotonic()
            lit = lambda since=since: self._boards.times_on(name, "indicator", since)  # noqa: E731
            if proxy.connections:
                proxy.half_open([UP])
            order = self._indicate(name)
            if order is not None:
                with contextlib.suppress(SimulatorError):  # It was a link that nobody listens to any more.
                    await self._boards.until(lit, _OBEY_S, f"the indicator of {name}")
                    if order.status is None:
                        return True
            proxy.heal()
            await asyncio.sleep(_LOOK_S)
        return False

    async def _expired(self, names: list[str]) -> None:
        """The broker's certificate runs out; when every center has said so on its console, it is replaced."""
        broker = self._broker
        path = self._city.device(self._city.plan.groups[0].gateway) / "broker-cert.pem"
        good = path.read_bytes()
        key = self._city.folder / "central" / "authority" / "municipality-1-key.pem"
        before = {name: self._boards.snapshot(name).lines for name in names}
        async with self._hung_up():
            path.write_bytes(expired(good, key))
            await asyncio.to_thread(broker.restart)
            await self._told(before)
            path.write_bytes(good)
            await asyncio.to_thread(broker.restart)

    async def _told(self, before: dict[str, int]) -> None:
        """Wait until every console has said why there is no link since its first `before` lines."""
        missing = dict(before)
        deadline = time.monotonic() + _TOLD_S
        while missing:
            for name, lines in list(missing.items()):
                new = self._boards.snapshot(name).lines - lines
                said = (await self._boards.log(name)).splitlines()[-new:] if new else []
                if any("link: " in line and EXPIRED in line for line in said):
                    del missing[name]
            if missing and time.monotonic() > deadline:
                self.violations.append(f"{', '.join(missing)} did not say that the certificate {EXPIRED}")
                return
            await asyncio.sleep(_LOOK_S)

    @property
    def _broker(self) -> Broker:
        return self._city.brokers[f"{self._city.plan.groups[0].gateway} broker"]
