"""What one firmware says where another says something else: names, words at the start, defaults. Data only.

The standard's words (TS 27.005, TS 27.007) and the makers', as users of these modules have published them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One firmware. In the texts `{imei}` and `{iccid}` stand for the modem's own."""

    manufacturer: str
    model: str
    revision: str
    identification: tuple[str, ...]  # ATI
    start: tuple[str, ...]  # said before the card is read
    started: tuple[str, ...]  # said once messages can be read
    farewell: tuple[str, ...]  # said before AT+CPOF or AT+QPOWD takes the power away
    sim_gone: tuple[str, ...]
    verbosity: int  # AT+CMEE at the start
    memory: str  # AT+CPMS at the start
    memories: dict[str, int]
    choices: tuple[tuple[str, ...], ...]  # AT+CPMS=?; MT is ME and SM together
    alpha: str  # how an absent name of the sender is written in the headers of a PDU
    battery: str  # AT+CBC; gammu's monitor does not understand SIMCom's
    only: tuple[str, ...]  # commands that the others lack


SIM7600 = Dialect(
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600G-H",
    revision="+CGMR: LE20B04SIM7600G22",
    identification=(
        "Manufacturer: SIMCOM INCORPORATED", "Model: SIMCOM_SIM7600G-H", "Revision: SIM7600G_V2.0.2",
        "IMEI: {imei}", "+GCAP: +CGSM",
    ),
    start=("START",),
    started=("SMS DONE", "PB DONE"),
    farewell=(),
    sim_gone=("+SIMCARD: NOT AVAILABLE",),
    verbosity=2,
    memory="SM",
    memories={"SM": 50, "ME": 23, "SR": 50},
    choices=(("ME", "MT", "SM", "SR"), ("ME", "MT", "SM"), ("ME", "SM")),
    alpha='""',
    battery="3.942V",
    only=("+CNSMOD", "+CPSI", "+CICCID", "+CRESET", "+CPOF", "+SIMEI"),
)  # fmt: skip

QUECTEL = Dialect(
    manufacturer="Quectel",
    model="EC25",
    revision="EC25AUFAR06A05M4G",
    identification=("Quectel", "EC25", "Revision: EC25AUFAR06A05M4G"),
    start=("RDY", "+CFUN: 1"),
    started=("+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"),
    farewell=("POWERED DOWN",),
    sim_gone=("+CPIN: NOT READY",),
    verbosity=1,
    memory="ME",
    memories={"SM": 50, "ME": 23, "SR": 50},
    choices=(("ME", "MT", "SM", "SR"), ("ME", "MT", "SM"), ("ME", "MT", "SM")),
    alpha="",
    battery="0,77,3942",
    only=("+QNWINFO", "+QCSQ", "+QCCID", "+QPOWD", "+QINISTAT", "+CCID"),
)

DIALECTS = {"sim7600": SIM7600, "quectel": QUECTEL}

CME = {
    3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted", 11: "SIM PIN required",
    12: "SIM PUK required", 13: "SIM failure", 14: "SIM busy", 16: "incorrect password", 20: "memory full",
    21: "invalid index", 30: "no network service", 32: "network not allowed - emergency calls only",
    50: "Incorrect parameters", 100: "unknown",
}  # fmt: skip
CMS = {
    1: "Unassigned (unallocated) number", 8: "Operator determined barring", 21: "Short message transfer rejected",
    27: "Destination out of service", 28: "Unidentified subscriber", 29: "Facility rejected", 38: "Network out of order",
    41: "Temporary failure", 42: "Congestion", 50: "Requested facility not subscribed", 300: "ME failure",
    301: "SMS service of ME reserved", 302: "Operation not allowed", 303: "Operation not supported",
    304: "Invalid PDU mode parameter", 305: "Invalid text mode parameter", 310: "SIM not inserted",
    311: "SIM PIN required", 316: "SIM PUK required", 320: "memory failure", 321: "Invalid memory index",
    322: "Memory full", 330: "SMSC address unknown", 331: "no network service", 332: "Network timeout",
    340: "NO +CNMA ACK EXPECTED", 500: "Unknown error",
}  # fmt: skip
