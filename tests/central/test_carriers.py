"""Short messages over modems and a provider: what a carrier does not send another one does, and nothing waits in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from central.ports import Sms
from central.sms.carriers import Carrier, Carriers
from central.sms.modem import ModemCarrier
from central.sms.provider import ProviderCarrier
from modem.errors import Refused, Unavailable, Unknown
from modem.session import KeeperSettings
from modem.text import from_text
from simulator.modem.modems import Modems
from tests.central.ends import DEADLINE_S, PaperCarrier, ProviderServer, provider
from tests.central.paper import PaperSms

OWN, GATEWAY = "+5492614100001", "+5492614000001"
FRAME = bytes(range(120))


def run(work: Coroutine[Any, Any, None]) -> None:
    """With a deadline."""
    asyncio.run(asyncio.wait_for(work, 2 * DEADLINE_S))


@pytest.fixture
def modems() -> Iterator[Modems]:
    """Central's modem and a telephone with the gateway's number."""
    with Modems([OWN]) as made:
        made.center.phone(GATEWAY)
        yield made


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    """A provider."""
    with provider() as made:
        yield made


async def nothing(_: bytes) -> bool:
    """Nobody is expected to write."""
    raise AssertionError("a message came")


@asynccontextmanager
async def running(*carriers: Carrier) -> AsyncIterator[Carriers]:
    """At work."""
    made = Carriers(carriers)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def modem(modems: Modems, receive: Callable[[bytes], Any] = nothing, text: bool = False) -> ModemCarrier:
    """The modem as a carrier."""
    return ModemCarrier(KeeperSettings((modems[0].path,), poll_s=1.0, retry_s=0.1), receive, text)


async def contract(sms: Sms, arrived: Callable[[], tuple[str, bytes]]) -> None:
    """What flows expect of a port Sms: room, and octets that arrive unchanged at the number that was said."""
    assert sms.room() > 0
    assert sms.send(GATEWAY, FRAME) is True
    assert await asyncio.to_thread(arrived) == (GATEWAY, FRAME)


def test_paper_is_a_port() -> None:
    """As the flows' tests use it."""
    paper = PaperSms()
    run(contract(paper, lambda: paper.sent[0]))


@pytest.mark.parametrize("text", [False, True])
def test_a_modem_is_a_port(modems: Modems, text: bool) -> None:
    """8-bit data, or base64 where the network carries text alone."""

    def arrived() -> tuple[str, bytes]:
        modems.wait(GATEWAY, "delivered", count=2)
        payload = modems.center.received(GATEWAY)[1].payload  # type: ignore[union-attr]
        octets = from_text(payload) if isinstance(payload, str) else payload
        assert isinstance(payload, str) is text
        return GATEWAY, octets or b""

    async def work() -> None:
        carrier = modem(modems, text=text)
        async with running(carrier) as carriers:
            # It waits for the network by itself; from then on the carrier is ready.
            await carrier.send(GATEWAY, b"first")
            await contract(carriers, arrived)

    run(work())


@pytest.mark.parametrize("text", [False, True])
def test_a_provider_is_a_port(server: ProviderServer, text: bool) -> None:
    """JSON with the token; any 2xx is taken."""
    server.statuses.append(202)

    def arrived() -> tuple[str, bytes]:
        token, body = server.asked.get(timeout=DEADLINE_S)
        assert (token, body["validity_s"]) == ("Bearer secret", 300)
        return body["to"], (from_text(body["text"]) or b"") if text else bytes.fromhex(body["data"])

    async def work() -> None:
        async with running(ProviderCarrier(server.url, "secret", text)) as carriers:
            await contract(carriers, arrived)

    run(work())


@pytest.mark.parametrize(
    ("status", "error", "rests"),
    [
        (400, Refused, False),
        (401, Refused, False),
        (429, Unavailable, True),
        (503, Unavailable, True),
        (0, Unknown, False),
    ],
)
def test_what_a_provider_answers_is_sorted(
    server: ProviderServer, status: int, error: type[Exception], rests: bool
) -> None:
    """No to the message, not now, or nobody knows; after "not now" it rests, so that the modems carry."""
    server.statuses.append(status)

    async def work() -> None:
        carrier = ProviderCarrier(server.url, "secret")
        with pytest.raises(error):
            await carrier.send(GATEWAY, FRAME)
        assert carrier.ready is not rests

    run(work())


def test_a_provider_that_is_not_reached_sent_nothing() -> None:
    """Nobody listens there."""

    async def work() -> None:
        carrier = ProviderCarrier("http://127.0.0.1:9", "secret")
        with pytest.raises(Unavailable):
            await carrier.send(GATEWAY, FRAME)
        assert carrier.ready is False

    run(work())


@pytest.mark.parametrize("error", [Unavailable("no network"), Refused(38, "no"), RuntimeError("a mistake")])
def test_what_one_does_not_send_another_does(error: Exception) -> None:
    """And the place of the first is free again."""

    async def work() -> None:
        first, second = PaperCarrier("first", 2), PaperCarrier("second")
        carriers = Carriers([first, second])
        assert carriers.send(GATEWAY, FRAME) is True
        await first.has(1)
        await first.end(error)
        assert await second.has(1) == [(GATEWAY, FRAME)]
        assert carriers.room() == 2
        await second.end()
        carriers.send(GATEWAY, b"next")
        assert len(await first.has(2)) == 2

    run(work())


def test_what_may_have_gone_is_not_sent_by_another() -> None:
    """The flows send it again when nobody answers."""

    async def work() -> None:
        first, second = PaperCarrier("first", 2), PaperCarrier("second")
        carriers = Carriers([first, second])
        carriers.send(GATEWAY, b"1")
        await first.has(1)
        await first.end(Unknown("no answer"))
        carriers.send(GATEWAY, b"2")
        assert [octets for _, octets in await first.has(2)] == [b"1", b"2"]
        assert (second.got, carriers.room()) == ([], 2)

    run(work())


def test_there_is_as_much_room_as_free_places_of_those_that_are_ready() -> None:
    """What has no place is not taken: the flows choose anew."""

    async def work() -> None:
        first, second = PaperCarrier("first", 2), PaperCarrier("second", 8)
        carriers = Carriers([first, second])
        assert carriers.room() == 10
        second.ready = False
        assert carriers.room() == 2
        assert [carriers.send(GATEWAY, FRAME) for _ in range(3)] == [True, True, False]
        assert carriers.room() == 0
        await first.has(2)
        assert (len(first.got), second.got) == (2, [])

    run(work())


def test_without_any_carrier_the_service_goes_on() -> None:
    """Nothing to do is no end."""

    async def work() -> None:
        carriers = Carriers([])
        assert (carriers.room(), carriers.send(GATEWAY, FRAME)) == (0, False)
        serving = asyncio.create_task(carriers.run())
        ended, _ = await asyncio.wait([serving], timeout=0.05)
        serving.cancel()
        assert ended == set()

    run(work())


def test_a_message_leaves_the_card_when_it_is_stored_and_not_before(modems: Modems) -> None:
    """Refused once, it is offered again with the next; text that is no frame of ours is handed on as nothing."""
    got: asyncio.Queue[bytes] = asyncio.Queue()
    answers = [False, True, True, True]

    async def receive(octets: bytes) -> bool:
        got.put_nowait(octets)
        return answers.pop(0)

    async def work() -> None:
        async with running(modem(modems, receive)):
            modems.center.inject("+5491100000000", OWN, FRAME)
            assert await got.get() == FRAME
            modems.center.inject("+5491100000001", OWN, "Ganaste un auto")
            assert sorted([await got.get(), await got.get()]) == [b"", FRAME]
            await asyncio.to_thread(modems.wait, OWN, "command", "+CMGD", 2)

    run(work())
