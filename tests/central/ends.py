"""The other ends of short messages: a modem of the simulator and a telephone, a provider's HTTP server, carriers on paper."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

from modem.errors import ModemError

DEADLINE_S = 15.0


class PaperCarrier:
    """Takes what it is given; each message ends when the test says how."""

    def __init__(self, name: str, places: int = 1) -> None:
        self.name = name
        self.places = places
        self.ready = True
        self.got: list[tuple[str, bytes]] = []
        self.ends: list[ModemError | Exception | None] = []
        self.changed = asyncio.Condition()

    async def run(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    async def send(self, number: str, octets: bytes) -> None:
        """Until there is an end for it."""
        async with self.changed:
            self.got.append((number, octets))
            self.changed.notify_all()
            await self.changed.wait_for(lambda: bool(self.ends))
            end = self.ends.pop(0)
        if end is not None:
            raise end

    async def end(self, how: ModemError | Exception | None = None) -> None:
        """The next one that waits ends so."""
        async with self.changed:
            self.ends.append(how)
            self.changed.notify_all()

    async def has(self, count: int) -> list[tuple[str, bytes]]:
        """What it got, once it is so many."""
        async with self.changed:
            async with asyncio.timeout(DEADLINE_S):
                await self.changed.wait_for(lambda: len(self.got) >= count)
            return list(self.got)


class ProviderServer:
    """Answers each POST with the next status (200 when there is none); `url` is where."""

    def __init__(self) -> None:
        self.asked: Queue[tuple[str, dict[str, Any]]] = Queue()
        self.statuses: list[int] = []
        end = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                end.asked.put((self.headers["Authorization"], body))
                status = end.statuses.pop(0) if end.statuses else 200
                if not status:  # It goes away without an answer.
                    self.connection.close()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/messages"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """It is not reached any more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def provider() -> Iterator[ProviderServer]:
    """A provider that serves."""
    server = ProviderServer()
    try:
        yield server
    finally:
        server.close()
