"""A city for one journey: real brokers, real services, the real firmware on MicroPython; always taken down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from simulator.city import City
from simulator.plan import city as city_plan

GROUP = ("C000001", "C000002", "C000003")
OTHERS = ("C000004", "C000005", "C000006")
ALL = GROUP + OTHERS
LOUD = ("siren", "strobe", "floodlight")


def journey(walk: Callable[[City], Awaitable[Any]], **options: Any) -> Any:
    """Build a city, walk the journey, take everything down; the city's own limits are the deadlines."""
    options.setdefault("broker", "mosquitto")
    plan = options.pop("plan", city_plan())

    async def run() -> Any:
        city = City(plan, **options)
        try:
            await city.start()
            return await walk(city)
        finally:
            await city.stop()

    return asyncio.run(run())


async def sound(city: City, names: tuple[str, ...] = GROUP, timeout_s: float = 15) -> None:
    """Wait until the sirens of these centers are on."""
    await city.boards.until(lambda: all(city.boards.on(name) for name in names), timeout_s, f"sirens of {names}")


async def sounded(city: City, incident: str, count: int = 3, timeout_s: float = 20) -> dict[str, Any]:
    """The incident once `count` centers have said, sealed, that they sounded."""
    return await city.until(incident, lambda seen: seen["centers_sounded"] == count, timeout_s)


def moved(city: City, names: tuple[str, ...] = ALL, outputs: tuple[str, ...] = LOUD) -> dict[str, int]:
    """How often any of these outputs went on, by center; only those that did."""
    counts = {name: sum(city.boards.times_on(name, output) for output in outputs) for name in names}
    return {name: count for name, count in counts.items() if count}


def sirens(city: City, names: tuple[str, ...] = ALL) -> dict[str, int]:
    """How often each siren went on; only those that did."""
    return moved(city, names, ("siren",))
