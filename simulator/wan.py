"""The line between a gateway and central's broker in a tester's hand: a proxy that the gateway's settings name.

Used by journeys and drills. The gateway's own modem does not go through it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from simulator.city import City
from simulator.errors import SimulatorError
from simulator.processes import program
from simulator.proxy import Proxy

_OUT_S = 0.5


@asynccontextmanager
async def wan(city: City, gateway: str) -> AsyncIterator[Proxy]:
    """Start a gateway anew behind a proxy, in a city that runs; raises SimulatorError when it does not come up."""
    proxy = Proxy(city.brokers["broker"].port)
    await proxy.start()
    try:
        await resettle(city, gateway, f"port = {city.brokers['broker'].port}\n", f"port = {proxy.port}\n")
        yield proxy
    finally:
        await proxy.stop()


async def resettle(city: City, gateway: str, old: str, new: str) -> None:
    """Write something else into the settings of a gateway, start it anew, and wait until both its connections stand."""
    settings = city.folder / gateway / "gateway.toml"
    settings.write_text(settings.read_text().replace(old, new))
    service = city.services[gateway]
    # What it logged as passed on may still be on its way out of the process: the time of a center, right after the city's start.
    await asyncio.sleep(_OUT_S)
    await asyncio.to_thread(service.stop)
    before = service.logged
    service.start()
    for side in ("uplink", "local"):
        await service.until_logged('"link_up"', f'"{side}"', after=before)


async def move(city: City, gateway: str, line: Proxy) -> dict[str, Any]:
    """Central's broker is no longer where the line leads: have the gateway told from afar where it is. What the command said."""
    await line.refuse()
    line.cut()
    where = ["--uplink", f"localhost:{city.brokers['broker'].port}", "-s", str(city.folder / "central.toml"), "--json"]
    command = [*program("central"), "gateway", "settings", gateway, *where]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SimulatorError(f"sereno-central gateway settings: {done.stderr.strip()}")
    return dict(json.loads(done.stdout))
