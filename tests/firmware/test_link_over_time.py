"""The link's patience, in virtual time: deaf subscriptions, silent brokers, refusals, and many centers at once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from firmware import link as module
from firmware import packets
from firmware.clock import Clock
from firmware.link import RETRY_MS, Link
from tests.firmware.virtual_time import run

ENDPOINT = [{"host": "broker", "port": 8883, "name": "G000001"}]


class Broker:
    """Answers control packets by the book, unless told to be silent about some kinds."""

    def __init__(self, silent: tuple[int, ...] = (), refuses: bool = False) -> None:
        self.opened: list[float] = []
        self.versions: list[int] = []
        self.silent = silent
        self.refuses = refuses
        self.published: list[bytes] = []

    async def open(self, *_: Any) -> tuple[asyncio.StreamReader, Stream]:
        """In place of open_stream."""
        self.opened.append(asyncio.get_running_loop().time())
        if self.refuses:
            raise OSError(111)
        stream = Stream(self)
        return stream.reader, stream


class Stream:
    """One connection; what is written is answered at once."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.reader = asyncio.StreamReader()

    def write(self, octets: bytes) -> None:
        kind = octets[0] >> 4
        if kind in self._broker.silent:
            return
        if kind == 1:
            self._broker.versions.append(octets[8])
            v5 = octets[8] == packets.V5
            self.reader.feed_data(b"\x20\x03\x00\x00\x00" if v5 else b"\x20\x02\x00\x00")
        elif kind == 8:
            self.reader.feed_data(b"\x90\x04" + octets[2:4] + b"\x00\x01")
        elif kind == packets.PUBLISH:
            self._broker.published.append(octets)
            at = 2 + 2 + int.from_bytes(octets[2:4], "big")
            self.reader.feed_data(b"\x40\x02" + octets[at : at + 2])
        elif kind == 12:
            self.reader.feed_data(b"\xd0\x00")

    async def drain(self) -> None:
        """Taken."""

    def close(self) -> None:
        """Gone."""

    async def wait_closed(self) -> None:
        """Gone indeed."""


def live(monkeypatch: pytest.MonkeyPatch, broker: Broker, seconds: float, proven: bool, seed: int = 1) -> list[str]:
    """A link to this broker for so long; `proven` says that frames arrive. Its log."""
    log: list[str] = []
    monkeypatch.setattr(module, "open_stream", broker.open)
    monkeypatch.setattr(module, "tls_context", lambda _folder: None)

    async def life() -> None:
        loop = asyncio.get_running_loop()
        clock = Clock(lambda: int(loop.time() * 1000) % (1 << 30))
        links: list[Link] = []

        def connected() -> None:
            links[0].proven = proven

        dice = random.Random(seed)
        links.append(Link("C000001", "", ENDPOINT, clock, dice.randbytes, ignore, connected, log.append))
        links[0].aged = lambda frame, _age_s: frame
        running = asyncio.create_task(links[0].run())
        await asyncio.wait([running], timeout=seconds)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])

    run(life())
    return log


def ignore(*_: Any) -> None:
    """Nothing to do."""


def test_a_deaf_subscription_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected, subscribed, pings answered, and nothing arrives: a new connection within half a minute, again and again."""
    broker = Broker()
    log = live(monkeypatch, broker, 300, proven=False)
    gaps = [after - before for before, after in zip(broker.opened, broker.opened[1:], strict=False)]
    assert len(gaps) >= 4
    assert all(20 <= gap <= 60 for gap in gaps), gaps
    assert any("nothing arrives" in line for line in log)


def test_a_link_on_which_frames_arrive_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """For six hours."""
    broker = Broker()
    live(monkeypatch, broker, 21_600, proven=True)
    assert len(broker.opened) == 1


def test_a_broker_that_answers_no_ping_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within two keepalives; the power cord was pulled and TCP does not know."""
    broker = Broker(silent=(12,))
    live(monkeypatch, broker, 60, proven=True)
    assert broker.opened[1] - broker.opened[0] <= 2 * module.KEEPALIVE_S


def test_a_broker_that_is_silent_about_one_version_is_asked_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn and turn about, so that a hiccup does not condemn a center to the older one."""
    broker = Broker()

    class Old(Stream):
        def write(self, octets: bytes) -> None:
            if octets[0] >> 4 == 1 and octets[8] == packets.V5:
                broker.versions.append(octets[8])
                return
            super().write(octets)

    async def opening(*_: Any) -> tuple[asyncio.StreamReader, Stream]:
        broker.opened.append(asyncio.get_running_loop().time())
        stream = Old(broker)
        return stream.reader, stream

    broker.open = opening  # type: ignore[method-assign]
    live(monkeypatch, broker, 120, proven=True)
    assert broker.versions == [packets.V5, packets.V311]
    assert broker.opened[1] < 10


def test_refused_connections_are_tried_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second at first, half a minute at last, with jitter; never at a fixed beat, never given up."""
    broker = Broker(refuses=True)
    live(monkeypatch, broker, 3_600, proven=False)
    gaps = [after - before for before, after in zip(broker.opened, broker.opened[1:], strict=False)]
    assert gaps[0] <= RETRY_MS[0] / 1000
    assert all(RETRY_MS[1] / 2000 <= gap <= RETRY_MS[1] / 1000 for gap in gaps[8:]), gaps
    assert len({round(gap, 2) for gap in gaps[8:]}) > len(gaps[8:]) / 2


def test_a_neighbourhood_does_not_come_back_in_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty centers whose broker was away: their attempts are spread over the pause."""
    moments = []
    for seed in range(40):
        broker = Broker(refuses=True)
        live(monkeypatch, broker, 120, proven=False, seed=seed)
        moments.append(broker.opened[-1])
    crowd = max(sum(1 for other in moments if 0 <= other - moment < 1) for moment in moments)
    assert crowd <= 12, sorted(moments)
