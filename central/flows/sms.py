"""What goes to gateways by SMS now: chosen anew at each round, so that the most urgent goes next whatever waited before.

Called twice a second by the wiring where there is anything to send with. What is sent is noted before it leaves, and may be lost:
commands and stops are sent again until they are answered or over, receipts and times until nobody asks.
"""

from __future__ import annotations

from functools import partial

import structlog

from central.domain.bearer import (
    LOUD,
    QUIET,
    RECEIPT,
    SETTINGS,
    STOP,
    TIME,
    Letter,
    Piece,
    SmsPolicy,
    Unanswered,
    UnprovenStop,
    letters,
)
from central.domain.command import GROUP_STOP_TTL_S
from central.domain.owed import Debt, Greeting, Owed
from central.domain.remote import Wish
from central.flows.dispatch import Sealer
from central.flows.links import Links
from central.flows.remote import settings
from central.ports import Clock, Sms, Store, Unit
from protocol import hop
from protocol.gateway import StopGroup, stop_group
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

# Number, octets (none when they could not be sealed), and what is in them.
Posted = tuple[str, bytes, Letter]


class SmsRounds:
    """`owed` is filled by the flows that take what comes by SMS."""

    def __init__(
        self, store: Store, sms: Sms, clock: Clock, sealer: Sealer, links: Links, owed: Owed, policy: SmsPolicy
    ) -> None:
        self._store = store
        self._sms = sms
        self._clock = clock
        self._sealer = sealer
        self._links = links
        self._owed = owed
        self._policy = policy

    async def once(self) -> None:
        """One round; raises StoreUnavailable."""
        room = self._sms.room()
        if room < 1:
            return
        now = self._clock.now()
        for number, octets, letter in await self._store.write(lambda unit: self.save(unit, now, room)):
            self._paid(letter, now)
            taken = bool(octets) and self._sms.send(number, octets)
            _log.info("sms", gateway=gateway_name(letter.gateway), octets=len(octets), taken=taken,
                      ranks=[piece.rank for piece in letter.pieces])  # fmt: skip

    def save(self, unit: Unit, now: float, room: int) -> list[Posted]:
        """What is due, sealed and noted, inside one transaction: (number, octets, letter) for at most `room` messages."""
        numbers = unit.sms_numbers()
        if not numbers:
            return []
        times = {center: one for center, one in self._owed.times(now).items() if one.gateway in numbers}
        pieces = self._stops(unit, now) + self._commands(unit, times, now)
        pieces += [self._time(unit, one, now) for one in times.values()]
        pieces += self._receipts(unit, numbers, now) + self._settings(unit, numbers, now)
        posted = []
        for letter in letters(pieces, room):
            frames = [(letter.gateway, frame) for piece in letter.pieces for frame in piece.frames]
            sealed = [octets for _, octets in self._sealer.envelopes(unit, frames)]
            # One that could not be sealed counts as sent: it is tried again when its turn comes.
            posted.append((numbers[letter.gateway], sealed[0] if sealed else b"", letter))
            for piece in letter.pieces:
                self._note(unit, piece, now)
        return posted

    def _stops(self, unit: Unit, now: float) -> list[Piece]:
        pieces = []
        for one in unit.unproven_stops(now):
            if one.due(bool(self._links.lost(one.gateway, now)), now, self._policy):
                # Issued at this very moment: the number says that it is the same stop, and the gateway does it once.
                frame = stop_group(StopGroup(one.number, int(now), GROUP_STOP_TTL_S, one.incident, one.group))
                pieces.append(Piece(STOP, one.gateway, one.issued, one.sms_tries, (frame,), one, alone=True))
        return pieces

    def _commands(self, unit: Unit, times: dict[int, Greeting], now: float) -> list[Piece]:
        """Commands that are due; before the first one of a center that said hello stands the time, which it must have first."""
        pieces = []
        for one in unit.unanswered(now):
            greeting = times.get(one.center)
            if one.due(bool(self._links.lost(one.gateway, now)) or greeting is not None, now, self._policy):
                frames = [one.frame]
                if times.pop(one.center, None) is not None and greeting is not None:
                    frames[:0] = self._time(unit, greeting, now).frames
                rank = LOUD if one.loud else QUIET
                pieces.append(Piece(rank, one.gateway, one.issued, one.sms_tries, tuple(frames), one))
        return pieces

    def _time(self, unit: Unit, greeting: Greeting, now: float) -> Piece:
        """TIME as it is now, not as it was when the hello came."""
        frame = self._sealer.time(unit, greeting.hello, now)
        return Piece(TIME, greeting.gateway, greeting.at, 0, (frame,) if frame else (), greeting)

    def _receipts(self, unit: Unit, numbers: dict[int, str], now: float) -> list[Piece]:
        pieces = []
        for gateway, debt in self._owed.receipts(now, self._policy.receipts_s).items():
            if gateway not in numbers or self._links.heard_since(gateway, debt.since):
                # It is back at the broker, and had its receipt there.
                self._owed.paid(gateway, debt)
                continue
            receipt = hop.receipt(hop.Receipt(*unit.receipt(gateway)))
            # Somebody who pressed a button waits to see that it was heard.
            rank = LOUD if debt.pressed else RECEIPT
            pieces.append(Piece(rank, gateway, debt.since, 0, (receipt, *debt.confirms), debt))
        return pieces

    def _settings(self, unit: Unit, numbers: dict[int, str], now: float) -> list[Piece]:
        """Those of a gateway that MQTT has lost: its endpoints may be wrong, all of them."""
        pieces = []
        for wish in unit.wishes():
            frame = settings(wish)
            lost = wish.gateway in numbers and self._links.lost(wish.gateway, now)
            if lost and wish.due_by_sms(now) and len(frame) <= hop.SMS_ROOM:
                pieces.append(Piece(SETTINGS, wish.gateway, wish.made, wish.sms_tries, (frame,), wish, alone=True))
        return pieces

    def _note(self, unit: Unit, piece: Piece, now: float) -> None:
        """Count the sending; the first one stands on the timeline, with its reason."""
        why = self._links.lost(piece.gateway, now) or "no answer yet"
        tell = partial(unit.add_entry, at=now, kind="sms", actor="central")
        if isinstance(piece.of, Unanswered):
            unit.sent_by_sms(piece.of.center, piece.of.authority, piece.of.counter, now)
            if not piece.tries:
                name = center_name(piece.of.center)
                tell(piece.of.incident, text=f"{name} is commanded by SMS too (counter {piece.of.counter}): {why}")
        elif isinstance(piece.of, Wish):
            unit.wish_sent(piece.of, now)
        elif isinstance(piece.of, UnprovenStop):
            unit.stop_sent(piece.of.number, now)
            if not piece.tries:
                tell(piece.of.incident, text=f"{gateway_name(piece.gateway)} is told by SMS to stop its group: {why}")

    def _paid(self, letter: Letter, now: float) -> None:
        """After the commit: what was owed in memory is owed no more."""
        for piece in letter.pieces:
            if isinstance(piece.of, Debt):
                self._owed.paid(letter.gateway, piece.of, now)
            elif isinstance(piece.of, Greeting):
                self._owed.answered(piece.of.hello.center)
            elif isinstance(piece.of, Unanswered) and len(piece.frames) > 1:
                self._owed.answered(piece.of.center)
