"""AT commands about the modem itself: identity, settings, power, clock (3GPP TS 27.007, ITU-T V.250)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.modem.command import Command, CommandError, Later, Outcome
from simulator.modem.device import Device
from simulator.modem.settings import CARRIED, CHARACTER_SETS, NUMBERS, allowed, factory

POWER_OFF_S = 0.01


def says(*lines: str) -> Callable[[Device, Command], Outcome]:
    """A command with an answer that names the modem: `{device}` in a line is the modem."""
    return lambda device, command: [line.format(device=device) for line in lines]


def nothing(device: Device, command: Command) -> Outcome:
    """A command that changes nothing here."""
    return []


def setting(device: Device, command: Command) -> Outcome:
    """Any setting that is only numbers."""
    name = command.name
    if command.form == "=?":
        return [f"{name}: {NUMBERS[name]}"]
    values = device.settings.values[name]
    if command.form == "?":
        if name in CARRIED["lte"]:
            state = device.registered(int(values[0])) if name in CARRIED[device.network.technology] else "0"
            return [f"{name}: {values[0]},{state}"]
        if name == "+CSMS":
            return [f"{name}: {values[0]},1,1,1"]
        return [f"{name}: {','.join(values)}"]
    ranges = allowed(name)
    if command.form != "=" or len(command.arguments) > len(ranges):
        raise CommandError("CME", 50)
    given = [command.argument(index, value) for index, value in enumerate(values)]
    if any(not value.isdecimal() or int(value) not in fits for value, fits in zip(given, ranges, strict=True)):
        raise CommandError("CMS", 303) if name in ("+CMGF", "+CNMI", "+CSMS", "+CSMP") else CommandError("CME", 50)
    values[:] = given
    return ["+CSMS: 1,1,1"] if name == "+CSMS" else []


def _echo(device: Device, command: Command) -> Outcome:
    device.settings.echo = command.argument(0, "0") != "0"
    return []


def _verbose(device: Device, command: Command) -> Outcome:
    device.settings.verbose = command.argument(0, "0") != "0"
    return []


def _identification(device: Device, command: Command) -> Outcome:
    return [line.format(imei=device.imei) for line in device.dialect.identification]


def _factory(device: Device, command: Command) -> Outcome:
    device.settings = factory(device.dialect)
    return []


def _restore(device: Device, command: Command) -> Outcome:
    device.settings = device.saved.copy()
    return []


def _save(device: Device, command: Command) -> Outcome:
    device.saved = device.settings.copy()
    return []


def _serial_number(device: Device, command: Command) -> Outcome:
    if command.form == "=":
        return [f'+CGSN: "{device.imei}"'] if command.argument(0) == "1" else [device.imei]
    return [device.imei] if not command.form else []


def _character_set(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ["+CSCS: (" + ",".join(f'"{name}"' for name in CHARACTER_SETS) + ")"]
    if command.form == "?":
        return [f'+CSCS: "{device.settings.values["+CSCS"][0]}"']
    if command.argument(0) not in CHARACTER_SETS:
        raise CommandError
    device.settings.values["+CSCS"] = [command.argument(0)]
    return []


def _function(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ["+CFUN: (0,1,4),(0,1)"]
    if command.form == "?":
        return [f"+CFUN: {device.function}"]
    function = command.number(0)
    if function not in (0, 1, 4):
        raise CommandError("CME", 50)
    if command.argument(1) == "1":
        return reset(device, command)
    device.function = function
    device.look_for_network()
    return []


def reset(device: Device, command: Command) -> Outcome:
    """OK, then the modem starts anew."""
    device.clock.later(POWER_OFF_S, device.power_cycle)
    return []


def _power_off(device: Device, command: Command) -> Outcome:
    def leave() -> None:
        for line in device.dialect.farewell:
            device.say(line)
        device.power_off()

    device.clock.later(POWER_OFF_S, leave)
    return []


def _clock(device: Device, command: Command) -> Outcome:
    if command.form != "?":
        return []
    return [f'+CCLK: "{device.clock.wall():%y/%m/%d,%H:%M:%S}-12"']


def _dial(device: Device, command: Command) -> Outcome:
    raise CommandError("CME", 3)


def _ussd(device: Device, command: Command) -> Outcome:
    if command.form == "=" and command.argument(1):
        return Later(device.times.sending, _unsupported)
    return setting(device, command)


def _unsupported() -> Outcome:
    raise CommandError


HANDLERS: dict[str, Callable[[Device, Command], Outcome]] = {
    "E": _echo,
    "V": _verbose,
    "Z": _restore,
    "&F": _factory,
    "&W": _save,
    "I": _identification,
    "D": _dial,
    **dict.fromkeys(("H", "Q", "X", "&C", "&D", "S0", "+IPR", "+IFC", "+ICF", "+CSCLK", "+CGEREP", "+CIND"), nothing),
    **dict.fromkeys(("+CGMI", "+GMI"), says("{device.dialect.manufacturer}")),
    **dict.fromkeys(("+CGMM", "+GMM"), says("{device.dialect.model}")),
    "+CGMR": says("{device.dialect.revision}"),
    "+GMR": says("{device.dialect.revision}"),
    **dict.fromkeys(("+CGSN", "+GSN"), _serial_number),
    "+SIMEI": says("+SIMEI: {device.imei}"),
    "+GCAP": says("+GCAP: +CGSM"),
    **dict.fromkeys(NUMBERS, setting),
    "+CSCS": _character_set,
    "+CFUN": _function,
    "+CRESET": reset,
    "+CPOF": _power_off,
    "+QPOWD": _power_off,
    "+CCLK": _clock,
    "+CBC": says("+CBC: {device.dialect.battery}"),
    "+QINISTAT": says("+QINISTAT: 7"),
    "+CUSD": _ussd,
}
