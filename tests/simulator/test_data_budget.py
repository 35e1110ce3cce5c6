"""The month's data of a gateway with twenty centers: measured through a counting proxy, with real mosquitto, central and gateway."""

from __future__ import annotations

import asyncio

import pytest

from simulator.data_budget import BUDGET_MB, CENTERS, Cost, Item, account, measure
from simulator.proxy import Proxy


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    """Of each kind of exchange, at the kernel's own count."""
    return asyncio.run(measure())


def test_a_month_with_twenty_centers_is_within_the_budget(costs: dict[str, Cost]) -> None:
    """At IP level, acknowledgements and connections included."""
    items = account(costs)
    assert sum(item.megabytes for item in items) <= BUDGET_MB, items


def test_a_sign_of_life_and_its_answer_are_three_segments(costs: dict[str, Cost]) -> None:
    """The sign, the answer that acknowledges it, an acknowledgement: no ping, no PUBACK, no name of a topic upwards."""
    assert (round(costs["sign"].segments, 1), round(costs["sign"].octets)) == (3.0, 108)


def test_a_digest_carries_every_heartbeat(costs: dict[str, Cost]) -> None:
    """What it costs more than a sign is their 37 octets each, and little else."""
    assert costs["digest"].octets > costs["sign"].octets + CENTERS * 37


def test_the_account_is_of_all_that_was_measured() -> None:
    """Each cost stands in it once; headers are counted."""
    items = account({name: Cost(48, 1) for name in ("sign", "digest", "hello", "report", "connection", "event")})
    assert [item.cost.ip for item in items] == [100] * 6
    assert Item("", 10_000, Cost(48, 1)).megabytes == 1.0


def test_the_proxy_counts_octets_and_segments_as_the_kernel_does() -> None:
    """A question and its answer: at least two segments with data, and the octets of both."""

    async def talk() -> tuple[int, int]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(100))
            await reader.read()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = Proxy(server.sockets[0].getsockname()[1])
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(bytes(100))
        await reader.readexactly(100)
        octets, segments = proxy.carried()
        writer.close()
        await proxy.stop()
        server.close()
        return octets, segments

    octets, segments = asyncio.run(asyncio.wait_for(talk(), 10))
    # The answer may not have been acknowledged yet.
    assert (octets in (100, 200), segments >= 3) == (True, True)
