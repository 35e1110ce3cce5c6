"""AT commands about card, signal, registration and bearers (3GPP TS 27.007 7, 8 and 10, and the makers' own)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.modem.command import Command, CommandError, Later, Outcome
from simulator.modem.device import HOME, ROAMING, Device

_ACT = {"gsm": 0, "umts": 2, "lte": 7}
_SIMCOM_MODES = {"gsm": 1, "umts": 4, "lte": 8}
_QUECTEL_BANDS = {
    "gsm": '"GSM","{code}","GSM 850",190',
    "umts": '"WCDMA","{code}","WCDMA 1900",512',
    "lte": '"FDD LTE","{code}","LTE BAND 4",2175',
}
_SIMCOM_CELLS = {
    "gsm": "GSM,Online,{mcc}-{mnc},0x2AF8,6699,190 GSM 850,{dbm},0,36-36",
    "umts": "WCDMA,Online,{mcc}-{mnc},0x2AF8,11139863,WCDMA IMT 1900,512,512,0,5,{dbm},-6,-500,21",
    "lte": "LTE,Online,{mcc}-{mnc},0x2AF8,27447553,257,EUTRAN-BAND4,2175,5,5,-94,{dbm}0,-545,15",
}
_OTHERS = '(1,"AR PERSONAL","Personal","722341",7),(1,"Movistar","Movistar","722070",7)'


def need_card(device: Device, family: str) -> None:
    """CommandError without a card that can be used."""
    missing, locked, blocked = (10, 11, 12) if family == "CME" else (310, 311, 316)
    if not device.card:
        raise CommandError(family, missing)
    if not device.pin_given:
        raise CommandError(family, locked if device.pin_tries else blocked)


def _online(device: Device) -> bool:
    return device.registration in (HOME, ROAMING)


def _pin(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return []
    if not device.card:
        raise CommandError("CME", 10)
    if command.form == "?":
        return ["+CPIN: " + ("READY" if device.pin_given else "SIM PIN" if device.pin_tries else "SIM PUK")]
    if device.pin_given:
        raise CommandError("CME", 3)
    if not device.pin_tries:
        raise CommandError("CME", 12)
    if command.argument(0) != device.pin:
        device.pin_tries -= 1
        raise CommandError("CME", 16 if device.pin_tries else 12)
    device.clock.later(0.01, device.unlock)
    return []


def _subscriber(device: Device, command: Command) -> Outcome:
    need_card(device, "CME")
    return [] if command.form else [device.imsi]


def _card_number(name: str) -> Callable[[Device, Command], Outcome]:
    def answer(device: Device, command: Command) -> Outcome:
        if not device.card:
            raise CommandError("CME", 10)
        return [f"{name}: {device.iccid}"]

    return answer


def _own_number(device: Device, command: Command) -> Outcome:
    need_card(device, "CME")
    return [f'+CNUM: "","{device.number}",145']


def _signal(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ["+CSQ: (0-31,99),(0-7,99)"]
    dbm = device.network.signal_dbm
    return ["+CSQ: 99,99" if dbm is None else f"+CSQ: {_clamped((dbm + 113) // 2, 31)},99"]


def _extended_signal(device: Device, command: Command) -> Outcome:
    dbm, technology = device.network.signal_dbm, device.network.technology
    rxlev, rscp, rsrq, rsrp = "99", "255", "255", "255"
    if dbm is not None:
        if technology == "gsm":
            rxlev = str(_clamped(dbm + 111, 63))
        elif technology == "umts":
            rscp = str(_clamped(dbm + 121, 96))
        else:
            rsrq, rsrp = "20", str(_clamped(dbm - 30 + 141, 97))  # RSRP lies some 30 dB under RSSI
    return [f"+CESQ: {rxlev},99,{rscp},255,{rsrq},{rsrp}"]


def _clamped(value: int, most: int) -> int:
    return max(0, min(most, value))


def _operator(device: Device, command: Command) -> Outcome:
    network, values = device.network, device.settings.values["+COPS"]
    names = (network.operator, network.operator.partition(" ")[0], network.code)
    act = _ACT[network.technology]
    if command.form == "?":
        if not _online(device):
            return [f"+COPS: {2 if device.deregistered else values[0]}"]
        return [f'+COPS: {values[0]},{values[1]},"{names[int(values[1])]}",{act}']
    if command.form == "=?":
        found = f'(2,"{names[0]}","{names[1]}","{names[2]}",{act}),{_OTHERS}'
        if network.signal_dbm is None:
            raise CommandError("CME", 30)
        return Later(device.times.registration, lambda: [f"+COPS: {found},,(0,1,2,3,4),(0,1,2)"])
    mode = command.number(0)
    if mode == 3:
        values[1] = str(min(2, command.number(1)))
        return []
    if mode not in (0, 1, 2, 4):
        raise CommandError("CME", 50)
    if mode in (1, 4) and command.argument(2) not in names:
        raise CommandError("CME", 30)
    device.deregistered = mode == 2
    values[0] = "0" if mode == 2 else str(mode)
    device.look_for_network()
    return []


def _simcom_mode(device: Device, command: Command) -> Outcome:
    return [f"+CNSMOD: 0,{_SIMCOM_MODES[device.network.technology] if _online(device) else 0}"] * (command.form == "?")


def _simcom_cell(device: Device, command: Command) -> Outcome:
    if not _online(device):
        return ["+CPSI: NO SERVICE,Online"]
    code, dbm = device.network.code, device.network.signal_dbm
    return [f"+CPSI: {_SIMCOM_CELLS[device.network.technology].format(mcc=code[:3], mnc=code[3:], dbm=dbm)}"]


def _quectel_network(device: Device, command: Command) -> Outcome:
    if not _online(device):
        return ["+QNWINFO: No Service"]
    return [f"+QNWINFO: {_QUECTEL_BANDS[device.network.technology].format(code=device.network.code)}"]


def _quectel_signal(device: Device, command: Command) -> Outcome:
    dbm = device.network.signal_dbm
    if dbm is None:
        return ['+QCSQ: "NOSERVICE"']
    rest = {"gsm": f'"GSM",{dbm}', "umts": f'"WCDMA",{dbm},{dbm - 6},-6', "lte": f'"LTE",{dbm},{dbm - 30},195,-10'}
    return [f"+QCSQ: {rest[device.network.technology]}"]


def _context(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ['+CGDCONT: (1-16),"IP",,,(0-2),(0-4)']
    if command.form == "?":
        listed = sorted(device.contexts.items())
        return [f'+CGDCONT: {cid},"{kind}","{apn}","0.0.0.0",0,0' for cid, (kind, apn) in listed]
    if not 1 <= command.number(0) <= 16:
        raise CommandError("CME", 50)
    if len(command.arguments) == 1:
        device.contexts.pop(command.number(0), None)
    else:
        device.contexts[command.number(0)] = (command.argument(1, "IP"), command.argument(2))
    return []


def _activation(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ["+CGACT: (0,1)"]
    if command.form == "?":
        return [f"+CGACT: {cid},{int(cid in device.active and _online(device))}" for cid in sorted(device.contexts)]
    if command.number(0) and not _online(device):
        raise CommandError("CME", 30)
    cids = {command.number(1)} if command.argument(1) else set(device.contexts)
    if not cids <= set(device.contexts):
        raise CommandError("CME", 50)
    device.active = device.active | cids if command.number(0) else device.active - cids
    return []


def _address(device: Device, command: Command) -> Outcome:
    cids = [command.number(0)] if command.argument(0) else sorted(device.contexts)
    used = [cid for cid in cids if cid in device.active and _online(device)]
    return [f"+CGPADDR: {cid},10.64.{int(device.imei[-3:]) % 256}.{cid}" for cid in used]


HANDLERS: dict[str, Callable[[Device, Command], Outcome]] = {
    "+CPIN": _pin,
    "+CIMI": _subscriber,
    "+CNUM": _own_number,
    "+CCID": _card_number("+CCID"),
    "+CICCID": _card_number("+ICCID"),
    "+ICCID": _card_number("+ICCID"),
    "+QCCID": _card_number("+QCCID"),
    "+CSQ": _signal,
    "+CESQ": _extended_signal,
    "+COPS": _operator,
    "+CNSMOD": _simcom_mode,
    "+CPSI": _simcom_cell,
    "+QNWINFO": _quectel_network,
    "+QCSQ": _quectel_signal,
    "+CGDCONT": _context,
    "+CGACT": _activation,
    "+CGPADDR": _address,
}
