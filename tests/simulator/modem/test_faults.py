"""Each fault does what it says, when and as often as it was armed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modem.pdu import Submit, encode_submit
from simulator.errors import SimulatorError
from simulator.modem.actions import ACTIONS, act
from simulator.modem.faults import OF_CENTER, OF_MODEM, Faults
from tests.simulator.modem.bench import ONE, TWO, Bench, reply

SIGNAL = reply("+CSQ: 21,99")
DOCUMENT = Path(__file__).parents[3] / "docs" / "modem-simulator.md"


def armed(name: str, value: object = "", **chances: object) -> Bench:
    bench = Bench()
    bench.devices[0].faults.arm(name, value, **chances)  # type: ignore[arg-type]
    return bench


def submit(bench: Bench) -> str:
    """What comes of a message that is sent."""
    pdu, length = encode_submit(Submit(TWO, b"x"))[0]
    bench.ask(f"AT+CMGS={length}")
    return bench.type(pdu)


@pytest.mark.parametrize(
    ("name", "value", "heard"),
    [
        ("no_reply", "", ""),
        ("error", 14, reply(result="+CME ERROR: 14")),
        ("urc_in_reply", '+CMTI: "SM",3', '\r\n+CSQ: 21,99\r\n\r\n+CMTI: "SM",3\r\n\r\nOK\r\n'),
        ("echo", "", "AT+CSQ\r" + SIGNAL),
        ("hung", "", ""),
    ],
)
def test_a_fault_strikes_the_command_it_is_armed_for_once(name: str, value: object, heard: str) -> None:
    """The command before is well, the armed one is not, and (but for a modem that hangs) the one after is."""
    bench = armed(name, value, count=1, on="+CSQ")
    assert bench.ask("AT") == reply()
    assert bench.ask("AT+CSQ") == heard
    assert bench.ask("AT+CSQ") == ("" if name == "hung" else SIGNAL)


def test_a_slow_reply_comes_late_and_holds_up_the_next() -> None:
    """Nothing within the time, then both replies."""
    bench = armed("slow", 3, count=1)
    assert bench.ask("AT+CSQ") == ""
    assert bench.ask("AT") == ""
    assert bench.hear(seconds=2) == SIGNAL + reply()


def test_what_was_due_before_the_power_went_does_not_come_after() -> None:
    """Neither a late reply, nor that of a command that takes its time, nor a start that was under way."""
    bench = armed("slow", 3, count=1)
    bench.ask("AT+CSQ", seconds=0)
    bench.devices[0].power_cycle()
    assert "+CSQ" not in bench.hear(seconds=5)
    bench.ask("AT+COPS=?", seconds=0)
    bench.devices[0].power_cycle()
    assert "+COPS" not in bench.hear(seconds=5).replace("AT+COPS", "")
    bench.devices[0].power_cycle()
    bench.devices[0].power_off()
    assert bench.hear(seconds=5) == ""


def test_a_modem_that_hangs_keeps_its_late_reply() -> None:
    """It answers nothing, not even what it was asked before."""
    bench = armed("slow", 3, count=1)
    bench.ask("AT+CSQ")
    act(bench.devices[0], "hang")
    assert bench.hear(seconds=5) == ""


def test_noise_comes_before_the_reply() -> None:
    """As many octets as were asked for, none of them a letter or the end of a line."""
    bench = armed("garbage", 30, count=1)
    heard = bench.ask("AT+CSQ")
    assert (len(heard) - len(SIGNAL), heard.endswith(SIGNAL)) == (30, True)
    assert re.search(r"[A-Za-z\r\n]", heard[:30]) is None


def test_dribbling_asks_for_a_gap_between_octets() -> None:
    """The port is told the gap; the octets are the same."""
    bench = armed("dribble", 0.01, count=1)
    bench.computers[0].gaps.clear()
    assert bench.ask("AT+CSQ") == SIGNAL
    assert bench.computers[0].gaps == [0.01]


def test_a_lost_prompt_leaves_the_modem_waiting_for_the_message() -> None:
    """No `> ` comes; commands are swallowed until ESC."""
    bench = armed("no_prompt", count=1)
    assert bench.ask("AT+CMGS=10") == ""
    assert bench.ask("AT") == ""
    bench.computers[0].feed(b"\x1b")
    assert bench.hear() == reply()
    assert bench.ask("AT+CSQ") == SIGNAL


def test_without_cmgs_the_message_may_have_left_or_not() -> None:
    """Both are silent: with no_cmgs it arrives, with unsent it does not; commands are answered after either."""
    for name, arrived in (("no_cmgs", 1), ("unsent", 0)):
        bench = armed(name, count=1)
        assert submit(bench) == ""
        assert bench.devices[1].storages["ME"].used == arrived
        assert bench.ask("AT+CSQ") == SIGNAL


def test_a_refused_message_does_not_leave() -> None:
    """The error is the one that was asked for."""
    bench = armed("cms_error", 322, count=1)
    assert submit(bench) == reply(result="+CMS ERROR: 322")
    assert bench.devices[1].storages["ME"].used == 0


def test_a_hung_modem_says_nothing_until_its_power_is_cycled() -> None:
    """No command and no incoming message moves it; after the power cycle it has both."""
    bench = armed("hung", count=1)
    bench.ask("AT")
    bench.center.inject(ONE, ONE, "wait")
    assert bench.hear(seconds=100) == ""
    bench.devices[0].power_cycle()
    assert bench.hear().endswith('\r\n+CMTI: "ME",0\r\n')


def test_a_modem_that_dies_takes_its_port_along_and_can_return() -> None:
    """The port is gone even on a UART, and comes back after the time that was given."""
    bench = armed("dies", 5, count=1)
    bench.ask("AT")
    assert not bench.computers[0].is_open
    bench.devices[0].power_on()
    bench.hear(seconds=3)
    assert not bench.computers[0].is_open
    bench.hear(seconds=5)
    assert bench.computers[0].is_open
    bench.ask("ATE0")
    assert bench.ask("AT") == reply()


def test_a_state_strikes_in_the_middle_of_the_work() -> None:
    """Resets, a lost card, a lost network and a full storage come true at the command they were armed for."""
    bench = armed("resets", count=1, on="+CSQ")
    assert bench.ask("AT+CSQ").startswith("\r\nRDY\r\n")
    bench = armed("sim_removed", count=1, on="+CPIN")
    assert bench.ask("AT+CPIN?") == "\r\n+CPIN: NOT READY\r\n" + reply(result="+CME ERROR: 10")
    bench = armed("network_lost", count=1, on="+CSQ")
    assert bench.ask("AT+CSQ") == reply("+CSQ: 99,99")
    bench = armed("storage_full", count=1, on="+CPMS")
    assert "23,23" in bench.ask("AT+CPMS?")


def test_chances_pass_before_a_fault_strikes() -> None:
    """With after 2 the third command is struck."""
    bench = armed("no_reply", count=1, after=2)
    assert [bench.ask("AT+CSQ") for _ in range(4)] == [SIGNAL, SIGNAL, "", SIGNAL]


def test_a_probability_strikes_as_often_and_repeats_with_its_seed() -> None:
    """Of a thousand chances at 0.3 some three hundred strike, the same ones for the same seed."""

    def strikes(seed: int) -> list[bool]:
        faults = Faults(OF_MODEM, seed)
        faults.arm("no_reply", probability=0.3)
        return [faults.strikes("no_reply") is not None for _ in range(1000)]

    assert 250 < sum(strikes(1)) < 350
    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)


def test_a_cleared_fault_strikes_no_more() -> None:
    """One by its name, or all."""
    bench = armed("no_reply")
    bench.devices[0].faults.arm("echo")
    bench.devices[0].faults.clear("no_reply")
    assert bench.ask("AT+CSQ") == "AT+CSQ\r" + SIGNAL
    bench.devices[0].faults.clear()
    assert bench.ask("AT+CSQ") == SIGNAL


@pytest.mark.parametrize(
    ("name", "value", "chances", "sentence"),
    [
        ("explode", "", {}, "there are: no_reply"),
        ("slow", "soon", {}, "slow takes a number of 0 or more"),
        ("dribble", "-1", {}, "dribble takes a number of 0 or more"),
        ("slow", "inf", {}, "slow takes a number of 0 or more"),
        ("no_reply", "", {"probability": 2}, "from 0 to 1"),
        ("no_reply", "", {"count": 0}, "at least once"),
    ],
)
def test_a_fault_that_cannot_be_is_one_sentence(
    name: str, value: str, chances: dict[str, float], sentence: str
) -> None:
    """The tester reads what to write instead."""
    with pytest.raises(SimulatorError, match=sentence):
        Faults(OF_MODEM, 0).arm(name, value, **chances)  # type: ignore[arg-type]


def test_every_fault_and_action_is_in_the_document() -> None:
    """What a tester can type is written down."""
    text = DOCUMENT.read_text()
    assert [name for name in (*OF_MODEM, *OF_CENTER, *ACTIONS) if f"`{name}`" not in text] == []
