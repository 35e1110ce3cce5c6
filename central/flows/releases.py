"""New programs for centers: offers to those that a release is meant for, and its blocks to those that fetch them.

It decides nothing about a release: who added it verified it, and the center believes its signature alone.
"""

from __future__ import annotations

import structlog

from central.domain.command import CenterState
from central.domain.errors import CentralError
from central.domain.rate import Rate
from central.domain.release import Sent, asked_for, chosen, due, program_of
from central.flows.dispatch import Envelope, Sealer
from central.ports import Broker, Clock, Images, Keys, Places, Store, Unit
from protocol import gateway as pieces
from protocol.codes import CENTRAL
from protocol.errors import ProtocolError
from protocol.messages import FETCH, Fetch
from protocol.release import BLOCK_SIZE
from protocol.report import Report
from protocol.topics import center_name, gateway_name

_log = structlog.get_logger()

# A center asks for one block after the other; whoever repeats what it asked gets no more than this.
FETCHES_PER_S = 50.0
# All centers are looked at once a minute, or when an offer was made or withdrawn; so many in one round.
LOOK_S = 60.0
_BATCH = 100


class Releases:
    """`once` is called every two seconds by the wiring. What was offered when is forgotten with the process, and said again."""

    def __init__(
        self, store: Store, broker: Broker, clock: Clock, keys: Keys, places: Places, sealer: Sealer, images: Images
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._keys = keys
        self._places = places
        self._sealer = sealer
        self._images = images
        self._rate, self._wants = Rate(FETCHES_PER_S), Rate(FETCHES_PER_S)
        self._sent: dict[int, Sent] = {}
        self._state: tuple[int, float] | None = None
        self._looked = 0.0
        self._waiting: list[int] = []

    async def once(self) -> None:
        """One round of offers; raises StoreUnavailable."""
        now = self._clock.now()
        self._send(await self._store.write(lambda unit: self.save(unit, now)))

    def save(self, unit: Unit, now: float) -> list[Envelope]:
        """The offers that are due, inside one transaction."""
        state = unit.offers_state()
        if state != self._state or (not self._waiting and now - self._looked >= LOOK_S):
            self._state, self._looked = state, now
            self._waiting = unit.offered_centers()
        some, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        frames = []
        for number in some:
            center = unit.center(number)
            if center is not None:
                frames.append((center.gateway, self.offer(unit, center, now)))
        return self._sealer.envelopes(unit, frames)

    def offer(self, unit: Unit, center: CenterState, now: float, *, greeted: bool = False) -> bytes:
        """The sealed offer for a center, when one is due; always due when it has just said hello. Else nothing."""
        sent = self._sent.get(center.number)
        offer = chosen(unit.offers_of(center.number, center.group), unit.program(center.number), sent, now)
        if offer is None or not (greeted or due(offer, sent, now)):
            return b""
        frame = self._sealer.offer(center, offer.release.manifest)
        if frame:
            # Should the commit fail, the center's next hello, or the next hour, brings it again.
            self._sent[center.number] = Sent(offer.release.sequence, offer.release.board, now)
            _log.info("release offered", center=center_name(center.number), release=offer.release.sequence,
                      version=offer.release.version)  # fmt: skip
        return frame

    async def reported(self, report: Report) -> None:
        """Keep what a verified report says of its center's program; raises StoreUnavailable."""
        program = program_of(report.body, report.sequence, self._clock.now())
        await self._store.write(lambda unit: unit.keep_program(report.center, program))

    async def fetch(self, gateway: int, frame: bytes) -> None:
        """A center asks for a block; raises ProtocolError, KeyError, StoreUnavailable."""
        now = self._clock.now()
        claimed = FETCH.peek(frame)
        if claimed.authority != CENTRAL:
            raise ProtocolError(f"a fetch for authority {claimed.authority}")
        if self._places.center_gateway(claimed.center) != gateway:
            raise ProtocolError(f"{center_name(claimed.center)} does not hang on this gateway")
        asked = FETCH.open(self._keys.center(claimed.center, CENTRAL).up, frame)
        if not self._rate.take(asked.center, now):
            raise ProtocolError(f"{center_name(asked.center)} fetches too often")
        self._send(await self._store.write(lambda unit: self._block(unit, asked)))

    def _block(self, unit: Unit, asked: Fetch) -> list[Envelope]:
        """The envelope with the block; none for a release that is not meant for this center (any more)."""
        center = unit.center(asked.center)
        if center is None:
            return []
        sent = self._sent.get(center.number)
        offers = unit.offers_of(center.number, center.group)
        release = asked_for(offers, unit.program(center.number), sent, asked.release)
        if release is None or asked.offset % BLOCK_SIZE or asked.offset >= release.size:
            _log.info("fetch not answered", center=center_name(center.number), release=asked.release,
                      offset=asked.offset)  # fmt: skip
            return []
        try:
            octets = self._images.image(release)[asked.offset : asked.offset + BLOCK_SIZE]
        except CentralError as error:
            _log.error("release cannot be sent", release=release.sequence, reason=str(error))
            return []
        frame = self._sealer.block(center, release.sequence, asked.offset, octets)
        return self._sealer.envelopes(unit, [(center.gateway, frame)])

    async def wanted(self, gateway: int, frame: bytes) -> None:
        """A gateway asks for a piece of an image, for all its centers; raises ProtocolError, StoreUnavailable."""
        want = pieces.read_want(frame)
        if not self._wants.take(gateway, self._clock.now()):
            raise ProtocolError(f"{gateway_name(gateway)} wants too much")
        self._send(await self._store.write(lambda unit: self._piece(unit, gateway, want)))

    def _piece(self, unit: Unit, gateway: int, want: pieces.Want) -> list[Envelope]:
        """The envelope with the piece, empty at the image's end; none for a release that is meant for nobody (any more)."""
        release = unit.offered(want.image)
        if release is None or want.offset > release.size:
            _log.info("want not answered", gateway=gateway_name(gateway), offset=want.offset)
            return []
        try:
            octets = self._images.image(release)[want.offset : want.offset + pieces.PIECE_SIZE]
        except CentralError as error:
            _log.error("release cannot be sent", release=release.sequence, reason=str(error))
            return []
        piece = pieces.piece(pieces.Piece(want.image, want.offset, octets))
        return self._sealer.envelopes(unit, [(gateway, piece)])

    def _send(self, envelopes: list[Envelope]) -> None:
        for gateway, octets in envelopes:
            self._broker.send(gateway, octets)
