"""Short messages through AT commands: sending, what is said of those that come, storages, text mode."""

from __future__ import annotations

import pytest

from modem.pdu import Deliver, StatusReport, Submit, decode_incoming, encode_submit
from simulator.modem.actions import act
from tests.simulator.modem.bench import ONE, OTHER, START, TWO, Bench, reply


def submit(bench: Bench, message: Submit, modem: int = 0) -> str:
    """What comes after a message was handed over in PDU mode."""
    pdu, length = encode_submit(message)[0]
    assert bench.ask(f"AT+CMGS={length}", modem) == "\r\n> "
    return bench.type(pdu, modem)


def pdu_of(heard: str) -> str:
    """The PDU in what was heard."""
    return next(line for line in heard.split("\r\n") if line.startswith("07"))


@pytest.mark.parametrize("payload", [bytes(range(140)), "hola", "ñandú 🚨", ""])
def test_a_message_goes_from_one_modem_to_the_other(payload: bytes | str) -> None:
    """Octets and text come as they were sent, from the sender's number, into the storage, and are told of."""
    bench = Bench()
    assert submit(bench, Submit(TWO, payload)) == reply("+CMGS: 0")
    assert bench.hear(1) == '\r\n+CMTI: "ME",0\r\n'
    heard = bench.ask("AT+CMGR=0", 1)
    pdu = pdu_of(heard)
    assert heard == reply(f"+CMGR: 0,,{len(pdu) // 2 - 8}", pdu)
    message = decode_incoming(pdu)
    assert isinstance(message, Deliver)
    assert (message.number, message.payload) == (ONE, payload)


def test_references_count_the_messages_and_start_again_after_255() -> None:
    """+CMGS shows 0 to 255 and then 0; a refused message takes none."""
    bench = Bench()
    bench.devices[0].faults.arm("cms_error", 38, count=1)
    assert submit(bench, Submit(TWO, "x")) == reply(result="+CMS ERROR: 38")
    sent = [submit(bench, Submit("+5492610000000", "x")) for _ in range(257)]
    assert [sent[0], sent[255], sent[256]] == [reply("+CMGS: 0"), reply("+CMGS: 255"), reply("+CMGS: 0")]


GOOD, LENGTH = encode_submit(Submit(TWO, b"good"))[0]


@pytest.mark.parametrize(
    ("length", "text"),
    [(14, "00"), (3, "zz"), (1, "0001"), (0, ""), (LENGTH + 1, GOOD), (LENGTH - 1, GOOD), (7, "0001000091000000")],
)
def test_a_pdu_that_is_broken_or_of_another_length_is_refused(length: int, text: str) -> None:
    """+CMS ERROR: 304, and nothing leaves."""
    bench = Bench()
    bench.ask(f"AT+CMGS={length}")
    assert bench.type(text) == reply(result="+CMS ERROR: 304")
    assert bench.noted("accepted") == []


@pytest.mark.parametrize(("action", "error"), [("remove_sim", 310), ("lose_network", 331), ("sms_service off", 50)])
def test_sending_fails_as_the_network_or_the_card_say(action: str, error: int) -> None:
    """No card is 310, no network 331, a subscription without short messages 50."""
    bench = Bench()
    act(bench.devices[0], *action.split())
    bench.hear()
    assert submit(bench, Submit(TWO, "x")) == reply(result=f"+CMS ERROR: {error}")


def test_a_report_comes_where_cnmi_says() -> None:
    """Stored and told of with ds 2, given at once with 1, thrown away with 0 (TS 27.005 3.4.1)."""
    bench = Bench()
    heard = []
    for reports in (2, 1, 0):
        bench.ask(f"AT+CNMI=2,1,0,{reports},0")
        heard.append(submit(bench, Submit(TWO, "x", report=True)))
    stored = bench.devices[0].storages["SR"].items()
    assert heard[0] == reply("+CMGS: 0") + '\r\n+CDSI: "SR",0\r\n'
    assert heard[1].startswith(reply("+CMGS: 1") + "\r\n+CDS: 26\r\n07")
    assert heard[2] == reply("+CMGS: 2")
    reports_read = [decode_incoming(pdu) for pdu in (stored[0][1].pdu, pdu_of(heard[1]))]
    assert [(r.reference, r.delivered) for r in reports_read if isinstance(r, StatusReport)] == [(0, True), (1, True)]


def test_a_message_given_at_once_is_not_stored() -> None:
    """With mt 2 it comes as +CMT with its PDU."""
    bench = Bench()
    bench.ask("AT+CNMI=2,2,0,0,0")
    bench.center.inject(OTHER, ONE, b"\x01\x02")
    heard = bench.hear()
    assert heard == f"\r\n+CMT: ,22\r\n{pdu_of(heard)}\r\n"
    assert bench.devices[0].storages["ME"].used == 0


def test_after_csms_1_a_message_given_at_once_must_be_acknowledged() -> None:
    """The next comes after AT+CNMA; without it the modem stops giving them, and the message comes again, stored."""
    bench = Bench()
    bench.ask("AT+CSMS=1;+CNMI=2,2,0,0,0")
    bench.center.inject(OTHER, ONE, "a")
    bench.center.inject(OTHER, ONE, "b")
    assert bench.hear().count("+CMT:") == 1
    assert bench.ask("AT+CNMA").count("+CMT:") == 1
    assert bench.hear(seconds=16) == ""
    assert bench.ask("AT+CNMI?") == reply("+CNMI: 2,0,0,0,0")
    assert bench.ask("AT+CNMA") == reply(result="+CMS ERROR: 340")
    bench.hear(seconds=60)
    assert bench.devices[0].storages["ME"].used == 1


def test_a_full_storage_takes_nothing_until_a_place_is_free() -> None:
    """The message waits at the center, and comes when one is deleted."""
    bench = Bench()
    bench.devices[0].inbox.fill()
    bench.center.inject(OTHER, ONE, "waits")
    assert bench.hear() == ""
    assert (bench.center.waiting(ONE), bench.ask("AT+CPMS?")) == (
        1, reply('+CPMS: "ME",23,23,"ME",23,23,"ME",23,23'),
    )  # fmt: skip
    assert bench.ask("AT+CMGD=7") == reply() + '\r\n+CMTI: "ME",7\r\n'
    assert bench.center.waiting(ONE) == 0


def test_what_comes_while_the_power_is_off_comes_after_the_start() -> None:
    """The center keeps it until the modem has registered."""
    bench = Bench()
    bench.devices[0].power_off()
    bench.center.inject(OTHER, ONE, "night")
    bench.hear()
    bench.devices[0].power_on()
    assert bench.hear().endswith('\r\n+CMTI: "ME",0\r\n')


def test_listing_reads_and_deleting_chooses() -> None:
    """CMGL shows by state and marks as read; CMGD has four ways to delete many (TS 27.005 3.5.4)."""
    bench = Bench()
    for text in ("a", "b", "c"):
        bench.center.inject(OTHER, ONE, text)
    bench.hear()
    bench.ask("AT+CMGR=1")
    assert bench.ask("AT+CMGL=1").count("+CMGL: 1,1,") == 1
    assert bench.ask("AT+CMGL=0").count("+CMGL:") == 2
    assert bench.ask("AT+CMGL=0") == reply()
    assert bench.ask("AT+CMGL=4").count("+CMGL:") == 3
    bench.center.inject(OTHER, ONE, "d")
    bench.hear()
    assert bench.ask("AT+CMGD=0,1;+CPMS?") == reply('+CPMS: "ME",1,23,"ME",1,23,"ME",1,23')
    assert bench.ask("AT+CMGD=0,4;+CPMS?") == reply('+CPMS: "ME",0,23,"ME",0,23,"ME",0,23')
    assert bench.ask("AT+CMGD=23") == reply(result="+CMS ERROR: 321")


def test_storages_are_chosen_for_reading_writing_and_receiving() -> None:
    """What comes goes into the third storage; the first is read."""
    bench = Bench()
    assert bench.ask('AT+CPMS="ME","ME","SM"') == reply("+CPMS: 0,23,0,23,0,50")
    bench.center.inject(OTHER, ONE, "a")
    assert bench.hear() == '\r\n+CMTI: "SM",0\r\n'
    assert bench.ask("AT+CMGR=0") == reply(result="+CMS ERROR: 321")
    assert bench.ask('AT+CPMS="XX"') == reply(result="+CMS ERROR: 302")


def test_a_message_can_be_written_and_sent_from_its_place() -> None:
    """CMGW stores, CMSS sends and marks as sent."""
    bench = Bench()
    pdu, length = encode_submit(Submit(TWO, b"kept"))[0]
    bench.ask(f"AT+CMGW={length}")
    assert bench.type(pdu) == reply("+CMGW: 0")
    assert bench.ask("AT+CMGL=2") == reply(f"+CMGL: 0,2,,{length}", pdu)
    assert bench.ask("AT+CMSS=0") == reply("+CMSS: 0")
    assert bench.ask("AT+CMGR=0") == reply(f"+CMGR: 3,,{length}", pdu)
    assert bench.devices[1].storages["ME"].used == 1


def test_text_mode_shows_and_sends_text() -> None:
    """AT+CMGF=1: number and text as such; other letters and octets in hexadecimal."""
    bench = Bench()
    bench.ask("AT+CMGF=1", 0)
    bench.ask("AT+CMGF=1", 1)
    bench.ask(f'AT+CMGS="{TWO}"')
    assert bench.type("hola\rche") == reply("+CMGS: 0")
    bench.center.inject(ONE, TWO, "ñ")
    bench.center.inject(ONE, TWO, b"\x01\xff")
    bench.hear(1)
    stamped = {index: f'"{ONE}",,"26/03/04,05:06:' for index in range(3)}
    heard = bench.ask('AT+CMGL="ALL"', 1)
    lines = heard.split("\r\n")
    assert [line[: len(line) - 6] for line in lines if line.startswith("+CMGL")] == [
        f'+CMGL: {index},"REC UNREAD",{head}' for index, head in stamped.items()
    ]
    assert lines[2:3] + lines[4:5] + lines[6:7] == ["hola\nche", "00F1", "01FF"]


def test_text_mode_speaks_the_character_set_that_was_chosen() -> None:
    """UCS2 takes and shows number and text in hexadecimal; what is none is refused."""
    bench = Bench()
    for modem in (0, 1):
        bench.ask('AT+CMGF=1;+CSCS="UCS2";+CNMI=2,2,0,0,0', modem)
    number = TWO.encode("utf-16-be").hex()
    bench.ask(f'AT+CMGS="{number}"')
    assert bench.type("00f1D83DDEA8") == reply("+CMGS: 0")
    sender = ONE.encode("utf-16-be").hex().upper()
    moment = f"{START:%y/%m/%d,%H:%M}"
    heard = bench.hear(1)
    assert heard.startswith(f'\r\n+CMT: "{sender}",,"{moment}')
    assert heard.endswith('-12"\r\n00F1D83DDEA8\r\n')
    bench.ask(f'AT+CMGS="{number}"')
    assert bench.type("no hex") == reply(result="+CMS ERROR: 305")


def test_nothing_about_messages_works_without_a_card() -> None:
    """Storages, listing, deleting, writing and the center's number are all +CMS ERROR: 310."""
    bench = Bench()
    act(bench.devices[0], "remove_sim")
    bench.hear()
    lines = ['AT+CPMS="ME"', "AT+CMGR=0", "AT+CMGL=4", "AT+CMGD=0", "AT+CSCA?"]
    assert [bench.ask(line) for line in lines] == [reply(result="+CMS ERROR: 310")] * len(lines)
    assert bench.ask(f"AT+CMGW={LENGTH}") == "\r\n> "
    assert bench.type(GOOD) == reply(result="+CMS ERROR: 310")


def test_octets_that_a_network_garbles_still_come() -> None:
    """Whatever they are, a text of as many characters arrives in their place."""
    bench = Bench()
    bench.center.faults.arm("text_only")
    for octet in (0x00, 0x40, 0x5B, 0x5E, 0xFF):
        bench.center.inject(OTHER, ONE, bytes((octet,)) * 140)
    bench.hear()
    messages = [decode_incoming(stored.pdu) for _, stored in bench.devices[0].storages["ME"].items()]
    assert [m.payload for m in messages if isinstance(m, Deliver)] == [mark * 140 for mark in "?@???"]


def test_a_text_that_does_not_fit_is_refused() -> None:
    """161 letters are +CMS ERROR: 305, and nothing leaves."""
    bench = Bench()
    bench.ask("AT+CMGF=1")
    bench.ask(f'AT+CMGS="{TWO}"')
    assert bench.type("x" * 161) == reply(result="+CMS ERROR: 305")
    assert bench.noted("accepted") == []


def test_a_message_that_was_not_acknowledged_comes_again_after_a_start() -> None:
    """The power goes before AT+CNMA: the center gives it once more as soon as the modem has registered."""
    bench = Bench()
    bench.ask("AT+CSMS=1;+CNMI=2,2,0,0,0")
    bench.center.inject(OTHER, ONE, "a")
    assert bench.hear().count("+CMT:") == 1
    bench.devices[0].power_cycle()
    assert bench.hear(seconds=2).endswith('\r\n+CMTI: "ME",0\r\n')


def test_the_center_number_can_be_read_and_set() -> None:
    """It stands in front of every PDU that comes."""
    bench = Bench()
    assert bench.ask("AT+CSCA?") == reply('+CSCA: "+541151740055",145')
    bench.ask('AT+CSCA="+5411999"')
    bench.center.inject(OTHER, ONE, "a")
    bench.hear()
    assert bench.devices[0].storages["ME"].items()[0][1].pdu.startswith("0591451199F9")


def test_mt_is_both_storages_one_after_the_other() -> None:
    """Reading and deleting in MT reach ME first, then SM; what is full in ME goes on in SM."""
    bench = Bench()
    bench.ask('AT+CPMS="MT","MT","MT"')
    bench.devices[0].inbox.fill()
    assert bench.ask("AT+CPMS?") == reply('+CPMS: "MT",73,73,"MT",73,73,"MT",73,73')
    bench.ask("AT+CMGD=40")
    bench.center.inject(OTHER, ONE, "a")
    assert bench.hear() == '\r\n+CMTI: "MT",40\r\n'
    assert bench.ask("AT+CMGR=40").startswith("\r\n+CMGR: 0,")
    assert [bench.devices[0].storages[name].used for name in ("ME", "SM")] == [23, 50]
    assert bench.ask("AT+CMGL=4").count("+CMGL:") == 73
