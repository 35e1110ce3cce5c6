"""A keeper at work on a scripted modem, in virtual time, and a log that tests wait on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modem.keeper import Keeper, LadderActions
from modem.pdu import Deliver
from modem.port import PortFactory
from modem.session import KeeperSettings
from tests.modem.scripted import Reply, ScriptedModem, T, run

HEALTHY: dict[str, Reply] = {
    "+CPIN?": "+CPIN: READY\r\nOK\r\n",
    "+CREG?": "+CREG: 0,1\r\nOK\r\n",
    "+CEREG?": "+CEREG: 0,1\r\nOK\r\n",
    "+COPS?": '+COPS: 0,0,"Claro AR",7\r\nOK\r\n',
    "+CSQ": "+CSQ: 20,99\r\nOK\r\n",
    "+CMGL=4": "OK\r\n",
    "+CGMM": "SIMCOM_SIM7600SA-H\r\nOK\r\n",
} | dict.fromkeys(('+CPMS="ME"', '+CPMS="SM"'), "+CPMS: 0,23,0,23,0,23\r\nOK\r\n")
SEEKING: dict[str, Reply] = {"+CREG?": "+CREG: 0,2\r\nOK\r\n", "+CEREG?": "+CEREG: 0,2\r\nOK\r\n"}
DEADLINE_S = 100_000.0  # of virtual time


class Diary:
    """Keeps every entry: the event's name and its values."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Event()

    def info(self, event: str, **values: Any) -> None:
        self.entries.append((event, values))
        self._changed.set()

    warning = exception = info

    def of(self, event: str, value: str) -> list[Any]:
        """One value of each entry of this name."""
        return [values[value] for name, values in self.entries if name == event]

    async def until(self, event: str, within_s: float, **expected: Any) -> None:
        """Wait for an entry that was not there before with these values."""
        seen = len(self.entries)
        async with asyncio.timeout(within_s):
            while True:
                for name, values in self.entries[seen:]:
                    if name == event and expected.items() <= values.items():
                        return
                seen = len(self.entries)
                self._changed.clear()
                await self._changed.wait()


class Desk:
    """A keeper at work on a scripted modem."""

    def __init__(self, modem: ScriptedModem, keeper: Keeper, diary: Diary) -> None:
        self.modem = modem
        self.keeper = keeper
        self.diary = diary
        self.messages: list[Deliver] = []
        self.broken = False

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def pass_s(self, seconds: float) -> None:
        """Let virtual time pass."""
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, done.set)
        await done.wait()

    async def until_well(self) -> float:
        """Wait for health; when it came."""
        if not self.keeper.health.ok:
            await self.diary.until("modem_health", DEADLINE_S, trouble=None)
        return self.now


def at_work(
    modem: ScriptedModem,
    body: Callable[[Desk], Awaitable[T]],
    settings: KeeperSettings | None = None,
    actions: LadderActions | None = None,
    factory: PortFactory | None = None,
) -> T:
    """Run `body` beside a keeper."""

    async def main() -> T:
        diary = Diary()

        async def incoming(message: Deliver) -> bool:
            desk.messages.append(message)
            if desk.broken:
                raise OSError("the disk is gone")
            return True

        keeper = Keeper(
            settings or KeeperSettings(("/dev/modem",)),
            incoming,
            diary,
            actions=actions or LadderActions(),
            port_factory=factory or modem,
            clock=asyncio.get_running_loop().time,
        )
        desk = Desk(modem, keeper, diary)
        task = asyncio.create_task(keeper.run())
        try:
            return await body(desk)
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert modem.listener is None

    return run(main())
