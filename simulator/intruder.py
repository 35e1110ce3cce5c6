"""Somebody with a gateway's certificate, in drills: takes its connections over, or has a command kept by its broker.

Called by simulator.drill. It holds what root on a stolen gateway holds; for a kept command it also plays central.
"""

from __future__ import annotations

import asyncio
import time

from protocol.topics import DOWN, UP, topic
from simulator.campaign_t1 import Siege
from simulator.city import City
from simulator.errors import SimulatorError
from simulator.wire import Wire


async def evict(city: City, gateway: str) -> None:
    """End both connections of a gateway by others under its name, which leave: its brokers keep nothing of it."""
    try:
        ports = [city.brokers[name].port for name in ("broker", f"{gateway} broker")]
    except KeyError:
        raise SimulatorError(f"there is no {gateway} in this city") from None
    for port in ports:
        other = Wire(gateway, city.device(gateway), port)
        await asyncio.to_thread(other.open)
        other.close()


async def retain(city: City, center: str) -> None:
    """Restart a center, play its central, and publish a general alert for it that the broker shall keep.

    Its gateway and central must be down: they would answer its hello. Raises SimulatorError when they are not.
    """
    number = {one.name: one.group for one in city.plan.centers}.get(center)
    if number is None:
        raise SimulatorError(f"there is no {center} in this city")
    gateway = city.plan.group(number).gateway
    up = [name for name in ("central", gateway) if city.services[name].running]
    if up:
        raise SimulatorError(f"`retain` plays {' and '.join(up)}: stop them first")
    wire = Wire(gateway, city.device(gateway), city.brokers[f"{gateway} broker"].port)
    siege = Siege(city, center, 1, wire)
    await asyncio.to_thread(wire.open, topic("+", UP))
    try:
        await siege.synchronise()
        command = siege.target.command(int(time.time()), counter=siege.target.next_counter())
        # Sent before the farewell of `close`; a broker that refuses to keep it hangs up.
        wire.send(topic(center, DOWN), siege.target.seal(command), retain=True)
    finally:
        wire.close()
