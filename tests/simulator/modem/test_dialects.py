"""Two firmwares, each with its own words."""

from __future__ import annotations

import pytest

from simulator.modem.actions import act
from simulator.modem.dialect import DIALECTS
from tests.simulator.modem.bench import ONE, OTHER, Bench, reply

SIM7600 = {
    "ATI": [
        "Manufacturer: SIMCOM INCORPORATED", "Model: SIMCOM_SIM7600G-H", "Revision: SIM7600G_V2.0.2",
        "IMEI: 860126111111110", "+GCAP: +CGSM",
    ],
    "AT+CGMI": ["SIMCOM INCORPORATED"],
    "AT+CGMM": ["SIMCOM_SIM7600G-H"],
    "AT+CGMR": ["+CGMR: LE20B04SIM7600G22"],
    "AT+CICCID": ["+ICCID: 8954310026111111118"],
    "AT+CNSMOD?": ["+CNSMOD: 0,8"],
    "AT+CPSI?": ["+CPSI: LTE,Online,722-310,0x2AF8,27447553,257,EUTRAN-BAND4,2175,5,5,-94,-710,-545,15"],
    "AT+CPMS?": ['+CPMS: "SM",0,50,"SM",0,50,"SM",0,50'],
    "AT+CPMS=?": ['+CPMS: ("ME","MT","SM","SR"),("ME","MT","SM"),("ME","SM")'],
    "AT+CMEE?": ["+CMEE: 2"],
    "AT+CBC": ["+CBC: 3.942V"],
}  # fmt: skip
QUECTEL = {
    "ATI": ["Quectel", "EC25", "Revision: EC25AUFAR06A05M4G"],
    "AT+CGMI": ["Quectel"],
    "AT+CGMM": ["EC25"],
    "AT+CGMR": ["EC25AUFAR06A05M4G"],
    "AT+QCCID": ["+QCCID: 8954310026111111118"],
    "AT+CCID": ["+CCID: 8954310026111111118"],
    "AT+QNWINFO": ['+QNWINFO: "FDD LTE","722310","LTE BAND 4",2175'],
    "AT+QCSQ": ['+QCSQ: "LTE",-71,-101,195,-10'],
    "AT+QINISTAT": ["+QINISTAT: 7"],
    "AT+CPMS?": ['+CPMS: "ME",0,23,"ME",0,23,"ME",0,23'],
    "AT+CMEE?": ["+CMEE: 1"],
    "AT+CBC": ["+CBC: 0,77,3942"],
}
BOTH = {
    "AT+CGSN": ["860126111111110"],
    "AT+CIMI": ["722310611111111"],
    "AT+GCAP": ["+GCAP: +CGSM"],
    "AT+CSQ=?": ["+CSQ: (0-31,99),(0-7,99)"],
    "AT+CESQ": ["+CESQ: 99,99,255,255,20,40"],
    "AT+CPIN?": ["+CPIN: READY"],
    "AT+CFUN?": ["+CFUN: 1"],
    "AT+COPS?": ['+COPS: 0,0,"Claro AR",7'],
    "AT+CNMI?": ["+CNMI: 2,1,0,0,0"],
    "AT+CNMI=?": ["+CNMI: (0-2),(0-3),(0,2,3),(0-2),(0,1)"],
    "AT+CSMS?": ["+CSMS: 0,1,1,1"],
    "AT+CSCS=?": ['+CSCS: ("IRA","GSM","UCS2")'],
    "AT+CGDCONT?": ['+CGDCONT: 1,"IP","internet.ctimovil.com.ar","0.0.0.0",0,0'],
    "AT+CCLK?": ['+CCLK: "26/03/04,05:06:10-12"'],
    "AT+CNUM": ['+CNUM: "","+5492611111111",145'],
}
CASES = [
    (dialect, line, lines)
    for dialect, table in (("sim7600", SIM7600 | BOTH), ("quectel", QUECTEL | BOTH))
    for line, lines in table.items()
]


@pytest.mark.parametrize(("dialect", "line", "lines"), CASES)
def test_a_command_is_answered_in_the_words_of_its_firmware(dialect: str, line: str, lines: list[str]) -> None:
    """The whole reply, octet for octet."""
    assert Bench(dialect=dialect).ask(line) == reply(*lines)


@pytest.mark.parametrize(("dialect", "other"), [("sim7600", "quectel"), ("quectel", "sim7600")])
def test_one_maker_does_not_know_the_commands_of_the_other(dialect: str, other: str) -> None:
    """They are ERROR, without a code."""
    bench = Bench(dialect=dialect)
    foreign = DIALECTS[other].only
    assert [bench.ask(f"AT{name}") for name in foreign] == [reply(result="ERROR")] * len(foreign)


@pytest.mark.parametrize(("dialect", "error"), [("sim7600", "SIM not inserted"), ("quectel", "10")])
def test_errors_are_in_words_with_one_and_in_numbers_with_the_other(dialect: str, error: str) -> None:
    """As each comes from its factory (AT+CMEE)."""
    bench = Bench(dialect=dialect)
    act(bench.devices[0], "remove_sim")
    bench.hear()
    assert bench.ask("AT+CPIN?") == reply(result=f"+CME ERROR: {error}")


@pytest.mark.parametrize(("dialect", "absent"), [("sim7600", '""'), ("quectel", "")])
def test_the_absent_name_of_a_sender_is_written_as_each_does(dialect: str, absent: str) -> None:
    """In quotes or not at all."""
    bench = Bench(dialect=dialect)
    bench.center.inject(OTHER, ONE, b"x")
    bench.hear()
    assert bench.ask("AT+CMGR=0").startswith(f"\r\n+CMGR: 0,{absent},21\r\n07")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("technology", "act_number"), [("gsm", 0), ("umts", 2), ("lte", 7)])
def test_each_technology_is_told(dialect: str, technology: str, act_number: int) -> None:
    """COPS ends in the access technology (TS 27.007 7.3), and CEREG knows only LTE."""
    bench = Bench(dialect=dialect)
    act(bench.devices[0], "technology", technology)
    bench.hear()
    assert bench.ask("AT+COPS?") == reply(f'+COPS: 0,0,"Claro AR",{act_number}')
    assert bench.ask("AT+CEREG?") == reply("+CEREG: 0,1" if technology == "lte" else "+CEREG: 0,0")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_service_that_is_not_there_is_an_error(dialect: str) -> None:
    """USSD and calls are refused, and commands nobody knows."""
    bench = Bench(dialect=dialect)
    assert bench.ask('AT+CUSD=1,"*150#"') == reply(result="ERROR")
    assert bench.ask("ATD+5492612222222;") in (
        reply(result="+CME ERROR: operation not allowed"), reply(result="+CME ERROR: 3"),
    )  # fmt: skip
    assert bench.ask("AT+NOSUCH?") == reply(result="ERROR")
