"""One AT command at a time: what a modem says by itself, late or not at all never becomes a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modem.at import Channel, Unsolicited
from modem.errors import Refused, Unavailable, Unknown
from tests.modem.scripted import Reply, ScriptedModem, T, run

PDU = "0791447758100650040C9197448863426100005270721151810A03C8F71D"
BY_ITSELF = [
    '+CMTI: "ME",3',
    "RING",
    "^MODE: 5,4",
    '+CREG: 1,"27D3","0B5C",7',
    "+CSQN: 4,5",
    "PB DONE",
    "\x00\xff",
    "+CGEV: NW DETACH",
]
BY_ITSELF += [f"+CMT: ,22\r\n{PDU}", "+CDSI: "]


def walk(modem: ScriptedModem, body: Callable[[Channel, list[Unsolicited]], Awaitable[T]]) -> T:
    """Run `body` with a channel on the modem and the list of what it said by itself."""

    async def main() -> T:
        said: list[Unsolicited] = []
        channel = Channel(said.append)
        channel.attach(modem("", 0, channel))
        return await body(channel, said)

    return run(main())


def ask(text: str, reply: Reply, pdu: bool = False) -> tuple[list[str], list[Unsolicited]]:
    """The information lines of one command, and what else was heard."""

    async def body(channel: Channel, said: list[Unsolicited]) -> tuple[list[str], list[Unsolicited]]:
        return await channel.command(text, pdu=pdu), said

    return walk(ScriptedModem({text: reply}), body)


@pytest.mark.parametrize("code", BY_ITSELF)
@pytest.mark.parametrize("before", [True, False])
def test_a_code_inside_a_reply_is_not_of_the_reply(code: str, before: bool) -> None:
    """Whatever a modem says by itself between a command and its OK, the reply is the same."""
    middle = f"{code}\r\n+CSQ: 20,99" if before else f"+CSQ: 20,99\r\n{code}"
    assert ask("+CSQ", f"\r\n{middle}\r\n\r\nOK\r\n")[0] == ["+CSQ: 20,99"]


def test_what_a_modem_says_by_itself_is_passed_on() -> None:
    """Codes with their value, words, and a message together with the line after it."""
    heard = ask("+CSQ", f'\r\n+CMTI: "ME",3\r\nRING\r\n+CMT: ,22\r\n{PDU}\r\n+CSQ: 20,99\r\nOK\r\n')[1]
    assert heard == [Unsolicited("+CMTI", '"ME",3'), Unsolicited("RING"), Unsolicited("+CMT", ",22", PDU)]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(BY_ITSELF)), max_size=8),
    st.sampled_from(["\r\n", "\r", "\n"]),
)
@settings(max_examples=100, deadline=None)
def test_a_list_of_messages_survives_any_codes_between_its_lines(inserted: list[tuple[int, str]], end: str) -> None:
    """A direct message between a header and its PDU, too, is told apart from the listed ones."""
    listed = ["+CMGL: 1,1,,22", PDU, "+CMGL: 2,0,,22", PDU[:-2] + "42"]
    lines = list(listed)
    for at, code in sorted(inserted, reverse=True):
        lines.insert(at, code.replace("\r\n", end))
    assert ask("+CMGL=4", end.join(["", *lines, "OK", ""]), pdu=True)[0] == listed


@pytest.mark.parametrize("spoken", ["+CREG: 2", '+CREG: 1,"27D3","0B5C",7'])
def test_a_change_of_registration_is_not_the_reply_about_registration(spoken: str) -> None:
    """The same code is told apart by its cells."""
    reply = '+CREG: 2,1,"27D3","0B5C",7'
    lines, said = ask("+CREG?", f"\r\n{spoken}\r\n{reply}\r\n\r\nOK\r\n")
    assert lines == [reply]
    assert [code.name for code in said] == ["+CREG"]


def test_an_echo_is_not_a_reply() -> None:
    """A modem that still echoes says the command first."""
    assert ask("I", "ATI\r\r\nQuectel\r\nEC25\r\n\r\nOK\r\n")[0] == ["Quectel", "EC25"]


@pytest.mark.parametrize(
    ("line", "code"),
    [("ERROR", None), ("+CME ERROR: 10", 10), ("+CMS ERROR: 322", 322), ("+CME ERROR: SIM not inserted", None)],
)
def test_an_error_is_a_refusal_in_the_modems_words(line: str, code: int | None) -> None:
    """The number where there is one, and the text always."""
    with pytest.raises(Refused) as refusal:
        ask("+CMGL=4", f"\r\n{line}\r\n")
    assert (refusal.value.code, refusal.value.text) == (code, line)


def test_a_late_reply_is_not_the_reply_to_the_next_command() -> None:
    """After a reply that did not come in time both ends are brought in step before anything else is asked."""
    modem = ScriptedModem({"+COPS=0": "\r\nERROR\r\n", "+CSQ": "\r\n+CSQ: 9,99\r\n\r\nOK\r\n"})
    modem.slow["+COPS=0"] = 6.5

    async def body(channel: Channel, said: list[Unsolicited]) -> list[str]:
        with pytest.raises(Unavailable):
            await channel.command("+COPS=0", timeout_s=5)
        return await channel.command("+CSQ")

    assert walk(modem, body) == ["+CSQ: 9,99"]
    assert modem.heard.index("+CSQ") > modem.heard.index("+COPS=0") + 2


def test_late_answers_to_the_questions_themselves_are_waited_out() -> None:
    """A modem that takes 4.5 s for each answer is asked several times; none of those answers becomes a later reply."""
    modem = ScriptedModem({"+CSQ": "\r\n+CSQ: 9,99\r\n\r\nOK\r\n"})
    modem.slow["+CMEE?"] = 4.5

    async def body(channel: Channel, said: list[Unsolicited]) -> tuple[list[str], float]:
        return await channel.command("+CSQ"), asyncio.get_running_loop().time()

    lines, at = walk(modem, body)
    assert lines == ["+CSQ: 9,99"]
    assert at > 4.5 + 2 * (modem.count("+CMEE?") - 1)


def test_a_modem_that_says_nothing_is_unavailable_within_seconds() -> None:
    """Each command ends; none waits for ever."""
    modem = ScriptedModem()
    modem.silent.add("*")

    async def body(channel: Channel, said: list[Unsolicited]) -> float:
        with pytest.raises(Unavailable):
            await channel.command("+CSQ")
        return asyncio.get_running_loop().time()

    assert 5 < walk(modem, body) < 15


def test_a_cancelled_command_leaves_no_reply_behind() -> None:
    """The reply to what was cancelled is not taken for the next one's."""
    modem = ScriptedModem({"+CMGL=4": "\r\n+CMGL: 1,1,,22\r\nAA\r\n\r\nOK\r\n", "+CSQ": "\r\n+CSQ: 9,99\r\n\r\nOK\r\n"})
    modem.slow["+CMGL=4"] = 1.0

    async def body(channel: Channel, said: list[Unsolicited]) -> list[str]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await channel.command("+CMGL=4", pdu=True)
        return await channel.command("+CSQ")

    assert walk(modem, body) == ["+CSQ: 9,99"]


def test_commands_wait_for_one_another() -> None:
    """The second is written when the first has its reply."""
    modem = ScriptedModem({"+CSQ": "\r\n+CSQ: 9,99\r\n\r\nOK\r\n", "+COPS?": "\r\n+COPS: 0\r\n\r\nOK\r\n"})
    modem.slow["+CSQ"] = 3.0

    async def body(channel: Channel, said: list[Unsolicited]) -> list[list[str]]:
        return list(await asyncio.gather(channel.command("+CSQ"), channel.command("+COPS?")))

    assert walk(modem, body) == [["+CSQ: 9,99"], ["+COPS: 0"]]


def test_a_lost_port_ends_the_command_at_once() -> None:
    """Whoever waits hears of it, and so does every later command."""
    modem = ScriptedModem()
    modem.slow["+CSQ"] = 60.0

    async def body(channel: Channel, said: list[Unsolicited]) -> float:
        asyncio.get_running_loop().call_later(1.0, modem.vanish)
        for _ in range(2):
            with pytest.raises(Unavailable, match="pulled out"):
                await channel.command("+CSQ", timeout_s=60)
        return asyncio.get_running_loop().time()

    assert walk(modem, body) < 2


def send(modem: ScriptedModem, then: Callable[[], None] | None = None) -> list[str]:
    """Hand over one message; `then` happens a second later."""

    async def body(channel: Channel, said: list[Unsolicited]) -> list[str]:
        if then:
            asyncio.get_running_loop().call_later(1.0, then)
        return await channel.prompted("+CMGS=12", "00AA")

    return walk(modem, body)


def test_a_message_is_written_only_after_the_prompt() -> None:
    """And ended with Ctrl-Z; the reference comes back."""
    modem = ScriptedModem()
    assert send(modem) == ["+CMGS: 7"]
    assert modem.heard[-2:] == ["+CMGS=12", "<pdu>00AA"]


@pytest.mark.parametrize(
    ("prompt", "error"), [("\r\n+CMS ERROR: 302\r\n", Refused), ("", Unavailable), ("\r\nOK\r\n", Unavailable)]
)
def test_without_a_prompt_nothing_is_written(prompt: str, error: type[Exception]) -> None:
    """A refusal, silence and an OK instead of the prompt: the message surely did not go."""
    modem = ScriptedModem({"+CMGS=12": prompt})
    with pytest.raises(error):
        send(modem)
    assert not [text for text in modem.heard if text.startswith("<pdu>")]


def test_a_prompt_that_was_lost_is_left_before_the_next_command() -> None:
    """The modem waits for a message that will not come: ESC comes before anything else."""
    modem = ScriptedModem({"+CMGS=12": ""})

    async def body(channel: Channel, said: list[Unsolicited]) -> None:
        with pytest.raises(Unavailable):
            await channel.prompted("+CMGS=12", "00AA")
        await channel.command("+CSQ")

    walk(modem, body)
    after = modem.heard[modem.heard.index("+CMGS=12") + 1 :]
    assert after == ["<esc>", "+CMEE?", "+CSQ"]


def test_a_message_without_an_answer_is_unknown_not_failed() -> None:
    """The network may have taken it."""
    with pytest.raises(Unknown):
        send(ScriptedModem(payload=""))


def test_a_message_whose_port_is_lost_afterwards_is_unknown() -> None:
    """It was handed over."""
    modem = ScriptedModem(payload="")
    with pytest.raises(Unknown):
        send(modem, then=modem.vanish)


def test_a_message_whose_port_is_lost_before_the_prompt_surely_did_not_go() -> None:
    """Nothing was handed over."""
    modem = ScriptedModem({"+CMGS=12": ""})
    with pytest.raises(Unavailable):
        send(modem, then=modem.vanish)


def test_a_refused_message_is_refused() -> None:
    """With the network's code, and codes by themselves in between do not matter."""
    with pytest.raises(Refused) as refusal:
        send(ScriptedModem(payload='\r\n+CMTI: "ME",1\r\n+CMS ERROR: 38\r\n'))
    assert refusal.value.code == 38
