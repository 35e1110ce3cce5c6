"""What modems say about themselves, read from their own replies; and which family says it."""

from __future__ import annotations

import pytest

from modem import dialects, status
from modem.at import Channel
from modem.dialects import dialect_of
from modem.status import Status
from tests.modem.scripted import Reply, ScriptedModem, run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('+COPS: 0,0,"Claro AR",7', ["0", "0", "Claro AR", "7"]),
        ('+CMGR: 1,,"x,y", 3', ["1", "", "x,y", "3"]),
        ("+CPIN: SIM PIN", ["SIM PIN"]),
        ('+CREG: 2,1,"","0B5C"', ["2", "1", "", "0B5C"]),
        ("+CSQ:20,99", ["20", "99"]),
        ("+X: 1,", ["1", ""]),
        ("+CPSI: ", []),
    ],
)
def test_values_are_cells_without_their_quotes(line: str, expected: list[str]) -> None:
    """A comma inside quotes divides nothing; an empty cell is a cell."""
    assert status.values([line]) == expected


@pytest.mark.parametrize(
    ("level", "dbm"),
    [("0", -113), ("20", -73), ("31", -51), ("99", None), ("100", -116), ("191", -25), ("199", None), ("x", None)],
)
def test_signal_strength_is_in_dbm(level: str, dbm: int | None) -> None:
    """3GPP TS 27.007 8.5, and SIMCom's continuation of it."""
    assert status.signal_dbm([f"+CSQ: {level},99"]) == dbm


@pytest.mark.parametrize(("level", "dbm"), [("0", -141), ("1", -140), ("97", -44), ("255", None), ("98", None)])
def test_reference_signal_is_in_dbm(level: str, dbm: int | None) -> None:
    """3GPP TS 27.007 8.69."""
    assert status.reference_dbm([f"+CESQ: 99,99,255,255,20,{level}"]) == dbm


def test_each_registration_has_its_word() -> None:
    """3GPP TS 27.007 7.2; a state that nobody knows is unknown."""
    words = [status.registration([f"+CREG: 0,{state}"]) for state in range(12)]
    assert words == [
        *("idle", "home", "searching", "denied", "unknown", "roaming", "home", "roaming", "unknown"),
        *("home", "roaming", "unknown"),
    ]


WHOLE: dict[str, Reply] = {
    "+CPIN?": "+CPIN: READY\r\nOK\r\n",
    "+CREG?": "+CREG: 0,2\r\nOK\r\n",
    "+CEREG?": '+CEREG: 2,5,"0B5C","01A2B3C4",7\r\nOK\r\n',
    "+COPS?": '+COPS: 0,0,"Movistar, AR",7\r\nOK\r\n',
    "+CSQ": "+CSQ: 20,99\r\nOK\r\n",
    "+CESQ": "+CESQ: 99,99,255,255,20,41\r\nOK\r\n",
    "+CGACT?": "+CGACT: 2,1\r\n+CGACT: 1,0\r\nOK\r\n",
}


def read(replies: dict[str, Reply], with_context: bool = False) -> Status:
    """One reading of a modem with these replies."""

    async def main() -> Status:
        channel = Channel(lambda said: None)
        channel.attach(ScriptedModem(replies)("", 0, channel))
        return await status.read(channel, with_context)

    return run(main())


def test_a_reading_is_whole() -> None:
    """The better of the two registrations counts; another context than the first does not."""
    assert read(WHOLE, with_context=True) == Status("READY", "roaming", "Movistar, AR", "4G", -73, -100, False)


def test_a_modem_that_knows_few_commands_is_read_all_the_same() -> None:
    """What it refuses or says nothing about is None."""
    refused: dict[str, Reply] = dict.fromkeys(WHOLE, "ERROR\r\n")
    assert read(refused, with_context=True) == Status("ERROR", "unknown")
    mute: dict[str, Reply] = dict.fromkeys(WHOLE, "OK\r\n")
    assert read(mute) == Status("SIM BUSY", "unknown")


@pytest.mark.parametrize(
    ("reply", "card"),
    [
        ("+CME ERROR: 10", "SIM NOT INSERTED"),
        ("+CME ERROR: 13", "SIM FAILURE"),
        ("+CPIN: SIM PUK", "SIM PUK"),
        ("+CME ERROR: 99", "+CME ERROR: 99"),
    ],
)
def test_a_card_that_is_not_ready_is_read_not_raised(reply: str, card: str) -> None:
    """It is an answer."""
    assert read({"+CPIN?": f"{reply}\r\nOK\r\n" if "ERROR" not in reply else f"{reply}\r\n"}).card == card


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["SIMCOM_SIM7600SA-H"], dialects.SIM7600),
        (["Manufacturer: SIMCOM INCORPORATED", "Model: SIM7600G-H"], dialects.SIM7600),
        (["EC25"], dialects.QUECTEL),
        (["Quectel", "EG91", "Revision: EG91EFBR06A01M4G"], dialects.QUECTEL),
        (["MC7455"], dialects.GENERIC),
        ([], dialects.GENERIC),
    ],
)
def test_the_family_is_known_by_the_model(lines: list[str], expected: dialects.Dialect) -> None:
    """And a model that nobody knows gets what 3GPP promises."""
    assert dialect_of(lines) == expected
