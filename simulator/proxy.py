"""A bad network in front of a broker: TCP on 127.0.0.1 that holds back, delays, drips, cuts, refuses and forgets, on command.

Used by the campaigns, one for each center. It sees TLS records and looks into none. TCP loses no octets, so what is lost
underneath it is seen as a wait: a chunk is held, and all that follows with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

UP, DOWN = "up", "down"  # towards the broker, and from it
BOTH = (UP, DOWN)

_CHUNK = 4096
# Where tcp_info (linux/tcp.h) has bytes_acked, bytes_received, segs_out, segs_in.
_TCP_INFO_COUNTS = 120
# Waiting octets beyond this are left to the senders' own TCP.
_BACKLOG = 1 << 14


@dataclass(frozen=True)
class Weather:
    """What all connections go through, in seconds; the default is a clear day.

    Every chunk waits for `delay_s`; those that come meanwhile go on together after as long again. With the probability
    `loss` it waits for a random time of `held_s` more. With `drip_s` octets go one by one, so far apart.
    """

    delay_s: float = 0.0
    loss: float = 0.0
    held_s: tuple[float, float] = (0.2, 3.0)
    drip_s: float = 0.0


CLEAR = Weather()


class Link:
    """One connection through the proxy: two sockets and what is carried between them."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.flows = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for flow in self.flows.values():
            flow.set()
        self._writers = (near, far)

    def carried(self) -> tuple[int, int]:
        """Octets, and segments with bare acknowledgements, in both directions on the near side, as the kernel counts them (tcp(7), TCP_INFO)."""
        told = self._writers[0].get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        acked, received, segments_out, segments_in = struct.unpack_from("QQII", told, _TCP_INFO_COUNTS)
        return acked + received, segments_out + segments_in

    def reset(self) -> None:
        """RST to both ends: what was under way is gone."""
        for writer in self._writers:
            _reset(writer)
        # Nobody waits any longer for a connection that is no more.
        for flow in self.flows.values():
            flow.set()

    def close(self) -> None:
        """Both ends are closed, what was forwarded before arrives."""
        for writer in self._writers:
            writer.close()


class Proxy:
    """In front of 127.0.0.1:`target`; `port` is where it listens after `start`. `seed` repeats its dice.

    `counts`: connections, cut, refused, held chunks, and octets and chunks in each direction.
    """

    def __init__(self, target: int, seed: int = 0) -> None:
        self.port = 0
        self.weather = CLEAR
        self.counts: Counter[str] = Counter()
        self._target = target
        self._dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
        # Bound and never listening: while nobody else listens there, the port stays ours and connections are refused.
        self._keeper = _bound(0)
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def carried(self) -> tuple[int, int]:
        """Octets and segments of the connections that are open now."""
        links = [link.carried() for link in self._links]
        return sum(octets for octets, _ in links), sum(segments for _, segments in links)

    async def start(self) -> None:
        """Listen; raises OSError."""
        self.port = self._keeper.getsockname()[1]
        await self.refuse(False)

    async def stop(self) -> None:
        """Refuse everybody, reset what is open."""
        await self.refuse(True)
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keeper.close()

    async def refuse(self, refusing: bool = True) -> None:
        """New connections are refused, or let in again; those that are open stay."""
        if refusing and self._server is not None:
            server, self._server = self._server, None
            server.close()
        elif not refusing and self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=_bound(self.port), limit=_BACKLOG)

    def half_open(self, directions: Iterable[str] = BOTH) -> int:
        """Carry nothing more on the present connections in these directions, though they stay open; how many there are.

        As a router that has forgotten them: new connections work, and the end of one of these is not carried either.
        """
        for link in self._links:
            for direction in directions:
                link.flows[direction].clear()
        return len(self._links)

    def heal(self) -> None:
        """Half-open connections carry again, beginning with what has waited."""
        for link in self._links:
            for flow in link.flows.values():
                flow.set()

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        links, self._links = self._links, set()
        for link in links:
            link.reset()
        self.counts["cut"] += len(links)
        return len(links)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target, limit=_BACKLOG)
        except OSError:
            # Nobody is behind it: whoever came is told as the broker's own machine would.
            self.counts["refused"] += 1
            _reset(writer)
            return
        link = Link(writer, far_writer)
        self._links.add(link)
        self.counts["connections"] += 1
        for one in (writer, far_writer):
            one.transport.set_write_buffer_limits(_BACKLOG)
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [
            asyncio.ensure_future(self._carry(link, UP, reader, far_writer)),
            asyncio.ensure_future(self._carry(link, DOWN, far_reader, writer)),
        ]
        try:
            await asyncio.gather(*ways)
            link.close()
        except (OSError, asyncio.CancelledError):
            # Cancelled by `stop`; the server that called this would take the cancellation itself for a fault.
            link.reset()
        finally:
            self._links.discard(link)
            for way in ways:
                way.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self, link: Link, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One direction until its end, which is passed on too; raises OSError when either socket breaks."""
        flow = link.flows[direction]
        while True:
            chunk, broken = b"", None
            try:
                chunk = await reader.read(_CHUNK)
            except OSError as error:
                broken = error
            # What a half-open connection would have to tell does not arrive either.
            await flow.wait()
            if broken is not None:
                raise broken
            if not chunk:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            await self._hold()
            for piece in self._pieces(chunk):
                if self.weather.drip_s:
                    await asyncio.sleep(self.weather.drip_s)
                # It may have become half-open while this waited.
                await flow.wait()
                writer.write(piece)
                await writer.drain()
            self.counts[direction] += len(chunk)
            self.counts[f"{direction} chunks"] += 1

    async def _hold(self) -> None:
        """The waits of one chunk."""
        weather = self.weather
        if weather.delay_s:
            await asyncio.sleep(weather.delay_s)
        if weather.loss and self._dice.random() < weather.loss:
            self.counts["held"] += 1
            await asyncio.sleep(self._dice.uniform(*weather.held_s))

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        """A chunk as it goes on: whole, or octet by octet for as long as it drips."""
        while self.weather.drip_s and len(chunk) > 1:
            yield chunk[:1]
            chunk = chunk[1:]
        yield chunk


def _bound(port: int) -> socket.socket:
    """A socket on a port of 127.0.0.1, 0 for a free one; several of ours may share it, one of them listens."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
