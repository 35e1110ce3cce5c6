"""Twenty centers of one gateway update: the image comes over the WAN once, whatever happens to the gateway meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.city import City
from simulator.plan import city as city_plan
from simulator.proxy import DOWN, UP, Proxy
from tests.journeys.stage import journey, sound, sounded
from tests.journeys.test_update import Shop, central, options, run

CENTERS = 20
DEADLINE_S = 400.0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A release key."""
    run("sereno-install", "release", "key", "--out", str(tmp_path / "release.key"))
    return Shop(tmp_path)


async def until(city: City, what: str, met: Callable[[], Awaitable[Any]], timeout_s: float = DEADLINE_S) -> Any:
    """What it answers once that is something."""
    deadline = time.monotonic() + timeout_s
    while not (found := await met()):
        assert time.monotonic() < deadline, what
        await asyncio.wait_for(city.http.get("/healthz"), 10)
    return found


async def counted(city: City) -> Proxy:
    """A proxy that counts in front of central's broker; the gateway is told from afar to go through it."""
    proxy = Proxy(city.brokers["broker"].port)
    await proxy.start()
    address = f"127.0.0.1:{proxy.port}"
    await asyncio.to_thread(central, city, "gateway", "settings", "G000001", "--uplink", f"{address},localhost")

    async def applied() -> bool:
        (row,) = await gateways(city)
        return bool((row["uplink"], row["state"]) == (address, "applied"))

    await until(city, "the gateway behind the proxy", applied, 60)
    return proxy


async def gateways(city: City) -> list[dict[str, Any]]:
    """What `gateway list` says."""
    found = json.loads(await asyncio.to_thread(central, city, "gateway", "list", "--json"))
    return list(found["gateways"])


async def updated(city: City) -> bool:
    """Whether every center reports release 2; that any reports an error ends it."""
    reports = [center["report"] for center in await city.centers()]
    errors = [report["update"]["error"] for report in reports if report.get("update", {}).get("error")]
    assert errors == []
    return all(report.get("release") == 2 for report in reports)


def spoil(path: Path) -> None:
    """One bit in the middle is another."""
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)


def test_twenty_centers_update_for_the_price_of_two_downloads_through_two_power_cuts(shop: Shop) -> None:
    """The gateway loses its power in the middle of the download, and again while it gives out blocks; then its card has spoiled the
    image, so that it comes once more. No center ever has an octet of the spoiled one, and all of them sound afterwards."""
    image, manifest = shop.release(2)
    size = Path(image).stat().st_size

    async def walk(city: City) -> None:
        proxy = await counted(city)
        try:
            await asyncio.to_thread(central, city, "release", "add", image, manifest)
            before = proxy.counts[UP] + proxy.counts[DOWN]
            await asyncio.to_thread(central, city, "release", "offer", "2", "--all")
            gateway = city.services["G000001"]
            folder = city.folder / "G000001" / "state" / "releases"

            async def some() -> bool:
                return any(path.stat().st_size > size // 3 for path in folder.glob("*.part"))

            await until(city, "a third of the image", some)
            await asyncio.to_thread(gateway.kill)
            gateway.start()

            async def given() -> bool:
                return "image_verified" in gateway.tail(1_000_000) and bool(list(folder.glob("*.image")))

            await until(city, "the whole image", given)
            await asyncio.to_thread(gateway.kill)
            spoil(next(folder.glob("*.image")))
            gateway.start()
            await until(city, "twenty updates", lambda: updated(city))
            carried = proxy.counts[UP] + proxy.counts[DOWN] - before
            print(f"{carried} octets for {CENTERS} centers, an image of {size}")
            assert carried < CENTERS * size / 4
            answer = await city.alert("after-the-update", group=1)
            names = tuple(f"C{number:06d}" for number in range(1, CENTERS + 1))
            await sound(city, names, 60)
            await sounded(city, answer["incident"], CENTERS, 60)
        finally:
            await proxy.stop()

    journey(walk, **{**options(shop), "plan": city_plan(1, CENTERS), "watchdog_s": 8.0})
