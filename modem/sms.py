"""Short messages over a channel: sends, and empties the storages of what came (3GPP TS 27.005).

`modem.keeper` makes one for each start of the modem. A message is deleted only after its taker said that it is
stored durably, so one may be given twice and none is lost. It joins no parts and divides nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable

from modem.at import Channel, Unsolicited
from modem.errors import Refused, Unavailable, Unknown
from modem.pdu import Deliver, StatusReport, Submit, decode_incoming, encode_submit
from modem.status import values

Taker = Callable[[Deliver], Awaitable[bool]]
"""True: stored durably, delete it. False, or an exception: keep it and offer it again."""

LIST_S = 20.0  # a full card is slow (SIMCom's and Quectel's manuals)
# +CME (TS 27.007 9.2) and +CMS (TS 27.005 3.2.5) codes of a moment, not of the message: card busy, no network, congestion...
_LATER = {"+CME": {14, 30, 100, 515}, "+CMS": {17, 22, 38, 41, 42, 47, 302, 314, 331, 500, 512, 515}}
_NETWORK_TIMEOUT = {"+CME": {31}, "+CMS": {332}}  # it was handed to the network, which said nothing
_LISTED = re.compile(r"\+CMGL: *(\d+), *(\d+), *[^,]*, *(\d+)")


def whole(pdu: str, length: str) -> bool:
    """Whether a PDU has the octets that its header announces, beside the message center's address."""
    octets = bytes.fromhex(pdu)
    return len(octets) - 1 - octets[0] == int(length)


class Sms:
    """`taken` gets each message, `reported` each status report."""

    def __init__(self, channel: Channel, taken: Taker, reported: Callable[[StatusReport], None]) -> None:
        self._channel = channel
        self._taken = taken
        self._reported = reported
        self._storages: list[str] = []
        self._unread: dict[str, set[tuple[str, str]]] = {}
        self.full = False
        self.unreadable = 0

    async def setup(self) -> None:
        """PDU mode, storages, and a word for each message that comes; Refused while the card is not ready."""
        await self._channel.command("+CMGF=0")
        # The modem's own memory first: it stays when the card is changed. SR holds status reports in many modems.
        self._storages = [storage for storage in ("ME", "SM", "SR") if await self._has(storage)]
        if not {"ME", "SM"} & set(self._storages):
            raise Refused(None, "no storage for messages")
        await self._channel.command("+CPMS=" + ",".join([f'"{self._storages[0]}"'] * 3))
        for setting in ("+CNMI=2,1,0,2,0", "+CNMI=2,1,0,1,0", "+CNMI=2,1,0,0,0"):
            try:
                await self._channel.command(setting)
                return
            except Refused:  # without any, sweeping still finds everything
                continue

    async def send(self, number: str, payload: bytes | str, validity_s: int | None, report: bool = False) -> int:
        """The reference that the network gave. ValueError for a message that cannot be written.

        Unavailable when it surely did not go and may go later, Refused when the network or the card does not want
        it, Unknown when nobody knows.
        """
        [(pdu, length)] = encode_submit(Submit(number, payload, validity_s, report))
        try:
            lines = await self._channel.prompted(f"+CMGS={length}", pdu)
        except Refused as refusal:
            kind = refusal.text[:4]
            if refusal.code in _NETWORK_TIMEOUT.get(kind, ()):
                raise Unknown(f"the network did not say whether it took the message: {refusal.text}") from refusal
            if refusal.code in _LATER.get(kind, ()):
                raise Unavailable(f"the network takes no message now: {refusal.text}") from refusal
            raise
        reference = values(lines)[:1]
        if not reference or not reference[0].isdecimal():
            raise Unknown("the modem said OK without the network's reference")
        return int(reference[0])

    async def sweep(self) -> None:
        """Give and delete everything that is stored; Unavailable or Refused as the modem answers."""
        self.full = False
        for storage in self._storages:
            counts = values(await self._channel.command(f'+CPMS="{storage}"'))[:2]
            if len(counts) < 2 or not all(count.isdecimal() for count in counts):
                raise Unavailable("the modem did not say how many messages it holds")
            used, places = (int(count) for count in counts)
            self.full |= 0 < places <= used
            if used:
                await self._empty(storage)

    async def direct(self, said: Unsolicited) -> None:
        """A message or report that the modem gave at once, without storing it; one not taken now is lost."""
        length = said.value.rpartition(",")[2].strip()
        if length.isdecimal() and whole(said.pdu, length):
            await self._give(said.pdu)

    async def _has(self, storage: str) -> bool:
        try:
            return bool(await self._channel.command(f'+CPMS="{storage}"'))
        except Refused:
            return False

    async def _empty(self, storage: str) -> None:
        lines = await self._channel.command("+CMGL=4", LIST_S, pdu=True)
        before, unread = self._unread.get(storage, set()), set()
        for header, pdu in itertools.pairwise(lines):
            listed = _LISTED.fullmatch(header)
            if not listed or ":" in pdu:
                continue
            index, state, length = listed.groups()
            done = await self._give(pdu) if state in "01" and whole(pdu, length) else None
            # What cannot be read may have been damaged on the line: it goes only if it is the same when read again.
            if done is None and (index, pdu) not in before:
                unread.add((index, pdu))
            elif done is not False:
                self.unreadable += done is None
                await self._channel.command(f"+CMGD={index}")
        self._unread[storage] = unread

    async def _give(self, pdu: str) -> bool | None:
        """Whether it was taken; None for what cannot be read."""
        try:
            message = decode_incoming(pdu)
        except ValueError:
            return None
        if isinstance(message, StatusReport):
            self._reported(message)
            return True
        return await self._taken(message)
