"""A retained command: the broker's settings refuse it, and what a center would make of one is in tests/both."""

from __future__ import annotations

import asyncio
import time

from protocol.topics import DOWN, topic
from simulator.campaign_t1 import Siege
from simulator.city import City
from simulator.plan import city as city_plan
from simulator.wire import Wire
from tests.journeys.stage import journey, moved


def test_a_retained_command_moves_nothing_now_or_at_the_next_connection() -> None:
    """Validly sealed, published to be kept by whoever is root on the gateway: neither delivered nor kept."""

    async def walk(city: City) -> None:
        city.services["G000001"].kill()
        city.services["central"].kill()
        siege = await besieged(city, 1)
        await siege.synchronise()
        frame = siege.target.seal(siege.target.command(int(time.time()), counter=siege.target.next_counter()))
        gateway = city.device("G000001")
        spoiler = Wire("G000001", gateway, city.brokers["G000001 broker"].port).open()
        spoiler.send(topic("C000001", DOWN), frame, retain=True)
        spoiler.close()
        siege.wire.close()
        again = await besieged(city, 2)
        await again.synchronise()
        # A probe behind it is answered: whatever the broker had kept would have arrived before.
        await again.legitimate(moves=False)
        again.wire.close()
        assert again.violations == []
        assert moved(city, ("C000001",)) == {}

    journey(walk, plan=city_plan(1, 1))


async def besieged(city: City, seed: int) -> Siege:
    """Whoever holds the gateway's certificate, subscribed to what the center says."""
    wire = Wire("G000001", city.device("G000001"), city.brokers["G000001 broker"].port)
    await asyncio.to_thread(wire.open, topic("+", "up"))
    return Siege(city, "C000001", seed, wire)
