"""A keeper and a scripted modem in virtual time: hours of outages, patience, and what is done in them."""

from __future__ import annotations

import asyncio

import pytest

from modem.errors import Refused, Unavailable, Unknown
from modem.keeper import LadderActions
from modem.ladder import CONTEXT, POWER, RESET, SEARCHING, SILENT
from modem.pdu import encode_deliver
from modem.session import KeeperSettings
from tests.modem.desk import HEALTHY, SEEKING, Desk, at_work
from tests.modem.scripted import Reply, ScriptedModem
from tests.modem.test_sms import message


def test_a_modem_is_set_up_before_it_is_used() -> None:
    """Echo off, errors by number, PDU mode, storages, announcements; then it is healthy within a second."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        assert await desk.until_well() < 1
        assert desk.keeper.status
        assert (desk.keeper.status.operator, desk.keeper.status.signal_dbm) == ("Claro AR", -73)

    at_work(modem, body)
    for text in ("E0", "+CMEE=1", "+CMGF=0", '+CPMS="ME","ME","ME"', "+CNMI=2,1,0,2,0"):
        assert modem.count(text) == 1


def test_a_modem_that_started_again_is_set_up_again() -> None:
    """It says so, and has forgotten its settings."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.say("\r\nPB DONE\r\n")
        await desk.pass_s(2)
        assert desk.keeper.health.ok

    at_work(modem, body)
    assert modem.count("+CMGF=0") == 2


def test_a_modem_that_started_again_without_a_word_is_noticed() -> None:
    """In text mode the list of messages is refused: it is set up anew, and well at the next reading."""
    modem = ScriptedModem({**HEALTHY, '+CPMS="ME"': "+CPMS: 1,23,0,23,0,23\r\nOK\r\n"})

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.replies["+CMGL=4"] = "ERROR\r\n"
        await desk.diary.until("modem_health", 60)
        modem.replies["+CMGL=4"] = "OK\r\n"
        await desk.diary.until("modem_health", 10, trouble=None)

    at_work(modem, body)
    assert modem.count("+CMGF=0") == 2


def test_a_message_is_taken_as_soon_as_it_is_announced() -> None:
    """Not at the next poll; and a message that was given at once, without being stored, too."""
    modem = ScriptedModem(HEALTHY)
    pdu, length = encode_deliver(message(b"now"))

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.replies['+CPMS="ME"'] = "+CPMS: 1,23,0,23,0,23\r\nOK\r\n"
        modem.replies["+CMGL=4"] = f"+CMGL: 0,0,,{length}\r\n{pdu}\r\nOK\r\n"
        modem.say('\r\n+CMTI: "ME",0\r\n')
        await desk.pass_s(1)
        assert [came.payload for came in desk.messages] == [b"now"]
        modem.replies['+CPMS="ME"'] = "+CPMS: 0,23,0,23,0,23\r\nOK\r\n"
        modem.say(f"\r\n+CMT: ,{length}\r\n{pdu}\r\n")
        await desk.pass_s(1)
        assert [came.payload for came in desk.messages] == [b"now"] * 2

    at_work(modem, body)
    assert modem.count("+CMGD=0") == 1


def test_a_modem_that_searches_is_left_to_search() -> None:
    """Five minutes without a network, and nothing is started again; then ten, and it is told to look anew."""
    modem = ScriptedModem({**HEALTHY, **SEEKING})

    async def body(desk: Desk) -> None:
        await desk.pass_s(590)
        assert desk.keeper.health.trouble == SEARCHING
        assert not {"+COPS=2", "+CRESET"} & set(modem.heard)
        await desk.pass_s(20)
        assert modem.count("+COPS=0") == 1
        modem.replies |= HEALTHY
        await desk.until_well()
        assert desk.keeper.figures["registration"].successes == 1

    at_work(modem, body)


def test_a_hung_modem_loses_its_power_within_minutes() -> None:
    """It answers nothing: the reset cannot reach it, the power does, and both are counted."""
    modem = ScriptedModem(HEALTHY)

    async def cut() -> None:
        modem.silent.clear()

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.silent.add("*")
        began = desk.now
        await desk.diary.until("modem_helped", 300, stage=RESET)
        await desk.diary.until("modem_helped", 300, stage=POWER)
        assert await desk.until_well() - began < 240
        assert (desk.keeper.figures[RESET].tries, desk.keeper.figures[RESET].successes) == (1, 0)
        assert (desk.keeper.figures[POWER].tries, desk.keeper.figures[POWER].successes) == (1, 1)

    at_work(modem, body, actions=LadderActions(power=cut))


def test_a_port_that_returns_is_opened_again_within_seconds() -> None:
    """The device is pulled out and put in."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.vanish()
        await desk.pass_s(1)
        assert desk.keeper.health.trouble == SILENT
        assert desk.keeper.status is None
        await desk.pass_s(20)
        modem.there = True
        began = desk.now
        assert await desk.until_well() - began < 10

    at_work(modem, body)
    assert modem.opened == 2


def test_a_data_connection_that_is_down_is_put_up_by_the_modem() -> None:
    """Where it is to be watched, and only there."""
    modem = ScriptedModem({**HEALTHY, "+CGACT?": "+CGACT: 1,0\r\nOK\r\n"})

    async def up(desk: Desk) -> None:
        await desk.diary.until("modem_helped", 60, stage="bearer")
        modem.replies["+CGACT?"] = "+CGACT: 1,1\r\nOK\r\n"
        await desk.until_well()
        assert desk.diary.of("modem_health", "trouble") == [CONTEXT, None]

    at_work(modem, up, KeeperSettings(("/dev/modem",), apn="internet", context=True))
    assert [text for text in modem.heard if "CGDCONT" in text] == ['+CGDCONT=1,"IP","internet"']
    assert modem.heard.index("+CGACT=0,1") < modem.heard.index("+CGACT=1,1")
    unwatched = ScriptedModem({**HEALTHY, "+CGACT?": "+CGACT: 1,0\r\nOK\r\n"})
    at_work(unwatched, Desk.until_well)
    assert unwatched.count("+CGACT?") == 0


LOCKED: dict[str, Reply] = {**HEALTHY, "+CPIN?": "+CPIN: SIM PIN\r\nOK\r\n", '+CPIN="1234"': "+CME ERROR: 16\r\n"}
WITH_PIN = KeeperSettings(("/dev/modem",), pin="1234")


def test_a_wrong_pin_is_given_once() -> None:
    """Three of them lock the card, and a keeper has days; not even a reset makes it try again, and a person is told."""
    modem = ScriptedModem(LOCKED)

    async def body(desk: Desk) -> None:
        await desk.pass_s(86_400)
        assert "waits for its PIN" in desk.keeper.health.reason

    at_work(modem, body, WITH_PIN)
    assert modem.count('+CPIN="1234"') == 1
    assert modem.count("+CRESET") > 0


def test_the_last_try_of_a_pin_is_left_to_a_person() -> None:
    """The card says how many there are."""
    modem = ScriptedModem({**LOCKED, "+CPINR": "+CPINR: SIM PIN,1,3\r\nOK\r\n"})
    at_work(modem, lambda desk: desk.pass_s(3600), WITH_PIN)
    assert modem.count('+CPIN="1234"') == 0


def test_the_right_pin_opens_the_card() -> None:
    """After each start of the modem."""
    modem = ScriptedModem(LOCKED)

    def unlock(text: str) -> str:
        modem.replies["+CPIN?"] = "+CPIN: READY\r\nOK\r\n"
        return "OK\r\n"

    async def body(desk: Desk) -> None:
        for _ in range(2):
            modem.replies["+CPIN?"] = LOCKED["+CPIN?"]
            modem.replies['+CPIN="1234"'] = unlock
            modem.say("\r\n+CPIN: SIM PIN\r\n")
            await desk.pass_s(5)
            assert desk.keeper.health.ok

    at_work(modem, body, WITH_PIN)
    assert modem.count('+CPIN="1234"') == 2


def test_a_message_waits_for_the_network_until_its_deadline() -> None:
    """Found in time it goes; otherwise the reason is the modem's."""
    modem = ScriptedModem({**HEALTHY, **SEEKING})

    async def body(desk: Desk) -> None:
        with pytest.raises(Unavailable, match="searching"):
            await desk.keeper.send("+5492612222222", b"x", 60, deadline_s=20)
        assert 20 <= desk.now < 21
        asyncio.get_running_loop().call_later(10, modem.replies.update, HEALTHY)
        assert await desk.keeper.send("+5492612222222", b"x", 60, deadline_s=20) == 7

    at_work(modem, body)


@pytest.mark.parametrize(
    ("answer", "error", "times"),
    [
        ("", Unknown, 1),
        ("+CMS ERROR: 1\r\n", Refused, 1),
        ("+CMS ERROR: 42\r\n", Unavailable, 5),
    ],
)
def test_only_what_surely_did_not_go_is_sent_again(answer: str, error: type[Exception], times: int) -> None:
    """Unknown and refused end at once, congestion is tried each 5 s until the deadline."""
    modem = ScriptedModem(HEALTHY, payload=answer)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        with pytest.raises(error):
            await desk.keeper.send("+5492612222222", b"x", 60, deadline_s=24)

    at_work(modem, body)
    assert len([text for text in modem.heard if text.startswith("<pdu>")]) == times


def test_messages_go_one_by_one_in_order() -> None:
    """However many wait."""
    modem = ScriptedModem(HEALTHY)
    modem.slow["<pdu>"] = 6.0

    async def body(desk: Desk) -> None:
        await asyncio.gather(*(desk.keeper.send("+5492612222222", bytes((n,)), 60) for n in range(4)))

    at_work(modem, body)
    assert [text[-2:] for text in modem.heard if text.startswith("<pdu>")] == ["00", "01", "02", "03"]
