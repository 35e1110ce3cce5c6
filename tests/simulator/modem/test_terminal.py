"""The line of a modem: reading command lines, and the octets of replies."""

from __future__ import annotations

from random import Random

import pytest

from simulator.modem.command import Command, CommandError, read
from simulator.modem.commands import HANDLERS
from tests.simulator.modem.bench import Bench, reply


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("", []),
        ("E0V1", [Command("E", "", ("0",)), Command("V", "", ("1",))]),
        ("&F;&W", [Command("&F", "", ("",)), Command("&W", "", ("",))]),
        ("S0=1", [Command("S0", "=", ("1",))]),
        ("E0+csq", [Command("E", "", ("0",)), Command("+CSQ")]),
        ("+CPMS=?;+CPIN?", [Command("+CPMS", "=?"), Command("+CPIN", "?")]),
        ('+CPMS="SM",,"ME"', [Command("+CPMS", "=", ("SM", "", "ME"))]),
        ('+CMGS="+54;1,2";+CSQ', [Command("+CMGS", "=", ("+54;1,2",)), Command("+CSQ")]),
        ("+CNMI= 2, 1", [Command("+CNMI", "=", ("2", "1"))]),
        ("D+5492611111111;", [Command("D", "", ("+5492611111111;",))]),
        ("^SYSINFO", [Command("^SYSINFO")]),
    ],
)
def test_a_command_line_is_read_as_the_standard_writes_it(line: str, commands: list[Command]) -> None:
    """Basic and extended commands, several in a line, texts in quotes (V.250 5.2)."""
    assert read(line) == commands


@pytest.mark.parametrize("line", ["?", "123", '+CPMS="SM"x"', "=1"])
def test_what_is_no_command_is_an_error(line: str) -> None:
    """A line that cannot be read is refused whole."""
    with pytest.raises(CommandError):
        read(line)


def test_a_reply_is_framed_and_several_commands_have_one_ok() -> None:
    """Each command's lines are a block of their own; OK comes once, after the last."""
    bench = Bench()
    assert bench.ask("AT") == reply()
    assert bench.ask("AT+CSQ;+CPIN?") == "\r\n+CSQ: 21,99\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n"


def test_a_line_ends_at_its_first_error() -> None:
    """What stands after a command that fails is not carried out."""
    bench = Bench()
    assert bench.ask("AT+CSQ;+NONE;+CMGF=1") == reply("+CSQ: 21,99", result="ERROR")
    assert bench.ask("AT+CMGF?") == reply("+CMGF: 0")


def test_the_echo_repeats_what_was_typed() -> None:
    """With ATE1 the line comes back with its CR; ATE0 is still echoed itself."""
    bench = Bench()
    bench.ask("ATE1")
    assert bench.ask("at+csq") == "at+csq\r" + reply("+CSQ: 21,99")
    assert bench.ask("ATE0") == "ATE0\r" + reply()


def test_noise_in_front_of_at_is_passed_over_and_a_line_without_it_unheard() -> None:
    """The reply is that of the command; a line that has no AT has no reply."""
    bench = Bench()
    assert bench.ask("\x00\xff~~AT+CSQ") == reply("+CSQ: 21,99")
    assert bench.ask("hello") == ""
    assert bench.ask("") == ""


def test_a_slash_repeats_and_backspace_takes_back() -> None:
    """A/ is the last line again (V.250 5.2.4); a backspace removes one character."""
    bench = Bench()
    bench.ask("AT+CSQ")
    assert bench.ask("A/") == reply("+CSQ: 21,99")
    assert bench.ask("AT+CSX\x08Q") == reply("+CSQ: 21,99")


def test_results_are_numbers_after_atv0() -> None:
    """ATV0 gives 0 and 4 (V.250 6.2.6)."""
    bench = Bench()
    assert bench.ask("ATV0") == "0\r"
    assert bench.ask("AT+CSQ") == "+CSQ: 21,99\r\n0\r"
    assert bench.ask("AT+NONE") == "4\r"


@pytest.mark.parametrize(
    ("level", "result"), [(0, "ERROR"), (1, "+CMS ERROR: 321"), (2, "+CMS ERROR: Invalid memory index")]
)
def test_errors_are_as_wordy_as_cmee_says(level: int, result: str) -> None:
    """ERROR alone, a number, or words (TS 27.007 9.1)."""
    bench = Bench()
    bench.ask(f"AT+CMEE={level}")
    assert bench.ask("AT+CMGR=3") == reply(result=result)


def test_a_prompt_takes_everything_until_its_end() -> None:
    """In a prompt a CR is text, ESC gives the message up with OK, and then commands are heard again."""
    bench = Bench()
    bench.ask("AT+CMGF=1")
    assert bench.ask('AT+CMGS="+5492612222222"') == "\r\n> "
    assert bench.ask("AT+CSQ") == ""
    bench.computers[0].feed(b"\x1b")
    assert bench.hear() == reply()
    assert bench.ask("AT+CSQ") == reply("+CSQ: 21,99")
    assert bench.noted("accepted") == []


def test_lines_by_itself_wait_while_a_message_is_typed() -> None:
    """A line nobody asked for comes after the end of the text, before the reply."""
    bench = Bench()
    bench.ask("AT+CMGF=1")
    bench.ask('AT+CMGS="+5492612222222"')
    bench.devices[0].say("RING")
    assert bench.hear() == ""
    assert bench.type("hola") == "\r\nRING\r\n" + reply("+CMGS: 0")


def test_a_command_that_comes_during_another_waits_for_it() -> None:
    """Two lines at once have two replies, in order, also when the first takes its time."""
    bench = Bench()
    bench.computers[0].feed(b"AT+COPS=?\rAT+CSQ\r")
    heard = bench.hear()
    assert heard.startswith('\r\n+COPS: (2,"Claro AR"')
    assert heard.endswith(reply() + reply("+CSQ: 21,99"))


def test_a_line_cut_into_octets_is_the_same_line() -> None:
    """Octets that come one by one are one command."""
    bench = Bench()
    for octet in b"AT+CSQ\r":
        bench.computers[0].feed(bytes((octet,)))
    assert bench.hear() == reply("+CSQ: 21,99")


def test_a_line_without_end_does_not_grow() -> None:
    """The beginning of a line without CR is forgotten, its AT too, and the next line is heard."""
    bench = Bench()
    assert bench.ask("AT+" + "x" * 100_000) == ""
    assert bench.ask("AT") == reply()


def test_no_line_whatever_stops_a_modem() -> None:
    """After ten thousand lines of pieces of commands and noise it still answers, and so does the other one."""
    bench = Bench()
    random = Random(7)
    pieces = [
        *HANDLERS,
        "AT",
        "AT",
        "AT",
        "=",
        "=?",
        "?",
        ",",
        ";",
        '"',
        "0",
        "1",
        "2",
        "99",
        "x",
        "\x1a",
        "\x08",
        "\xff",
    ]
    never = {"+CPOF", "+QPOWD", "+CRESET", "+CFUN", "Z", "&W"}
    for _ in range(10_000):
        line = "".join(random.choices([piece for piece in pieces if piece not in never], k=random.randrange(1, 9)))
        bench.computers[0].feed(f"AT{line}\r".encode("latin-1"))
        bench.clock.advance(0.1)
    bench.computers[0].feed(b"\x1b")
    bench.clock.advance(10)
    bench.ask("AT&F")
    bench.ask("ATE0")
    assert (bench.ask("AT+CSQ"), bench.ask("AT+CSQ", 1)) == (reply("+CSQ: 21,99"), reply("+CSQ: 21,99"))
