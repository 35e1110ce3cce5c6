"""What a real broker tells of whether anybody listens, and what of that central knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.broker.mqtt import MqttBroker, tls
from simulator.broker import Broker, mosquitto_path
from tests.central.rig import Installation, Rig
from tests.central.served import DEADLINE_S, GatewayLink


@pytest.fixture
def broker(installation: Installation, tmp_path: Path) -> Iterator[Broker]:
    """The broker beside central."""
    if mosquitto_path() is None:
        pytest.fail("mosquitto is not installed; run: apt-get install mosquitto")
    made = Broker(tmp_path / "broker", installation.folder / "broker", "broker", "S01")
    made.start()
    yield made
    made.stop()


class Ear:
    """Central's link to the broker, with everything that it hears."""

    def __init__(self, installation: Installation, port: int, version: str) -> None:
        self.reached: asyncio.Queue[tuple[int, bool]] = asyncio.Queue()
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.link = MqttBroker(
            "S01", "localhost", port, tls(installation.folder / "S01"),
            lambda name, payload: self.heard.put_nowait((name, payload)), version, self.up.set,
            lambda gateway, listens: self.reached.put_nowait((gateway, listens)),
        )  # fmt: skip

    async def __aenter__(self) -> Ear:
        self.task = asyncio.create_task(self.link.run())
        await asyncio.wait_for(self.up.wait(), DEADLINE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.link.stop()


def test_the_broker_says_who_listens_and_who_does_not(installation: Installation, broker: Broker, rig: Rig) -> None:
    """Gateway 1 is there, gateway 2 is not; each answer is of its own gateway, whatever order they are asked in."""
    gateway = GatewayLink(installation.folder, rig.gateways[1], broker.port)

    async def asked() -> list[tuple[int, bool]]:
        async with Ear(installation, broker.port, "5") as ear:
            for number in (2, 1, 1):
                ear.link.send(number, b"x")
            return [await asyncio.wait_for(ear.reached.get(), DEADLINE_S) for _ in range(3)]

    answers = asyncio.run(asked())
    gateway.close()
    assert sorted(answers) == [(1, True), (1, True), (2, False)]


def test_without_mqtt_5_nobody_is_said_to_be_away(installation: Installation, broker: Broker) -> None:
    """The acknowledgement has no reason code; silence and the last will remain."""

    async def asked() -> tuple[int, bool]:
        async with Ear(installation, broker.port, "3.1.1") as ear:
            ear.link.send(2, b"x")
            return await asyncio.wait_for(ear.reached.get(), DEADLINE_S)

    assert asyncio.run(asked()) == (2, True)


def test_a_last_will_is_heard_when_a_gateways_connection_breaks(
    installation: Installation, broker: Broker, rig: Rig
) -> None:
    """It is what makes the next command go by SMS at once."""
    gateway = GatewayLink(installation.folder, rig.gateways[1], broker.port, will=True)

    async def heard() -> tuple[str, bytes]:
        async with Ear(installation, broker.port, "5") as ear:
            gateway.break_off()
            return await asyncio.wait_for(ear.heard.get(), DEADLINE_S)

    name, payload = asyncio.run(heard())
    rig.run(rig.uplink.receive(name, payload))
    assert rig.links.lost(1, rig.clock.at) == "its connection broke"
