"""What goes wrong around a keeper, in virtual time: it ends nothing, and nothing is done too much."""

from __future__ import annotations

import pytest

from modem.errors import Unavailable
from modem.keeper import LadderActions
from modem.ladder import CARD, POWER
from modem.pdu import encode_deliver
from modem.port import Listener
from tests.modem.desk import DEADLINE_S, HEALTHY, Desk, at_work
from tests.modem.scripted import ScriptedModem
from tests.modem.test_sms import message


def test_an_action_that_fails_stops_nothing() -> None:
    """It is logged, and the ladder goes on."""
    modem = ScriptedModem(HEALTHY)
    modem.there = False

    async def broken() -> None:
        raise OSError("no such pin")

    async def body(desk: Desk) -> None:
        await desk.pass_s(4000)
        assert set(desk.diary.of("modem_help_failed", "reason")) == {"no such pin"}
        modem.there = True
        await desk.until_well()

    at_work(modem, body, actions=LadderActions(power=broken))


def test_a_mistake_of_the_program_does_not_end_it() -> None:
    """It is logged, and the modem is opened anew."""
    modem = ScriptedModem(HEALTHY)

    def broken(path: str, baud: int, listener: Listener) -> ScriptedModem:
        if not modem.opened:
            modem.opened += 1
            raise ZeroDivisionError
        return modem(path, baud, listener)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        assert desk.diary.of("modem_helped", "stage") == []
        assert [event for event, _ in desk.diary.entries].count("modem_failed") == 1

    at_work(modem, body, factory=broken)


def test_a_taker_that_fails_keeps_the_message_in_the_modem() -> None:
    """It is offered again, and everything else goes on."""
    pdu, length = encode_deliver(message(b"kept"))
    modem = ScriptedModem({**HEALTHY, '+CPMS="ME"': "+CPMS: 1,23,0,23,0,23\r\nOK\r\n"})
    modem.replies["+CMGL=4"] = f"+CMGL: 0,0,,{length}\r\n{pdu}\r\nOK\r\n"

    async def body(desk: Desk) -> None:
        desk.broken = True
        await desk.pass_s(70)
        assert desk.keeper.health.ok
        assert len(desk.messages) == 3
        assert modem.count("+CMGD=0") == 0
        desk.broken = False
        await desk.pass_s(30)
        assert modem.count("+CMGD=0") == 1

    at_work(modem, body)


def test_a_port_that_goes_for_a_moment_is_opened_at_the_next_try() -> None:
    """Not after several readings of a port that is not there."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.vanish()
        modem.there = True
        began = desk.now
        await desk.diary.until("modem_opened", DEADLINE_S)
        assert desk.now - began < 6

    at_work(modem, body)


def test_a_port_on_which_nothing_comes_any_more_is_opened_anew() -> None:
    """A driver may have lost the device behind an open port."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.silent.add("*")
        await desk.diary.until("modem_opened", 90)

    at_work(modem, body)


def test_single_replies_that_fail_do_not_open_the_port_anew() -> None:
    """Each is followed by a good reading."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        for _ in range(5):
            modem.silent.add("+CSQ")
            await desk.diary.until("modem_health", 60)
            modem.silent.clear()
            await desk.until_well()

    at_work(modem, body)
    assert modem.opened == 1


def test_a_modem_whose_power_was_cut_is_set_up_again() -> None:
    """Even if it did not say that it started, and answered all the time."""
    modem = ScriptedModem({**HEALTHY, "+CPIN?": "+CME ERROR: 13\r\n"})

    async def cut() -> None:
        modem.replies |= HEALTHY

    async def body(desk: Desk) -> None:
        await desk.diary.until("modem_helped", 1000, stage=POWER)
        set_up = modem.count("E0")
        await desk.until_well()
        assert modem.count("E0") == set_up + 1

    at_work(modem, body, actions=LadderActions(power=cut))


def test_nothing_is_sent_without_a_card() -> None:
    """Although the modem may still say that it is in the network; and a new card is set up anew."""
    modem = ScriptedModem(HEALTHY)

    async def body(desk: Desk) -> None:
        await desk.until_well()
        modem.replies["+CPIN?"] = "+CME ERROR: 10\r\n"
        modem.say("\r\n+CPIN: SIM REMOVED\r\n")
        await desk.pass_s(1)
        assert desk.keeper.health.trouble == CARD
        with pytest.raises(Unavailable, match="there is no card in the modem; put one in"):
            await desk.keeper.send("+5492612222222", b"x", 60, deadline_s=1)
        modem.replies |= HEALTHY
        await desk.until_well()

    at_work(modem, body)
    assert modem.count("+CMGF=0") == 2
