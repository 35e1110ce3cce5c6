"""The link to the broker ends when it is told to, whatever happens at that moment."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import gmqtt
import pytest

from central.broker.mqtt import MqttBroker


class Refusing:
    """A client whose connection fails when the test says so."""

    connecting: asyncio.Event
    failing: asyncio.Future[None]

    def __init__(self, *_: Any, **__: Any) -> None:
        """As the real one's."""

    def set_config(self, _config: dict[str, Any]) -> None:
        """Nothing to set."""

    async def connect(self, *_: Any, **__: Any) -> None:
        """Wait, then fail."""
        self.connecting.set()
        await self.failing

    async def disconnect(self) -> None:
        """Was never connected."""


@pytest.mark.parametrize("turns", range(6))
def test_a_link_that_fails_while_it_is_told_to_end_ends(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """So many turns of the loop between the two: no order of them makes the service go on for ever."""
    monkeypatch.setattr(gmqtt, "Client", Refusing)

    async def end() -> bool:
        loop = asyncio.get_running_loop()

        def cancel_after(left: int) -> None:
            if left:
                loop.call_soon(cancel_after, left - 1)
            else:
                running.cancel()

        Refusing.failing, Refusing.connecting = loop.create_future(), asyncio.Event()
        link = MqttBroker("S01", "localhost", 1, ssl.create_default_context(), lambda *_: None)
        running = asyncio.create_task(link.run())
        await Refusing.connecting.wait()
        Refusing.failing.set_exception(ConnectionRefusedError())
        cancel_after(turns)
        done, _ = await asyncio.wait([running], timeout=2)
        running.cancel()
        return bool(done) and running.cancelled()

    assert asyncio.run(end())
