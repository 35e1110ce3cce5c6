"""Messages as AT+CMGF=1 shows and takes them (3GPP TS 27.005 3.4 and 4): headers, character sets.

`inbox` and `message_commands` call it. Lines are strings of code points under 256, one for each octet.
"""

from __future__ import annotations

from datetime import datetime

from modem import alphabet
from modem.pdu import Deliver, StatusReport, Submit
from simulator.modem.dialect import Dialect

STATUS = ('"REC UNREAD"', '"REC READ"', '"STO UNSENT"', '"STO SENT"', '"ALL"')


def shown(payload: bytes | str, character_set: str) -> str:
    """A payload as the computer gets it; octets, and what the character set lacks, in hexadecimal."""
    if isinstance(payload, bytes):
        return payload.hex().upper()
    if character_set == "IRA" and payload.isascii():
        return payload
    if character_set == "GSM":
        try:
            return alphabet.encode(payload).decode("latin-1")
        except ValueError:
            pass
    return payload.encode("utf-16-be").hex().upper()


def read(text: str, character_set: str) -> str:
    """A text that the computer wrote; ValueError when it is not of the character set."""
    if character_set == "UCS2":
        return bytes.fromhex(text).decode("utf-16-be")
    if character_set == "GSM":
        if not text.isascii():
            raise ValueError("an octet above 127 is none of the GSM alphabet")
        return alphabet.decode(text.encode("ascii"))
    return text


def stamp(moment: datetime | None) -> str:
    """A time stamp, quoted, with the zone in quarters of an hour (TS 27.005 3.1 <scts>)."""
    if moment is None:
        return '""'
    offset = moment.utcoffset()
    quarters = round(offset.total_seconds() / 900) if offset else 0
    return f'"{moment:%y/%m/%d,%H:%M:%S}{quarters:+03d}"'


def header(message: Deliver | StatusReport | Submit, dialect: Dialect, character_set: str) -> str:
    """What follows the status in +CMGR and +CMGL, and the name in +CMT and +CDS."""
    if isinstance(message, StatusReport):
        kind = 145 if message.number.startswith("+") else 129
        times = f"{stamp(message.sent_at)},{stamp(message.done_at)}"
        return f'6,{message.reference},"{message.number}",{kind},{times},{message.status}'
    number = shown(message.number, character_set)
    if isinstance(message, Submit):
        return f'"{number}",{dialect.alpha}'
    return f'"{number}",{dialect.alpha},{stamp(message.sent_at)}'
