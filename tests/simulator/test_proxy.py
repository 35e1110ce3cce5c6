"""The bad network in front of a broker, with real sockets: each of its faults, and that a clear day changes nothing."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from simulator.broker import free_port
from simulator.proxy import BOTH, CLEAR, DOWN, UP, Proxy, Weather

PATIENCE_S = 10.0
# Long beside what loopback needs, so that nothing within it means that nothing comes.
SILENCE_S = 0.3


@dataclass
class End:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def hear(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE_S)

    async def silent(self) -> bool:
        """Whether nothing, not even an end, is heard for a while."""
        try:
            await asyncio.wait_for(self.reader.read(1), SILENCE_S)
        except TimeoutError:
            return True
        return False

    async def reset(self) -> bool:
        """Whether the connection was reset, not ended in order."""
        try:
            await asyncio.wait_for(self.reader.read(), PATIENCE_S)
        except ConnectionResetError:
            return True
        return False


class Line:
    """A server, the proxy before it, and connections through both."""

    def __init__(self, proxy: Proxy, server: asyncio.Server, arrived: asyncio.Queue[End]) -> None:
        self.proxy = proxy
        self.server = server
        self._arrived = arrived

    async def connect(self) -> tuple[End, End]:
        """(client, server) of a new connection."""
        client = End(*await asyncio.open_connection("127.0.0.1", self.proxy.port))
        return client, await asyncio.wait_for(self._arrived.get(), PATIENCE_S)


def on_a_line(walk: Callable[[Line], Awaitable[None]], seed: int = 1) -> None:
    """Everything is closed afterwards."""

    async def run() -> None:
        arrived: asyncio.Queue[End] = asyncio.Queue()
        server = await asyncio.start_server(lambda *ends: arrived.put_nowait(End(*ends)), "127.0.0.1", 0)
        proxy = Proxy(server.sockets[0].getsockname()[1], seed)
        await proxy.start()
        try:
            await walk(Line(proxy, server, arrived))
        finally:
            await proxy.stop()
            server.close()

    asyncio.run(run())


def test_a_clear_day_changes_nothing() -> None:
    """A hundred thousand octets each way, in order, and the end of one direction leaves the other open."""
    sent = bytes(range(256)) * 400

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        _, heard = await asyncio.gather(client.say(sent), server.hear(len(sent)))
        assert heard == sent
        client.writer.write_eof()
        assert await asyncio.wait_for(server.reader.read(), PATIENCE_S) == b""
        _, heard = await asyncio.gather(server.say(sent), client.hear(len(sent)))
        assert heard == sent
        server.writer.close()
        assert await asyncio.wait_for(client.reader.read(), PATIENCE_S) == b""
        assert (line.proxy.counts[UP], line.proxy.counts[DOWN]) == (len(sent), len(sent))
        assert (line.proxy.counts["connections"], line.proxy.counts["held"]) == (1, 0)

    on_a_line(walk)


def test_a_lost_chunk_comes_late_and_holds_back_what_follows() -> None:
    """In order and whole, as TCP repairs a loss; without loss nothing is held."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        line.proxy.weather = Weather(loss=1.0, held_s=(0.2, 0.25))
        began = time.monotonic()
        await client.say(b"first")
        assert await server.hear(5) == b"first"
        assert time.monotonic() - began >= 0.2
        assert line.proxy.counts["held"] == 1
        line.proxy.weather = CLEAR
        await client.say(b"second")
        assert await server.hear(6) == b"second"
        assert line.proxy.counts["held"] == 1

    on_a_line(walk)


def test_dice_are_repeated_by_their_seed() -> None:
    """The same chunks are held for one seed, others for another."""

    def held(seed: int) -> list[int]:
        found: list[int] = []

        async def walk(line: Line) -> None:
            client, server = await line.connect()
            line.proxy.weather = Weather(loss=0.5, held_s=(0.001, 0.002))
            for _ in range(32):
                await client.say(b".")
                await server.hear(1)
                found.append(line.proxy.counts["held"])

        on_a_line(walk, seed)
        return found

    assert held(1) == held(1)
    assert held(1) != held(2)


@pytest.mark.parametrize("half", [UP, DOWN])
def test_a_half_open_connection_carries_one_way(half: str) -> None:
    """The other way goes on; nobody is told; what waited arrives when it heals."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        assert line.proxy.half_open([half]) == 1
        deaf, heard = (server, client) if half == UP else (client, server)
        await heard.say(b"lost")
        await deaf.say(b"open")
        assert await heard.hear(4) == b"open"
        assert await deaf.silent()
        line.proxy.heal()
        assert await deaf.hear(4) == b"lost"

    on_a_line(walk)


@pytest.mark.parametrize("ends", ["close", "reset"])
def test_the_end_of_a_half_open_connection_is_not_told(ends: str) -> None:
    """A router that has forgotten a connection tells its other end nothing; a new connection works beside it."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        line.proxy.half_open(BOTH)
        if ends == "reset":
            linger = struct.pack("ii", 1, 0)
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.writer.close()
        assert await server.silent()
        other, behind = await line.connect()
        await other.say(b"new")
        assert await behind.hear(3) == b"new"
        line.proxy.heal()
        assert await server.reset() is (ends == "reset")

    on_a_line(walk)


def test_a_cut_resets_both_ends_of_every_connection() -> None:
    """Also a half-open one; and new connections are let in at once."""

    async def walk(line: Line) -> None:
        ends = [*await line.connect(), *await line.connect()]
        line.proxy.half_open()
        assert line.proxy.cut() == 2
        assert [await end.reset() for end in ends] == [True] * 4
        assert line.proxy.connections == 0
        client, server = await line.connect()
        await client.say(b"new")
        assert await server.hear(3) == b"new"

    on_a_line(walk)


def test_refused_connections_are_refused_and_open_ones_stay() -> None:
    """On the same port before and afterwards."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        await line.proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await line.connect()
        await client.say(b"old")
        assert await server.hear(3) == b"old"
        await line.proxy.refuse(False)
        await line.connect()

    on_a_line(walk)


def test_nobody_behind_it_is_a_reset() -> None:
    """A broker that does not run is seen as one, and the proxy goes on."""

    async def run() -> None:
        proxy = Proxy(free_port())
        await proxy.start()
        try:
            assert await End(*await asyncio.open_connection("127.0.0.1", proxy.port)).reset()
            assert proxy.counts["refused"] == 1
        finally:
            await proxy.stop()

    asyncio.run(run())


def test_a_delay_is_of_every_chunk_both_ways() -> None:
    """A round trip takes two of them."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        line.proxy.weather = Weather(delay_s=0.1)
        began = time.monotonic()
        await client.say(b"?")
        await server.hear(1)
        await server.say(b"!")
        await client.hear(1)
        assert 0.2 <= time.monotonic() - began < PATIENCE_S

    on_a_line(walk)


def test_a_dripping_line_carries_octet_by_octet() -> None:
    """Each arrives alone; when it clears up the rest comes at once."""

    async def walk(line: Line) -> None:
        client, server = await line.connect()
        line.proxy.weather = Weather(drip_s=0.02)
        await client.say(b"abcdefgh")
        heard = [await asyncio.wait_for(server.reader.read(100), PATIENCE_S) for _ in range(3)]
        assert heard == [b"a", b"b", b"c"]
        line.proxy.weather = CLEAR
        rest = await server.hear(5)
        assert rest == b"defgh"

    on_a_line(walk)
