"""Keepers on the simulator's modems, over real ptys, with its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from modem import at, sms
from modem.at import Channel
from modem.errors import Refused, Unavailable, Unknown
from modem.keeper import Keeper, LadderActions
from modem.ladder import CARD, PATIENCE_S, POWER, RESET, SEARCHING, SILENT
from modem.pdu import Deliver, StatusReport
from modem.session import KeeperSettings
from simulator.modem.modems import Modem, Modems
from tests.modem.desk import Diary

DEADLINE_S = 20.0
FIRST, SECOND = "+5492611111111", "+5492612222222"


class Station:
    """One modem of the simulator with its keeper; `stores` is what `incoming` answers."""

    def __init__(self, modem: Modem, pin: str | None = None) -> None:
        self.modem = modem
        self.stores = True
        self.came: asyncio.Queue[Deliver] = asyncio.Queue()
        self.reports: asyncio.Queue[StatusReport] = asyncio.Queue()
        self.diary = Diary()
        settings = KeeperSettings((f"{modem.path}-absent", modem.path), pin=pin, poll_s=0.2, retry_s=0.1)
        actions = LadderActions(power=self._cut)
        self.keeper = Keeper(settings, self._incoming, self.diary, reported=self.reports.put_nowait, actions=actions)

    async def _incoming(self, message: Deliver) -> bool:
        self.came.put_nowait(message)
        return self.stores

    async def _cut(self) -> None:
        self.modem.act("power_cycle")

    async def next(self) -> bytes | str:
        """The payload of the next message that comes."""
        async with asyncio.timeout(DEADLINE_S):
            return (await self.came.get()).payload

    async def until(self, trouble: str | None) -> None:
        """Wait for a judgement."""
        if self.keeper.health.trouble != trouble:
            await self.diary.until("modem_health", DEADLINE_S, trouble=trouble)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies that do not come are given up within a second, as no real modem's could be."""
    monkeypatch.setattr(Channel.command, "__defaults__", (0.5, False))
    monkeypatch.setattr(Channel.prompted, "__defaults__", (1.0,))
    monkeypatch.setattr(sms, "LIST_S", 0.5)
    for name in ("SYNC_S", "PROMPT_S"):
        monkeypatch.setattr(at, name, 0.3)


def between(
    body: Callable[[Modems, Station, Station], Awaitable[None]],
    dialect: str = "sim7600",
    pin: str = "",
    usb: bool = False,
) -> None:
    """Run `body` with two modems whose keepers are well."""

    async def main() -> None:
        async with Modems([FIRST, SECOND], dialect, pin=pin, usb=usb) as modems:
            stations = [Station(modem, pin or None) for modem in modems]
            tasks = [asyncio.create_task(station.keeper.run()) for station in stations]
            try:
                for station in stations:
                    await station.until(None)
                await body(modems, *stations)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize("dialect", ["sim7600", "quectel"])
@pytest.mark.parametrize("payload", [bytes(range(116, 256)), "Sirena: ¿qué pasó? {€}", "Без воды"])
def test_a_message_goes_from_one_modem_to_the_other(dialect: str, payload: bytes | str) -> None:
    """140 octets of any value, the GSM alphabet with its extension, and UCS2; nothing stays in the storages."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        assert isinstance(await one.keeper.send(SECOND, payload, 300, report=True), int)
        assert await two.next() == payload
        async with asyncio.timeout(DEADLINE_S):
            assert (await one.reports.get()).delivered
        await asyncio.to_thread(modems.wait, SECOND, "command", "+CMGD")
        assert [*two.modem.stored.values()] == [[]] * len(two.modem.stored)

    between(body, dialect)


FAULTS: list[tuple[str, object]] = [
    ("urc_in_reply", "RING"),
    ("urc_in_reply", '+CMTI: "SM",1'),
    ("urc_in_reply", "+CREG: 2"),
    ("urc_in_reply", "+CMGS"),
    ("garbage", 20),
    ("dribble", 0.0005),
    ("echo", ""),
    ("slow", 0.1),
]


@pytest.mark.parametrize(("fault", "value"), FAULTS)
def test_a_bad_line_loses_no_message(fault: str, value: object) -> None:
    """Each reply of the sender and of the receiver is disturbed; the messages arrive, in their order."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        for station in (one, two):
            station.modem.fault(fault, value)
        for number in range(3):
            await one.keeper.send(SECOND, bytes((number,)), 300)
            assert await two.next() == bytes((number,))

    between(body)


def test_lost_prompts_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message surely did not go: it goes once, after the prompt came."""
    impatient(monkeypatch)

    async def body(modems: Modems, one: Station, two: Station) -> None:
        one.modem.fault("no_prompt", count=1)
        await one.keeper.send(SECOND, b"once", 300)
        assert await two.next() == b"once"
        assert two.came.empty()

    between(body)


@pytest.mark.parametrize(
    ("fault", "value", "error", "came"),
    [("no_cmgs", "", Unknown, True), ("unsent", "", Unknown, False), ("cms_error", 1, Refused, False)],
)
def test_what_became_of_a_message_is_told(
    fault: str, value: object, error: type[Exception], came: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it left or not, without +CMGS nobody knows: it is not sent again by itself; the next one goes as ever."""
    impatient(monkeypatch)

    async def body(modems: Modems, one: Station, two: Station) -> None:
        one.modem.fault(fault, value, count=1)
        with pytest.raises(error):
            await one.keeper.send(SECOND, b"first", 300)
        await one.keeper.send(SECOND, b"second", 300)
        assert await two.next() == (b"first" if came else b"second")

    between(body)


def test_congestion_passes() -> None:
    """The same message goes when the network takes it."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        one.modem.fault("cms_error", 42, count=2)
        await one.keeper.send(SECOND, b"later", 300)
        assert await two.next() == b"later"

    between(body)


def test_a_full_storage_is_emptied_and_what_waited_comes() -> None:
    """The message center keeps what found no room."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        two.stores = False
        two.modem.act("fill_storage")
        while await two.next() != "old":
            pass
        await one.keeper.send(SECOND, b"waits", 300)
        assert modems.center.waiting(SECOND) == 1
        two.stores = True
        while await two.next() != b"waits":
            pass
        assert modems.center.waiting(SECOND) == 0

    between(body)


def test_what_is_not_stored_here_stays_in_the_modem() -> None:
    """Until it is; then its place is free."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        two.stores = False
        await one.keeper.send(SECOND, b"kept", 300)
        for _ in range(3):
            assert await two.next() == b"kept"
        assert sum(map(len, two.modem.stored.values())) == 1
        two.stores = True
        await asyncio.to_thread(modems.wait, SECOND, "command", "+CMGD")
        await one.keeper.send(SECOND, b"next", 300)
        while await two.next() != b"next":
            pass

    between(body)


@pytest.mark.parametrize(
    ("taken", "given", "trouble"),
    [("remove_sim", "insert_sim", CARD), ("lose_network", "restore_network", SEARCHING), ("die", "return", SILENT)],
)
@pytest.mark.parametrize("dialect", ["sim7600", "quectel"])
def test_what_is_lost_and_returns(dialect: str, taken: str, given: str, trouble: str) -> None:
    """Card, network, port: told as what it is, nothing is sent meanwhile, and after it all is well by itself."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        two.modem.act(taken)
        await two.until(trouble)
        with pytest.raises(Unavailable):
            await two.keeper.send(FIRST, b"no", 300, deadline_s=0.2)
        await one.keeper.send(SECOND, b"waits", 300)
        two.modem.act(given)
        await two.until(None)
        assert await two.next() == b"waits"
        assert two.diary.of("modem_helped", "stage") == []

    between(body, dialect)


def test_a_modem_that_starts_again_is_set_up_again() -> None:
    """Its power went for a moment; on a line of its own, and on USB, where the port goes too. With a PIN."""

    async def body(modems: Modems, one: Station, two: Station) -> None:
        two.modem.act("power_cycle")
        await asyncio.to_thread(modems.wait, SECOND, "power", "started", 2)
        await one.keeper.send(SECOND, b"\x00after", 300)
        assert await two.next() == b"\x00after"

    between(body)
    between(body, usb=True, pin="1234")


def test_a_hung_modem_is_helped_by_its_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset cannot reach it."""
    monkeypatch.setitem(PATIENCE_S, SILENT, {RESET: 0.1, POWER: 0.1})
    impatient(monkeypatch)

    async def body(modems: Modems, one: Station, two: Station) -> None:
        two.modem.act("hang")
        await two.diary.until("modem_helped", 60, stage=POWER)
        await two.until(None)
        await one.keeper.send(SECOND, b"alive", 300)
        assert await two.next() == b"alive"

    between(body)


def test_many_faults_at_once_lose_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reply in eight is lost, disturbed or noisy; what is unknown is sent again; each message comes at least once."""
    impatient(monkeypatch)
    payloads = {bytes((number, 0)) for number in range(15)}

    async def body(modems: Modems, one: Station, two: Station) -> None:
        for station in (one, two):
            for fault in ("no_reply", "urc_in_reply", "garbage", "no_prompt", "error"):
                station.modem.fault(fault, probability=0.025)
        one.modem.fault("no_cmgs", probability=0.1)
        one.modem.fault("unsent", probability=0.1)
        for payload in sorted(payloads):
            while True:
                try:
                    await one.keeper.send(SECOND, payload, 300)
                    break
                except Unknown:
                    continue
        came: set[bytes | str] = set()
        while came != payloads:
            came.add(await two.next())

    between(body)
