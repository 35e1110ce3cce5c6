"""The soak: many real firmware processes for minutes on a bad network, under a steady rate of orders to all of them.

Every order is answered by the center itself in time, no pair sounds twice, memory stays flat, and in the end all are synchronised.
The campaign plays central and gateway on the centers' own broker; each center reaches it through a proxy of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from protocol import codes
from protocol.topics import UP, topic
from simulator.city import City
from simulator.dispatcher import Dispatcher, Order
from simulator.errors import SimulatorError
from simulator.hostile import Target
from simulator.plan import city as city_plan
from simulator.proxy import Proxy
from simulator.soak_faults import Faults
from simulator.soak_memory import Memory
from simulator.soak_verdict import INDICATOR, SIREN, verdict
from simulator.wire import Wire

# A center that was turned away for long tries again after 30 s at most, and a half-open connection is noticed after 12 s.
DEADLINE_S = 45.0
SIREN_S, INDICATOR_S = 3, 1
_UP_S = 60.0
_SAMPLE_S = 1.0
_READ_S = 0.1


@dataclass(frozen=True)
class Pace:
    """How hard it is: an order to each center every `order_s`, of which one every `siren_s` is for the siren; how long faults
    and the rests between them last; the watchdog's patience. `short` is for a run of seconds instead of minutes."""

    order_s: float = 2.0
    siren_s: float = 90.0
    fault_s: tuple[float, float] = (5.0, 30.0)
    rest_s: tuple[float, float] = (3.0, 12.0)
    watchdog_s: float = 8.0


SHORT = Pace(order_s=0.5, siren_s=5.0, fault_s=(0.7, 2.0), rest_s=(0.2, 0.8), watchdog_s=2.0)


@dataclass
class Trial:
    """What the soak saw: `orders` issued, `violations` as sentences, `figures` for a person."""

    orders: int = 0
    violations: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


class Soak:
    """`city` has been started; nobody but this talks to its centers from here on."""

    def __init__(self, city: City, seed: int, pace: Pace) -> None:
        self._city = city
        self._pace = pace
        self._dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
        self._gateway = city.plan.groups[0].gateway
        self._names = [center.name for center in city.plan.centers]
        broker = city.brokers[f"{self._gateway} broker"]
        self._proxies = {name: Proxy(broker.port, seed + at) for at, name in enumerate(self._names)}
        self._wire = self._new_wire()
        self.dispatcher = Dispatcher({name: self._target(name) for name in self._names}, self._send)
        self.faults = Faults(
            city, self._proxies, self._hung_up, self._indicate, random.Random(seed + 1000), pace.fault_s, pace.rest_s  # noqa: S311
        )  # fmt: skip
        self.memory = Memory()
        self.violations: list[str] = []
        self.memory_errors = 0
        self._late: set[int] = set()
        self._sirens_at: dict[str, float] = {}

    async def run(self, seconds: float) -> None:
        """Start anew behind the proxies, then `seconds` of orders and faults, then a last probe of everybody."""
        await asyncio.to_thread(self._wire.open, topic("+", UP))
        reading = asyncio.create_task(self._read())
        try:
            await self._behind_proxies()
            began = time.monotonic()
            sampling = asyncio.create_task(self._sample())
            ordering = asyncio.create_task(self._order_all())
            await self._alive(self.faults.run(began + seconds), reading, sampling, ordering)
            ordering.cancel()
            await self._settled(reading)
            self.memory.judge(began, time.monotonic(), self.dispatcher.reports)
            sampling.cancel()
            await self._last_probe(reading)
            await self._consoles()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._wire.close()
            for proxy in self._proxies.values():
                await proxy.stop()
        self._judge()

    async def _behind_proxies(self) -> None:
        """Each center's only endpoint is its proxy; reports come as often as they may."""
        for name, proxy in self._proxies.items():
            await self._city.boards.power(name, False)
            await proxy.start()
            path = self._city.device(name) / "device.json"
            device = json.loads(path.read_text())
            device["endpoints"][0]["port"] = proxy.port
            device["settings"] = {"report_s": 60, "beat_s": 10}
            path.write_text(json.dumps(device))
        for name in self._names:
            await self._city.boards.power(name, True)
        await self._until(lambda: self.dispatcher.greeted == set(self._names), _UP_S, "a hello of every center")

    async def _order_all(self) -> None:
        """A steady rate to every center, spread over time."""
        while True:
            names = self._dice.sample(self._names, len(self._names))
            for name in names:
                await asyncio.sleep(self._pace.order_s / len(names))
                self._order(name)

    def _order(self, name: str) -> None:
        """A probe, or what moves something: that only when nothing waits or is on, so that each switching-on stands alone."""
        now = time.monotonic()
        due_at = self._sirens_at.setdefault(name, now + self._dice.uniform(0, self._pace.siren_s))
        if now >= due_at and self._alone(name):
            self._sirens_at[name] = now + self._pace.siren_s
            self.dispatcher.order(name, SIREN, SIREN_S)
        elif self._dice.random() >= 0.4 or not self._indicate(name):
            self.dispatcher.order(name, codes.PROBE)

    def _alone(self, name: str) -> bool:
        boards = self._city.boards
        return not self.dispatcher.pending(name) and not boards.on(name) and not boards.on(name, "indicator")

    def _indicate(self, name: str) -> Order | None:
        return self.dispatcher.order(name, INDICATOR, INDICATOR_S) if self._alone(name) else None

    async def _read(self) -> None:
        """Everything that arrives, and what is due."""
        while True:
            try:
                self.dispatcher.receive(*await asyncio.to_thread(self._wire.messages.get, True, _READ_S))
                while True:
                    self.dispatcher.receive(*self._wire.messages.get_nowait())
            except queue.Empty:
                pass
            self.dispatcher.turn()
            self._look_for_late()

    def _look_for_late(self) -> None:
        now = time.monotonic()
        for name, fate in self.faults.fates.items():
            for order in self.dispatcher.pending(name):
                since = max(order.issued_at, fate.clear_at)
                if not fate.active and now - since > DEADLINE_S and order.incident not in self._late:
                    self._late.add(order.incident)
                    self.violations.append(
                        f"{name}: order {order.incident} not answered {now - since:.0f} s after the last fault"
                    )

    async def _sample(self) -> None:
        while True:
            for name in self._names:
                pid = self._city.boards.snapshot(name).pid
                if pid is not None:
                    self.memory.sample(name, time.monotonic(), pid)
            await asyncio.sleep(_SAMPLE_S)

    async def _settled(self, reading: asyncio.Task[None]) -> None:
        """Until nothing waits for an answer; what is late by then has been said."""

        def done() -> bool:
            return all(one.incident in self._late for name in self._names for one in self.dispatcher.pending(name))

        await self._alive(self._until(done, 2 * DEADLINE_S, "the last answers"), reading)

    async def _last_probe(self, reading: asyncio.Task[None]) -> None:
        """Whoever obeys it has heard the time in this boot."""
        probes = [self.dispatcher.order(name, codes.PROBE) for name in self._names]
        answered = self._until(lambda: all(one.status is not None for one in probes), DEADLINE_S, "the last probes")
        with contextlib.suppress(SimulatorError):  # Each is said below.
            await self._alive(answered, reading)
        self.violations += [f"{one.center} is not synchronised in the end" for one in probes if not one.obeyed]

    async def _consoles(self) -> None:
        """A program that lives from one MemoryError to the next is up by luck only, however it answers."""
        for name in self._names:
            short = sum("MemoryError" in line for line in (await self._city.boards.log(name)).splitlines())
            self.memory_errors += short
            if short:
                self.violations.append(f"{name} had no memory {short} times")

    def _judge(self) -> None:
        self.violations += self.faults.violations + self.memory.violations
        self.violations += [f"nobody asked, but was told: {name}" for name in self.dispatcher.events]
        now = time.monotonic()
        for name in self._names:
            orders = [order for order in self.dispatcher.orders if order.center == name]
            frozen = self.faults.fates[name].frozen
            found = verdict(self._city.boards.history(name), orders, frozen, self._pace.watchdog_s, now)
            self.violations += [f"{name}: {one}" for one in found]

    def figures(self) -> dict[str, Any]:
        """What happened, in numbers."""
        told, orders = self.dispatcher, self.dispatcher.orders
        waits_s = sorted(order.answered_at - order.issued_at for order in orders if order.status is not None)
        counts: Counter[str] = Counter()
        for proxy in self._proxies.values():
            counts.update(proxy.counts)
        return {
            "orders": len(orders),
            "obeyed": sum(order.obeyed for order in orders),
            "refused": dict(told.refusals),
            "repeats": told.repeats,
            "issued_anew": told.anew,
            "answered_ms": {f"p{p}": round(1000 * waits_s[len(waits_s) * p // 100]) for p in (50, 95)}
            if waits_s
            else {},
            "slowest_s": round(waits_s[-1], 1) if waits_s else None,
            "sirens": sum(self._city.boards.times_on(name) for name in self._names),
            "faults": dict(self.faults.happened),
            "answers_lost": self.faults.answers_lost,
            "connections": counts["connections"],
            "cut": counts["cut"],
            "held_chunks": counts["held"],
            "watchdog_resets": sum(self._city.boards.snapshot(name).resets for name in self._names),
            "reports": len(told.reports),
            "unknown_frames": told.strangers,
            "memory_errors": self.memory_errors,
            "memory": self.memory.figures,
        }

    async def _until(self, met: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not met():
            if time.monotonic() > deadline:
                raise SimulatorError(f"{what} did not come in {timeout_s:g} s")
            await asyncio.sleep(_READ_S)

    @staticmethod
    async def _alive(work: Awaitable[None], *others: asyncio.Task[None]) -> None:
        """Do a piece of work while these go on; raises what ended one of them."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait([task, *others], return_when=asyncio.FIRST_COMPLETED)
        if task not in done:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for one in done:
            one.result()

    def _send(self, name: str, frame: bytes) -> None:
        self._wire.send(name, frame)

    @contextlib.asynccontextmanager
    async def _hung_up(self) -> AsyncIterator[None]:
        """Without a connection of the campaign's own; what is sent meanwhile is lost, and repeated."""
        await asyncio.to_thread(self._wire.close)
        yield
        self._wire = self._new_wire()
        await asyncio.to_thread(self._wire.open, topic("+", UP))

    def _new_wire(self) -> Wire:
        return Wire(self._gateway, self._city.device(self._gateway), self._city.brokers[f"{self._gateway} broker"].port)

    def _target(self, name: str) -> Target:
        device = json.loads((self._city.device(name) / "device.json").read_text())
        return Target(device["center"], device["group"], bytes.fromhex(device["root"]))


async def campaign(
    centers: int, seconds: float, seed: int, pace: Pace | None = None, runtime: str = "micropython"
) -> Trial:
    """A fresh city of one group; what the soak saw. Raises SimulatorError when it could not be run."""
    pace = pace or Pace()
    city = City(city_plan(1, centers), runtime, "mosquitto", watchdog_s=pace.watchdog_s)
    try:
        await city.start()
        # From here on the campaign is all that the centers talk to.
        city.services["G000001"].kill()
        city.services["central"].kill()
        soak = Soak(city, seed, pace)
        await soak.run(seconds)
        return Trial(len(soak.dispatcher.orders), soak.violations, soak.figures())
    finally:
        await city.stop()
