"""Short messages over a scripted modem: what is deleted, what is kept, what an error means."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from modem.at import Channel, Unsolicited
from modem.errors import ModemError, Refused, Unavailable, Unknown
from modem.pdu import Deliver, StatusReport, encode_deliver, encode_report
from modem.sms import Sms
from tests.modem.scripted import Reply, ScriptedModem, T, run

SENT_AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
REPORT = StatusReport(7, "+5492611111111", SENT_AT, SENT_AT, 0)


def message(payload: bytes | str = b"\x01\x02") -> Deliver:
    """A message as a phone sends it."""
    return Deliver("+5492611111111", payload, SENT_AT)


class Storage(ScriptedModem):
    """A modem with two storages; `places` has state, PDU and announced length of each message in `ME`."""

    def __init__(self, *messages: tuple[str, int], state: int = 0, capacity: int = 23) -> None:
        super().__init__()
        self.places = {index: (state, *coded) for index, coded in enumerate(messages)}
        self.card: dict[int, tuple[int, str, int]] = {}
        self.capacity = capacity
        self.now = self.places
        replies: dict[str, Reply] = {'+CPMS="ME"': self._select, '+CPMS="SM"': self._select, "+CMGL=4": self._list}
        self.replies |= replies
        self.replies |= {f"+CMGD={index}": self._delete for index in range(30)}

    def _select(self, text: str) -> str:
        self.now = self.places if "ME" in text else self.card
        return f"\r\n+CPMS: {len(self.now)},{self.capacity},0,{self.capacity},0,{self.capacity}\r\n\r\nOK\r\n"

    def _list(self, text: str) -> str:
        listed = "".join(f"+CMGL: {at},{state},,{length}\r\n{pdu}\r\n" for at, (state, pdu, length) in self.now.items())
        return f"\r\n{listed}\r\nOK\r\n"

    def _delete(self, text: str) -> str:
        del self.now[int(re.sub(r"\D", "", text))]
        return "\r\nOK\r\n"


class Taker:
    """Keeps what it is given, or refuses it."""

    def __init__(self, stores: bool = True) -> None:
        self.stores = stores
        self.messages: list[bytes | str] = []
        self.reports: list[StatusReport] = []

    async def __call__(self, message: Deliver) -> bool:
        self.messages.append(message.payload)
        return self.stores


def on(modem: ScriptedModem, taker: Taker, body: Callable[[Sms], Awaitable[T]]) -> T:
    """Run `body` with the messages of a modem that has been set up."""

    async def main() -> T:
        channel = Channel(lambda said: None)
        channel.attach(modem("", 0, channel))
        sms = Sms(channel, taker, taker.reports.append)
        await sms.setup()
        return await body(sms)

    return run(main())


async def sweep(sms: Sms) -> None:
    """Once."""
    await sms.sweep()


async def sweep_twice(sms: Sms) -> None:
    """And again."""
    await sms.sweep()
    await sms.sweep()


def test_what_is_stored_durably_is_deleted() -> None:
    """Octets and texts, one after the other, from both storages."""
    modem, taker = Storage(encode_deliver(message()), encode_deliver(message("hola")), state=1), Taker()
    modem.card = {4: (0, *encode_deliver(message(b"card")))}
    on(modem, taker, sweep)
    assert taker.messages == [b"\x01\x02", "hola", b"card"]
    assert (modem.places, modem.card) == ({}, {})


def test_what_is_not_stored_stays_and_is_offered_again() -> None:
    """A full disk loses no message."""
    modem, taker = Storage(encode_deliver(message())), Taker(stores=False)
    on(modem, taker, sweep_twice)
    assert taker.messages == [b"\x01\x02"] * 2
    assert len(modem.places) == 1


def test_a_status_report_is_reported_and_deleted() -> None:
    """It fills the storage like a message."""
    modem, taker = Storage(encode_report(REPORT)), Taker()
    on(modem, taker, sweep)
    assert taker.reports == [REPORT]
    assert modem.places == {}


PDU, LENGTH = encode_deliver(message())
DOUBLED = PDU[:-4] + PDU[-4:-2] * 2 + PDU[-2:]  # one octet came twice: it still reads as a message, as another one


@pytest.mark.parametrize("damaged", [("0011", 1), (PDU[:-2], LENGTH), (DOUBLED, LENGTH), ("FF", 0)])
def test_what_cannot_be_read_is_deleted_only_when_it_reads_the_same_again(damaged: tuple[str, int]) -> None:
    """A line damages octets; a message that it damaged is whole the next time. One that is broken would fill the storage."""
    modem, taker = Storage(damaged), Taker()

    async def body(sms: Sms) -> list[int]:
        kept = []
        for _ in range(2):
            await sms.sweep()
            kept.append(len(modem.places))
        return [*kept, sms.unreadable]

    assert on(modem, taker, body) == [1, 0, 1]
    assert taker.messages == []


def test_a_message_that_the_line_damaged_is_taken_when_it_is_whole() -> None:
    """The first reading has an octet too many, the second has not."""
    modem, taker = Storage((DOUBLED, LENGTH)), Taker()

    async def body(sms: Sms) -> None:
        await sms.sweep()
        modem.places[0] = (0, PDU, LENGTH)
        await sms.sweep()

    on(modem, taker, body)
    assert taker.messages == [b"\x01\x02"]


def test_messages_that_somebody_left_to_be_sent_are_not_taken_for_received_ones() -> None:
    """States 2 and 3: their places are freed."""
    modem, taker = Storage(encode_deliver(message()), state=2), Taker()
    on(modem, taker, sweep_twice)
    assert (taker.messages, modem.places) == ([], {})


def test_a_full_storage_is_noticed_and_emptied() -> None:
    """The network sends no more until there is room."""
    modem, taker = Storage(*[encode_deliver(message())] * 5, capacity=5), Taker()

    async def body(sms: Sms) -> list[bool]:
        full = []
        for _ in range(2):
            await sms.sweep()
            full.append(sms.full)
        return full

    assert on(modem, taker, body) == [True, False]
    assert len(taker.messages) == 5


def test_a_message_given_without_being_stored_is_taken_too() -> None:
    """+CMT, from settings that were there before ours; a damaged one is not."""
    taker = Taker()

    async def body(sms: Sms) -> None:
        await sms.direct(Unsolicited("+CMT", f",{LENGTH}", PDU))
        await sms.direct(Unsolicited("+CMT", f",{LENGTH}", DOUBLED))
        await sms.direct(Unsolicited("+CMT", "", PDU))

    on(Storage(), taker, body)
    assert taker.messages == [b"\x01\x02"]


@pytest.mark.parametrize("counts", ["", "+CPMS: 1\r\n", "+CPMS: x,23,0,23\r\n"])
def test_counts_that_cannot_be_read_are_asked_again(counts: str) -> None:
    """A line that was damaged is not a mistake of the program."""
    modem = Storage()

    async def body(sms: Sms) -> None:
        modem.replies['+CPMS="ME"'] = f"{counts}OK\r\n"
        with pytest.raises(Unavailable):
            await sms.sweep()

    on(modem, Taker(), body)


def test_a_modem_without_storage_is_refused() -> None:
    """A card that is still starting."""
    modem = ScriptedModem(dict.fromkeys(['+CPMS="ME"', '+CPMS="SM"'], "+CMS ERROR: 302\r\n"))
    modem.replies['+CPMS="SR"'] = "+CPMS: 0,9,0,9,0,9\r\nOK\r\n"
    with pytest.raises(Refused):
        on(modem, Taker(), sweep)


def test_a_modem_that_announces_no_messages_is_swept_all_the_same() -> None:
    """The announcements are a convenience."""
    modem, taker = Storage(encode_deliver(message())), Taker()
    modem.replies |= {f"+CNMI=2,1,0,{reports},0": "ERROR\r\n" for reports in (2, 1, 0)}
    on(modem, taker, sweep)
    assert taker.messages == [b"\x01\x02"]


async def send(sms: Sms) -> int:
    """One message."""
    return await sms.send("+5492612222222", b"\x01\x02\x03", 300)


def test_a_sent_message_has_the_networks_reference() -> None:
    """The PDU asks for the validity, rounded up to what SMS can say."""
    modem = Storage()
    assert on(modem, Taker(), send) == 7
    assert modem.heard[-2:] == ["+CMGS=18", "<pdu>0011000D91452916222222F200040003010203"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("+CMS ERROR: 331", Unavailable),  # no network service
        ("+CMS ERROR: 42", Unavailable),  # congestion
        ("+CME ERROR: 14", Unavailable),  # the card is busy
        ("+CMS ERROR: 332", Unknown),  # the network timed out
        ("+CME ERROR: 31", Unknown),
        ("OK", Unknown),  # no reference
        ("+CMGS: ?\r\nOK", Unknown),
        ("+CMS ERROR: 1", Refused),  # no such number
        ("+CMS ERROR: 304", Refused),  # PDU
        ("+CME ERROR: 332", Refused),  # a code of the other table means nothing
        ("ERROR", Refused),
    ],
)
def test_an_error_says_whether_to_try_again(answer: str, error: type[ModemError]) -> None:
    """What passes, what stays, and what nobody knows."""
    modem = Storage()
    modem.payload = f"\r\n{answer}\r\n"
    with pytest.raises(error):
        on(modem, Taker(), send)


def test_a_message_that_cannot_be_written_is_a_mistake_of_the_caller() -> None:
    """Nothing is said to the modem."""
    modem = Storage()

    async def body(sms: Sms) -> None:
        await sms.send("+5492612222222", bytes(141), 300)

    with pytest.raises(ValueError, match="too long"):
        on(modem, Taker(), body)
    assert not [text for text in modem.heard if "CMGS" in text]
