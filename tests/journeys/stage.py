"""A city for one journey: real brokers, real services, the real firmware on MicroPython; always taken down."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from simulator.city import City
from simulator.plan import city as city_plan

GROUP = ("C000001", "C000002", "C000003")
OTHERS = ("C000004", "C000005", "C000006")
ALL = GROUP + OTHERS
# For journeys with several alerts of one class: each opens an incident of its own. The siren of `general` alone does not pulse.
APART = "grouping_s = 0"
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


async def told(city: City, incident: str, words: str, timeout_s: float = 20) -> str:
    """The first entry of a timeline that holds these words, once it stands there."""
    seen = await city.until(incident, lambda one: entries(one, words), timeout_s)
    return entries(seen, words)[0]


def entries(incident: dict[str, Any], words: str) -> list[str]:
    """The texts of a timeline that hold these words."""
    return [entry["text"] for entry in incident["timeline"] if words in entry["text"]]


async def others(city: City, *known: str, timeout_s: float = 40) -> list[str]:
    """The incidents besides those that are known, once there are any."""

    async def found() -> list[str]:
        while not (new := [one["id"] for one in await city.incidents() if one["id"] not in known]):
            pass
        return new

    return await asyncio.wait_for(found(), timeout_s)


async def posted(
    city: City, gateway: str, met: Callable[[dict[str, Any]], object], timeout_s: float = 20
) -> dict[str, Any]:
    """The state that a gateway posts for its technician, once it is as wanted; raises TimeoutError with the last one."""
    file = city.folder / gateway / "state" / "status.json"
    state: dict[str, Any] = {}
    began = time.time()

    async def wanted() -> None:
        while not state or not met(state):
            # Central's answer is the pause between two looks.
            await city.healthy()
            if file.exists() and file.stat().st_mtime > began:
                state.update(json.loads(file.read_text()))

    try:
        await asyncio.wait_for(wanted(), timeout_s)
    except TimeoutError:
        raise TimeoutError(f"{gateway} posts: {state}") from None
    return state
