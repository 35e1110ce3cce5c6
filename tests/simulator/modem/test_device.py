"""A modem's card, power, network and settings, as its computer sees them."""

from __future__ import annotations

import pytest

from simulator.errors import SimulatorError
from simulator.modem.actions import act
from tests.simulator.modem.bench import Bench, reply


def said(*lines: str) -> str:
    """Lines that came by themselves."""
    return "".join(f"\r\n{line}\r\n" for line in lines)


def test_a_locked_card_wants_its_pin_and_blocks_after_three_wrong_ones() -> None:
    """Nothing works before the PIN; a wrong one is 16, the third leaves SIM PUK."""
    bench = Bench(pin="1234")
    assert bench.ask("AT+CPIN?") == reply("+CPIN: SIM PIN")
    assert bench.ask("AT+CMGL=4") == reply(result="+CMS ERROR: 311")
    assert bench.ask("AT+CREG?") == reply("+CREG: 0,0")
    assert [bench.ask('AT+CPIN="9999"') for _ in range(3)] == [
        reply(result="+CME ERROR: 16"), reply(result="+CME ERROR: 16"), reply(result="+CME ERROR: 12"),
    ]  # fmt: skip
    assert bench.ask("AT+CPIN?") == reply("+CPIN: SIM PUK")
    assert bench.ask('AT+CPIN="1234"') == reply(result="+CME ERROR: 12")


def test_the_right_pin_opens_the_card_and_the_network() -> None:
    """READY is said by itself, and the modem registers; after the power was off it wants the PIN again."""
    bench = Bench(pin="1234")
    assert bench.ask('AT+CPIN="1234"') == reply() + said(
        "+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"
    )
    assert bench.ask("AT+CREG?") == reply("+CREG: 0,1")
    bench.devices[0].power_cycle()
    bench.hear()
    bench.ask("ATE0")
    assert bench.ask("AT+CPIN?") == reply("+CPIN: SIM PIN")


def test_a_card_that_is_taken_out_and_put_back() -> None:
    """Without it there is error 10 and no network; with it the modem registers by itself."""
    bench = Bench()
    bench.ask("AT+CREG=1")
    act(bench.devices[0], "remove_sim")
    assert bench.hear() == said("+CPIN: NOT READY", "+CREG: 0")
    assert bench.ask("AT+CPIN?") == reply(result="+CME ERROR: 10")
    assert bench.ask("AT+CIMI") == reply(result="+CME ERROR: 10")
    act(bench.devices[0], "insert_sim")
    assert bench.hear().endswith(said("+CREG: 2", "+CREG: 1"))


def test_registration_is_told_as_its_setting_says() -> None:
    """Nothing with 0, the state with 1, the cell with 2; the reply has the setting in front."""
    bench = Bench()
    act(bench.devices[0], "lose_network")
    assert bench.hear() == ""
    bench.ask("AT+CEREG=2")
    act(bench.devices[0], "restore_network")
    cell = '"2AF8","1A2C110"'
    assert bench.hear() == said(f"+CEREG: 1,{cell},7")
    assert bench.ask("AT+CEREG?") == reply(f"+CEREG: 2,1,{cell},7")


@pytest.mark.parametrize(("state", "number"), [("home", 1), ("denied", 3), ("roaming", 5)])
def test_the_network_answers_a_registration(state: str, number: int) -> None:
    """Home, denied and roaming are 1, 3 and 5 (TS 27.007 7.2)."""
    bench = Bench()
    act(bench.devices[0], "registration", state)
    bench.hear()
    assert bench.ask("AT+CREG?") == reply(f"+CREG: 0,{number}")


def test_no_signal_reads_as_not_known() -> None:
    """Without coverage CSQ is 99, CESQ all unknown, COPS without a name, and a search an error."""
    bench = Bench()
    act(bench.devices[0], "lose_network")
    bench.hear()
    assert bench.ask("AT+CSQ") == reply("+CSQ: 99,99")
    assert bench.ask("AT+CESQ") == reply("+CESQ: 99,99,255,255,255,255")
    assert bench.ask("AT+COPS?") == reply("+COPS: 0")
    assert bench.ask("AT+COPS=?") == reply(result="+CME ERROR: 30")


@pytest.mark.parametrize(("dbm", "rssi"), [(-120, 0), (-113, 0), (-111, 1), (-53, 30), (-51, 31), (-30, 31)])
def test_the_signal_is_in_steps_of_two_decibels(dbm: int, rssi: int) -> None:
    """-113 dBm and less are 0, -51 dBm and more 31 (TS 27.007 8.5)."""
    bench = Bench()
    act(bench.devices[0], "signal", str(dbm))
    assert bench.ask("AT+CSQ") == reply(f"+CSQ: {rssi},99")


def test_the_operator_is_named_in_the_format_that_was_chosen() -> None:
    """AT+COPS=3 chooses long name, short name or number, and changes nothing else."""
    bench = Bench()
    names = []
    for form in (0, 1, 2):
        assert bench.ask(f"AT+COPS=3,{form}") == reply()
        names.append(bench.ask("AT+COPS?"))
    assert names == [
        reply('+COPS: 0,0,"Claro AR",7'), reply('+COPS: 0,1,"Claro",7'), reply('+COPS: 0,2,"722310",7'),
    ]  # fmt: skip


def test_leaving_the_network_and_flight_mode() -> None:
    """AT+COPS=2 and AT+CFUN=4 end the registration, =0 and =1 bring it back."""
    bench = Bench()
    for off, on in (("AT+COPS=2", "AT+COPS=0"), ("AT+CFUN=4", "AT+CFUN=1")):
        bench.ask(off)
        assert bench.ask("AT+CREG?") == reply("+CREG: 0,0")
        bench.ask(on)
        assert bench.ask("AT+CREG?") == reply("+CREG: 0,1")


@pytest.mark.parametrize("command", ["AT+CMGF=2", "AT+CNMI=9", "AT+CREG=x", "AT+CMEE=0,1", "AT+CFUN=7", 'AT+CSCS="X"'])
def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(command: str) -> None:
    """The setting reads as before."""
    bench = Bench()
    read = command.partition("=")[0] + "?"
    before = bench.ask(read)
    assert "ERROR" in bench.ask(command)
    assert bench.ask(read) == before


def test_settings_go_with_the_power_unless_they_were_saved() -> None:
    """AT&W keeps them over a start; AT&F brings the factory's; the storages stay."""
    bench = Bench()
    bench.ask("AT+CMGF=1;&W;+CSDH=1")
    bench.devices[0].power_cycle()
    bench.hear()
    assert bench.ask("AT+CMGF?;+CSDH?") == "\r\n+CMGF: 1\r\n\r\n+CSDH: 0\r\n\r\nOK\r\n"
    bench.ask("AT&F")
    assert reply("+CMGF: 0") in bench.ask("AT+CMGF?")


@pytest.mark.parametrize(
    ("dialect", "command", "last"),
    [("sim7600", "AT+CPOF", []), ("quectel", "AT+QPOWD", ["POWERED DOWN"])],
)
def test_power_off_says_goodbye_and_is_silent_until_power_on(dialect: str, command: str, last: list[str]) -> None:
    """OK, the last word of a Quectel, and then nothing is answered."""
    bench = Bench(dialect=dialect)
    assert bench.ask(command) == reply() + said(*last)
    assert bench.ask("AT") == ""
    act(bench.devices[0], "power_on")
    assert bench.hear().startswith(said(bench.devices[0].dialect.start[0]))


@pytest.mark.parametrize(("dialect", "command"), [("sim7600", "AT+CRESET"), ("quectel", "AT+CFUN=1,1")])
def test_a_reset_is_answered_and_then_the_modem_starts(dialect: str, command: str) -> None:
    """OK, then the words of the start; the echo is on again."""
    bench = Bench(dialect=dialect)
    device = bench.devices[0].dialect
    assert bench.ask(command) == reply() + said(*device.start, "+CPIN: READY", *device.started)
    assert bench.ask("AT") == "AT\r" + reply()


def test_a_usb_port_goes_with_the_power() -> None:
    """On USB the port is gone while the modem is off; a UART stays."""
    usb, uart = Bench(usb=True), Bench()
    for bench in (usb, uart):
        bench.devices[0].power_off()
    assert (usb.computers[0].is_open, uart.computers[0].is_open) == (False, True)
    act(usb.devices[0], "power_on")
    usb.hear()
    assert usb.computers[0].is_open


def test_a_bearer_needs_the_network() -> None:
    """A context has an address while it is active, and cannot be activated without coverage."""
    bench = Bench()
    assert bench.ask('AT+CGDCONT=2,"IP","apn"') == reply()
    assert bench.ask("AT+CGACT=1,2;+CGACT?") == reply("+CGACT: 1,1", "+CGACT: 2,1")
    assert bench.ask("AT+CGPADDR=2") == reply("+CGPADDR: 2,10.64.110.2")
    act(bench.devices[0], "lose_network")
    assert bench.ask("AT+CGACT=1,1") == reply(result="+CME ERROR: 30")


def test_what_cannot_be_done_to_a_modem_is_one_sentence() -> None:
    """An unknown action names those that there are."""
    with pytest.raises(SimulatorError, match="it can: power_on"):
        act(Bench().devices[0], "explode")
    with pytest.raises(SimulatorError, match="choose one of home"):
        act(Bench().devices[0], "registration", "moon")
