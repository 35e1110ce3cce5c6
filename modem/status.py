"""How a modem is: card, registration, operator, technology, signal. Read by `modem.keeper` at each poll.

Values are those of 3GPP TS 27.007; it judges nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modem.at import Channel
from modem.errors import Refused

READY = "READY"
NO_CARD = "SIM NOT INSERTED"
HOME, ROAMING, SEARCHING, DENIED, IDLE, UNSEEN = "home", "roaming", "searching", "denied", "idle", "unknown"

# 7.2 and 10.1.20; 6 and 7 are registrations for short messages alone, which is all that is asked for here.
_REGISTRATIONS = {
    0: IDLE,
    1: HOME,
    2: SEARCHING,
    3: DENIED,
    4: UNSEEN,
    5: ROAMING,
    6: HOME,
    7: ROAMING,
    9: HOME,
    10: ROAMING,
}
_BEST_FIRST = (HOME, ROAMING, SEARCHING, DENIED, IDLE, UNSEEN)
_TECHNOLOGIES = {"0": "2G", "1": "2G", "3": "2G", "2": "3G", "4": "3G", "5": "3G", "6": "3G", "7": "4G"}
_TECHNOLOGIES |= {"8": "2G", "9": "NB-IoT", "10": "4G", "11": "5G", "12": "5G", "13": "5G"}
_CARD_ERRORS = {10: NO_CARD, 11: "SIM PIN", 12: "SIM PUK", 13: "SIM FAILURE", 14: "SIM BUSY", 15: "SIM WRONG"}  # 9.2.1


@dataclass(frozen=True)
class Status:
    """One reading. None is what the modem did not say.

    `card` is the reply to +CPIN? (`READY`, `SIM PIN`, `SIM NOT INSERTED`...). `signal_dbm` is the received strength
    (+CSQ), `reference_dbm` that of LTE's reference signal (+CESQ), some 20 to 30 dB lower for the same reception.
    `context` tells whether the data connection is up.
    """

    card: str
    registration: str
    operator: str | None = None
    technology: str | None = None
    signal_dbm: int | None = None
    reference_dbm: int | None = None
    context: bool | None = None

    @property
    def registered(self) -> bool:
        """Short messages can go and come."""
        return self.registration in (HOME, ROAMING)


def values(lines: list[str]) -> list[str]:
    """The values of the last information line, without quotes; empty without a line."""
    if not lines:
        return []
    cells = re.findall(r'"([^"]*)"|([^,"]+)|(?<=,)(?=,|$)', lines[-1].partition(":")[2].strip())
    return [quoted or plain.strip() for quoted, plain in cells]


def _number(cells: list[str], at: int) -> int | None:
    return int(cells[at]) if at < len(cells) and cells[at].isdecimal() else None


def signal_dbm(lines: list[str]) -> int | None:
    """The strength in the reply to +CSQ (8.5); SIMCom continues the scale from 100 for TD-SCDMA."""
    level = _number(values(lines), 0)
    if level is None or level in (99, 199) or level > 199:
        return None
    return 2 * level - 113 if level < 100 else level - 216


def reference_dbm(lines: list[str]) -> int | None:
    """The RSRP in the reply to +CESQ (8.69), the lower end of its step."""
    level = _number(values(lines), 5)
    return None if level is None or level > 97 else level - 141


def registration(lines: list[str]) -> str:
    """The state in the reply to +CREG? or +CEREG?."""
    state = _number(values(lines), 1)
    return UNSEEN if state is None else _REGISTRATIONS.get(state, UNSEEN)


def operator(lines: list[str]) -> tuple[str | None, str | None]:
    """Name (or code) and technology in the reply to +COPS? (7.3)."""
    cells = values(lines)
    name = cells[2] if len(cells) > 2 else None
    return name or None, _TECHNOLOGIES.get(cells[3]) if len(cells) > 3 else None


def context(lines: list[str]) -> bool | None:
    """Whether the first context is active in the reply to +CGACT? (10.1.10); None for a reply without contexts."""
    return None if not lines else any(values([line])[:2] == ["1", "1"] for line in lines)


async def read_card(channel: Channel) -> str:
    """What +CPIN? says; a card that is missing is an answer too, not an error."""
    try:
        return ",".join(values(await channel.command("+CPIN?"))) or "SIM BUSY"
    except Refused as refusal:
        return _CARD_ERRORS.get(refusal.code or 0, refusal.text)


async def _asked(channel: Channel, text: str) -> list[str]:
    try:
        return await channel.command(text)
    except Refused:  # a modem without this command, or without a network, has nothing to say
        return []


async def read(channel: Channel, with_context: bool = False) -> Status:
    """One reading; Unavailable when the modem does not answer.

    A message goes by the circuit or by the packet side, so the better registration of the two counts.
    """
    card = await read_card(channel)
    registrations = [registration(await _asked(channel, text)) for text in ("+CREG?", "+CEREG?")]
    name, technology = operator(await _asked(channel, "+COPS?"))
    return Status(
        card,
        min(registrations, key=_BEST_FIRST.index),
        name,
        technology,
        signal_dbm(await _asked(channel, "+CSQ")),
        reference_dbm(await _asked(channel, "+CESQ")),
        context(await _asked(channel, "+CGACT?")) if with_context else None,
    )
