"""Short messages as a modem exchanges them: PDUs in hexadecimal (3GPP TS 23.040 9.2.2, TS 27.005 3.1).

Called by `modem.sms`; the simulator's message center calls the opposites. Every PDU begins with an empty address of
the message center, which means the one on the card; that octet is not in the TPDU length that `+CMGS` wants. It does
not divide a long message, and does not join the parts of one.
"""

from dataclasses import dataclass
from datetime import datetime

from modem import fields
from modem.fields import Octets

_DELIVER, _SUBMIT, _REPORT = 0, 1, 2  # message type, 9.2.3.1
_NO_MORE = 0x04  # TP-MMS: the message center holds no more for this number
_RELATIVE = 0x10  # TP-VPF
_REPORT_WANTED = 0x20  # TP-SRR
_HEADER = 0x40  # TP-UDHI
_CONCATENATED, _CONCATENATED_16 = 0x00, 0x08  # information elements, 9.2.3.24.1 and 9.2.3.24.8

Coded = tuple[str, int]  # a PDU in hexadecimal and its TPDU length in octets


@dataclass(frozen=True)
class Submit:
    """A message to send: octets, or text, which goes in the GSM alphabet if that has all its characters, else as UCS2.

    `number` is `+` and digits, or digits as one dials them. `validity_s` None leaves it to the network.
    `reference` and `report` ask for a status report; a modem puts its own reference. `dcs` None means as the
    payload asks. `udh` is a header without its length octet.
    """

    number: str
    payload: bytes | str
    validity_s: int | None = None
    report: bool = False
    reference: int = 0
    dcs: int | None = None
    pid: int = 0
    udh: bytes = b""


@dataclass(frozen=True)
class Deliver:
    """A message that came. `payload` is text for the GSM alphabet and UCS2, octets for 8-bit data.

    `sent_at` is the message center's time, None where it wrote none. `named` says that `number` is a name its sender
    chose; such a name may look like any number. `udh` is the header without its length octet.
    """

    number: str
    payload: bytes | str
    sent_at: datetime | None
    dcs: int | None = None
    pid: int = 0
    udh: bytes = b""
    named: bool = False

    @property
    def concatenation(self) -> tuple[int, int, int] | None:
        """Reference, number of parts and this part (from 1) of a long message; None for a message in one piece."""
        elements = Octets(self.udh)
        try:
            while elements.rest:
                kind, value = elements.octet(), elements.take(elements.octet())
                if (kind, len(value)) in ((_CONCATENATED, 3), (_CONCATENATED_16, 4)) and 1 <= value[-1] <= value[-2]:
                    return int.from_bytes(value[:-2], "big"), value[-2], value[-1]
        except ValueError:  # a broken header says nothing; the payload stands
            pass
        return None


@dataclass(frozen=True)
class StatusReport:
    """What became of the message that was sent with `reference` to `number`; `status` is TP-ST (9.2.3.15)."""

    reference: int
    number: str
    sent_at: datetime | None
    done_at: datetime | None
    status: int

    @property
    def delivered(self) -> bool:
        """The other modem has it."""
        return self.status == 0

    @property
    def final(self) -> bool:
        """The message center will not try again: delivered, given up, or it does not know."""
        return not 0x20 <= self.status <= 0x3F


def _coded(tpdu: bytes) -> Coded:
    return (b"\x00" + tpdu).hex().upper(), len(tpdu)


def _opened(pdu: str) -> tuple[int, Octets]:
    """The first octet of the TPDU, and what follows it."""
    octets = Octets(bytes.fromhex(pdu))
    octets.take(octets.octet())  # the message center's number
    return octets.octet(), octets


def encode_submit(message: Submit) -> list[Coded]:
    """The one PDU of a message, in a list; ValueError where a field cannot hold its value.

    A payload holds up to 140 octets, 160 characters of the GSM alphabet (two for one of its extension) or 70 of
    UCS2, less what the header takes.
    """
    dcs = fields.scheme(message.payload) if message.dcs is None else message.dcs
    first = _SUBMIT
    validity = b""
    if message.validity_s is not None:
        first |= _RELATIVE
        validity = bytes((fields.encode_validity(message.validity_s),))
    first |= (_REPORT_WANTED if message.report else 0) | (_HEADER if message.udh else 0)
    tpdu = bytes((first, message.reference)) + fields.encode_address(message.number)
    tpdu += bytes((message.pid, dcs)) + validity
    return [_coded(tpdu + fields.encode_user_data(message.payload, dcs, message.udh))]


def decode_submit(pdu: str) -> Submit:
    """The message in a PDU that a modem was told to send; ValueError for anything else.

    A validity in one of the two long formats (9.2.3.12.2 and .3) is read as None: as long as the network likes.
    """
    first, octets = _opened(pdu)
    if first & 3 != _SUBMIT:
        raise ValueError("the PDU is not of a message to send")
    reference = octets.octet()
    number, named = fields.decode_address(octets)
    if named:
        raise ValueError("a message cannot be sent to a name")
    pid, dcs = octets.octet(), octets.octet()
    validity_s = None
    if first & 0x18 == _RELATIVE:
        validity_s = fields.decode_validity(octets.octet())
    elif first & 0x18:
        octets.take(7)
    payload, udh = fields.decode_user_data(octets, dcs, bool(first & _HEADER))
    return Submit(number, payload, validity_s, bool(first & _REPORT_WANTED), reference, dcs, pid, udh)


def encode_deliver(message: Deliver) -> Coded:
    """The PDU with which a modem gives a message that came; ValueError where a field cannot hold its value."""
    dcs = fields.scheme(message.payload) if message.dcs is None else message.dcs
    tpdu = bytes((_DELIVER | _NO_MORE | (_HEADER if message.udh else 0),))
    tpdu += fields.encode_address(message.number, message.named)
    tpdu += bytes((message.pid, dcs)) + fields.encode_time(message.sent_at)
    return _coded(tpdu + fields.encode_user_data(message.payload, dcs, message.udh))


def encode_report(report: StatusReport) -> Coded:
    """The PDU with which a modem gives a status report; ValueError where a field cannot hold its value."""
    tpdu = bytes((_REPORT | _NO_MORE, report.reference)) + fields.encode_address(report.number)
    tpdu += fields.encode_time(report.sent_at) + fields.encode_time(report.done_at)
    return _coded(tpdu + bytes((report.status,)))


def decode_incoming(pdu: str) -> Deliver | StatusReport:
    """The message or status report in a PDU that a modem gave; ValueError for anything else."""
    first, octets = _opened(pdu)
    kind = first & 3
    if kind == _REPORT:
        reference = octets.octet()
        number, _ = fields.decode_address(octets)
        sent_at, done_at = fields.decode_time(octets.take(7)), fields.decode_time(octets.take(7))
        return StatusReport(reference, number, sent_at, done_at, octets.octet())
    if kind != _DELIVER:
        raise ValueError("the PDU is not of a message that came")
    number, named = fields.decode_address(octets)
    pid, dcs = octets.octet(), octets.octet()
    sent_at = fields.decode_time(octets.take(7))
    payload, udh = fields.decode_user_data(octets, dcs, bool(first & _HEADER))
    return Deliver(number, payload, sent_at, dcs, pid, udh, named)
