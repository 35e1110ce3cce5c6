"""AT commands about short messages (3GPP TS 27.005): storage, reading, sending, in PDU and in text mode."""

from __future__ import annotations

from collections.abc import Callable

from modem.fields import decode_validity
from modem.pdu import Deliver, StatusReport, Submit, decode_incoming, decode_submit, encode_submit
from simulator.modem import text_mode
from simulator.modem.center import Refusal
from simulator.modem.command import Command, CommandError, Later, Outcome, Prompt
from simulator.modem.device import Device
from simulator.modem.network_commands import need_card
from simulator.modem.storage import ALL, READ, SENT, UNREAD, UNSENT, Storage, Stored


def _storage(device: Device, place: int = 0) -> Storage:
    return device.storages[device.settings.values["+CPMS"][place]]


def _service(device: Device, command: Command) -> Outcome:
    names = device.settings.values["+CPMS"]
    if command.form == "=?":
        groups = ["(" + ",".join(f'"{name}"' for name in group) + ")" for group in device.dialect.choices]
        return [f"+CPMS: {','.join(groups)}"]
    used = [f"{device.storages[name].used},{device.storages[name].places}" for name in names]
    if command.form == "?":
        return ["+CPMS: " + ",".join(f'"{name}",{of}' for name, of in zip(names, used, strict=True))]
    need_card(device, "CMS")
    chosen = [command.argument(index, name) for index, name in enumerate(names)]
    if any(name not in group for name, group in zip(chosen, device.dialect.choices, strict=True)):
        raise CommandError("CMS", 302)
    names[:] = chosen
    return ["+CPMS: " + ",".join(f"{device.storages[name].used},{device.storages[name].places}" for name in chosen)]


def _decoded(stored: Stored) -> Deliver | StatusReport | Submit:
    return decode_submit(stored.pdu) if stored.status in (UNSENT, SENT) else decode_incoming(stored.pdu)


def _lines(device: Device, name: str, stored: Stored, index: int | None) -> list[str]:
    """A message as +CMGR (without index) or +CMGL shows it; it has been read then."""
    place = "" if index is None else f"{index},"
    if not device.settings.number("+CMGF"):
        lines = [f"{name}: {place}{stored.status},{device.dialect.alpha},{stored.length}", stored.pdu]
    else:
        character_set = device.settings.values["+CSCS"][0]
        message = _decoded(stored)
        head = text_mode.header(message, device.dialect, character_set)
        lines = [f"{name}: {place}{text_mode.STATUS[stored.status]},{head}"]
        if not isinstance(message, StatusReport):
            lines.append(text_mode.shown(message.payload, character_set))
    if stored.status == UNREAD:
        stored.status = READ
    return lines


def _read(device: Device, command: Command) -> Outcome:
    need_card(device, "CMS")
    stored = _storage(device).get(command.number(0)) if command.form == "=" else None
    if not stored:
        raise CommandError("CMS", 321)
    return _lines(device, "+CMGR", stored, None)


def _list(device: Device, command: Command) -> Outcome:
    text = device.settings.number("+CMGF")
    if command.form == "=?":
        return [f"+CMGL: ({','.join(text_mode.STATUS)})" if text else "+CMGL: (0-4)"]
    need_card(device, "CMS")
    names = [name.strip('"') for name in text_mode.STATUS] if text else ["0", "1", "2", "3", "4"]
    asked = command.argument(0, names[UNREAD])
    if asked not in names:
        raise CommandError("CMS", 305 if text else 304)
    status = names.index(asked)
    found = [(index, stored) for index, stored in _storage(device).items() if status in (ALL, stored.status)]
    return [line for index, stored in found for line in _lines(device, "+CMGL", stored, index)]


def _delete(device: Device, command: Command) -> Outcome:
    storage = _storage(device)
    if command.form == "=?":
        return [f"+CMGD: ({','.join(str(index) for index, _ in storage.items())}),(0-4)"]
    need_card(device, "CMS")
    index, reach = command.number(0), command.number(1)
    if reach > 4 or (not reach and index not in storage.indexes):
        raise CommandError("CMS", 321)
    going = {0: (), 1: (READ,), 2: (READ, SENT), 3: (READ, SENT, UNSENT), 4: (READ, SENT, UNSENT, UNREAD)}[reach]
    for place, stored in storage.items():
        if stored.status in going or (not reach and place == index):
            storage.delete(place)
    device.freed()
    return []


def _send(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return []
    return Prompt(lambda text: _submit(device, _composed(device, command, text)))


def _submit(device: Device, message: Submit, name: str = "+CMGS") -> Outcome:
    need_card(device, "CMS")
    refused = device.faults.strikes("cms_error")
    if refused:
        raise CommandError("CMS", int(refused.number(500)))

    def leave() -> Outcome:
        if not device.reachable:
            raise CommandError("CMS", 331)
        try:
            return [f"{name}: {device.send(message)}"]
        except Refusal as refusal:
            raise CommandError("CMS", refusal.cause) from None

    return Later(device.times.sending, leave)


def _composed(device: Device, command: Command, text: str) -> Submit:
    """The message of a prompt's text: a PDU of the length that was said, or a text for the number that was said."""
    if not device.settings.number("+CMGF"):
        pdu = "".join(text.split())
        try:
            octets = bytes.fromhex(pdu)
            if len(octets) - 1 - octets[0] != command.number(0):
                raise CommandError("CMS", 304)
            message = decode_submit(pdu)
            encode_submit(message)  # what comes of it must be a message too: a number without digits is none
            return message
        except (ValueError, IndexError):
            raise CommandError("CMS", 304) from None
    character_set = device.settings.values["+CSCS"][0]
    first, validity, pid, _ = device.settings.numbers("+CSMP")
    validity_s = decode_validity(validity) if first & 0x18 == 0x10 else None
    try:
        written = text_mode.read(text.replace("\r", "\n"), character_set)
        number = text_mode.read(command.argument(0), character_set)
        message = Submit(number, written, validity_s, bool(first & 0x20), pid=pid)
        encode_submit(message)
    except ValueError:
        raise CommandError("CMS", 305) from None
    return message


def _write(device: Device, command: Command) -> Outcome:
    """AT+CMGW: into the second storage, as not sent unless said otherwise."""

    def keep(text: str) -> Outcome:
        need_card(device, "CMS")
        if device.settings.number("+CMGF"):
            pdu, length = encode_submit(_composed(device, command, text))[0]
            status = UNSENT
        else:
            pdu, length, status = "".join(text.split()), command.number(0), command.number(1, UNSENT)
        stored = Stored(status, pdu, length)
        try:
            if len(bytes.fromhex(pdu)) - 1 - int(pdu[:2], 16) != length:
                raise ValueError
            _decoded(stored)
        except ValueError:
            raise CommandError("CMS", 304) from None
        index = _storage(device, 1).put(stored)
        if index is None:
            raise CommandError("CMS", 322)
        return [f"+CMGW: {index}"]

    return [] if command.form == "=?" else Prompt(keep)


def _send_stored(device: Device, command: Command) -> Outcome:
    stored = _storage(device, 1).get(command.number(0))
    if not stored or stored.status not in (UNSENT, SENT):
        raise CommandError("CMS", 321)
    stored.status = SENT
    return _submit(device, decode_submit(stored.pdu), "+CMSS")


def _acknowledge(device: Device, command: Command) -> Outcome:
    if command.form == "=?":
        return ["+CNMA: (0-2)"]
    if not device.settings.number("+CSMS") or not device.inbox.acknowledge(command.number(0) != 2):
        raise CommandError("CMS", 340)
    return []


def _center(device: Device, command: Command) -> Outcome:
    if command.form == "?":
        need_card(device, "CMS")
        return [f'+CSCA: "{device.center_number}",145']
    if command.form == "=":
        number = command.argument(0)
        digits = number.removeprefix("+")
        if not digits.isdecimal() or len(digits) > 20:
            raise CommandError("CMS", 330)
        device.center_number = number
    return []


HANDLERS: dict[str, Callable[[Device, Command], Outcome]] = {
    "+CPMS": _service,
    "+CMGR": _read,
    "+CMGL": _list,
    "+CMGD": _delete,
    "+CMGS": _send,
    "+CMGW": _write,
    "+CMSS": _send_stored,
    "+CNMA": _acknowledge,
    "+CSCA": _center,
}
