"""Every AT command that the modems know, and which firmware knows it. `terminal` carries commands out through here."""

from __future__ import annotations

from simulator.modem import general_commands, message_commands, network_commands
from simulator.modem.command import Command, CommandError, Outcome
from simulator.modem.device import Device
from simulator.modem.dialect import DIALECTS
from simulator.modem.settings import NUMBERS

HANDLERS = general_commands.HANDLERS | network_commands.HANDLERS | message_commands.HANDLERS
_OWN = {name for dialect in DIALECTS.values() for name in dialect.only}


def carry_out(device: Device, command: Command) -> Outcome:
    """What a command comes to; CommandError when the firmware does not know it, or does not do it now."""
    handler = HANDLERS.get(command.name)
    if not handler or (command.name in _OWN and command.name not in device.dialect.only):
        raise CommandError
    if command.form == "=?" and command.name not in _TESTED:
        return []
    return handler(device, command)


_TESTED = {
    *NUMBERS, "+CSCS", "+CFUN", "+CPIN", "+CSQ", "+COPS", "+CGDCONT", "+CGACT",
    "+CPMS", "+CMGL", "+CMGD", "+CNMA",
}  # fmt: skip
