"""Where a message that comes goes: to the computer at once or into a storage, as AT+CNMI and AT+CPMS say.

The message center's `take` ends here (3GPP TS 27.005 3.4.1 and 3.4.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modem.fields import encode_address
from modem.pdu import Deliver, StatusReport, encode_deliver, encode_report
from simulator.modem.clock import Timer
from simulator.modem.storage import READ, UNREAD, Stored
from simulator.modem.text_mode import header, shown

if TYPE_CHECKING:
    from simulator.modem.device import Device

ACKNOWLEDGE_S = 15.0


class Inbox:
    """The messages that come to one modem."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._unacknowledged: Callable[[bool], None] | None = None
        self._timer: Timer | None = None

    def take(self, message: Deliver | StatusReport, done: Callable[[bool], None]) -> None:
        """See `center.Subscriber`."""
        _, to, _, reports, _ = self._device.settings.numbers("+CNMI")
        if isinstance(message, Deliver):
            pdu, length = encode_deliver(message)
            direct, memory = to == 2, self._device.settings.values["+CPMS"][2]
        else:
            if not reports:
                done(True)
                return
            pdu, length = encode_report(message)
            direct, memory = reports == 1, "SR"
        pdu = _service_center(self._device.center_number) + pdu[2:]
        if not direct:
            done(self._store(memory, Stored(UNREAD, pdu, length), "+CMTI" if isinstance(message, Deliver) else "+CDSI"))
            return
        if self._device.settings.number("+CSMS"):
            self._unacknowledged = done
            self._timer = self._device.clock.later(ACKNOWLEDGE_S, self._unheard)
        else:
            done(True)
        self._device.say(*self._shown(message, pdu, length))

    def acknowledge(self, good: bool) -> bool:
        """The computer's AT+CNMA; False when none was due."""
        done, self._unacknowledged = self._unacknowledged, None
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if done:
            done(good)
        return done is not None

    def fill(self) -> None:
        """Every place for incoming messages is taken, by messages that were read."""
        device = self._device
        storage = device.storages[device.settings.values["+CPMS"][2]]
        pdu, length = encode_deliver(Deliver("+5492610000000", "old", device.clock.wall()))
        while storage.put(Stored(READ, _service_center(device.center_number) + pdu[2:], length)) is not None:
            pass

    def _store(self, memory: str, message: Stored, code: str) -> bool:
        device = self._device
        index = device.storages[memory].put(message)
        if index is None:
            device.journal.note(device.number, "refused", "storage full")
            return False
        device.journal.note(device.number, "stored", message.pdu)
        if code == "+CDSI" or device.settings.numbers("+CNMI")[1]:
            device.say(f'{code}: "{memory}",{index}')
        return True

    def _shown(self, message: Deliver | StatusReport, pdu: str, length: int) -> tuple[str, ...]:
        device = self._device
        incoming = isinstance(message, Deliver)
        if not device.settings.number("+CMGF"):
            return (f"+CMT: {device.dialect.alpha},{length}" if incoming else f"+CDS: {length}"), pdu
        character_set = device.settings.values["+CSCS"][0]
        head = header(message, device.dialect, character_set)
        if isinstance(message, Deliver):
            return f"+CMT: {head}", shown(message.payload, character_set)
        return (f"+CDS: {head}",)

    def _unheard(self) -> None:
        # TS 27.005 3.4.4: without an acknowledgement no more messages are routed to the computer.
        values = self._device.settings.values["+CNMI"]
        values[1] = values[3] = "0"
        self.acknowledge(False)


def _service_center(number: str) -> str:
    """A PDU's first field: its length in octets, then type and digits (TS 27.005 3.1)."""
    coded = encode_address(number)[1:]
    return (bytes((len(coded),)) + coded).hex().upper()
