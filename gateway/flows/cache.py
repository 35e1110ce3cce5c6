"""A release's image comes over the WAN once: pieces from central, verified whole, and its blocks to each center that fetches.

Called by the relay (offers and pieces down), by the centers' flow (fetches up) and by the rounds. Blocks are sealed with the
local keys; whether a center installs what they make is the signed digest's word (docs/decisions/0016-firmware-cache.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.errors import StoreUnavailable
from gateway.flows.state import State
from gateway.flows.upward import Upward
from gateway.ports import Clock, Images, Local, Log
from protocol import gateway
from protocol.codes import LOCAL
from protocol.manifest import Manifest
from protocol.messages import FETCH, Fetch
from protocol.release import BLOCK, BLOCK_SIZE, OFFER

# Central is asked again for what does not come, more and more rarely.
AGAIN_S = (5.0, 60.0)
# A central that is there and does not answer for this long knows no pieces, or means the release for nobody any more.
PATIENCE_S = 60.0
# So long an image is given out after central said that it is offered; it is asked again in time while centers fetch.
LEASE_S = 600.0
_RENEW_S = 300.0
# Then a center's fetches go to central: its program may take no blocks of a gateway's.
_UNHEARD = 2
_SPOILED = 2


@dataclass
class _Job:
    """One image on its way, or here; times are monotonic seconds."""

    manifest: Manifest
    leased_until: float = 0.0
    # When it was asked for first without an answer, and when it is asked for again.
    asked_at: float | None = None
    again_at: float = 0.0
    pause_s: float = AGAIN_S[0]
    spoiled: int = 0
    given_up: bool = False
    # What each center was given last, and how often: (offset, times).
    given: dict[int, tuple[int, int]] = field(default_factory=dict)


class Cache:
    """What it does not answer is passed on to central, as if there were no cache."""

    def __init__(self, state: State, images: Images, local: Local, upward: Upward, clock: Clock, log: Log) -> None:
        self._state = state
        self._images = images
        self._local = local
        self._upward = upward
        self._clock = clock
        self._log = log
        self._jobs: dict[bytes, _Job] = {}
        self._meant: dict[int, Manifest] = {}

    def offered(self, frame: bytes) -> None:
        """Central's offer to a center passes; raises StoreUnavailable."""
        head, octets = OFFER.peek(frame)
        manifest = self._images.learn(octets)
        if manifest is not None:
            self._meant[head.center] = manifest
            # Central may have learned to answer since.
            self._job(manifest).given_up = self._job(manifest).spoiled >= _SPOILED

    def fetched(self, frame: bytes) -> bool:
        """Whether a center's fetch is answered from here, now or as soon as the image is; else central shall answer it."""
        asked = FETCH.peek(frame)
        manifest = self._manifest(asked)
        memory = self._state.memory.get(asked.center)
        if manifest is None or memory is None or asked.offset % BLOCK_SIZE or asked.offset >= manifest.size:
            return False
        job, now = self._job(manifest), self._clock.monotonic()
        if job.given_up or job.given.get(asked.center, (0, 0))[1] > _UNHEARD:
            return False
        image = self._images.image(manifest)
        if (image is None or now >= job.leased_until - _RENEW_S) and job.asked_at is None:
            job.asked_at, job.pause_s = now, AGAIN_S[0]
            self._ask(job, now)
        if image is not None and now < job.leased_until:
            self._give(job, asked, image, memory.nonce)
        return True

    def piece(self, frame: bytes) -> None:
        """The next octets of an image, or central's word that it is still offered; raises StoreUnavailable."""
        piece, now = gateway.read_piece(frame), self._clock.monotonic()
        job = next((job for job in self._jobs.values() if gateway.image_of(job.manifest.digest) == piece.image), None)
        if job is None or piece.offset != self._images.length(job.manifest):
            return
        whole = piece.offset == job.manifest.size
        if not whole and len(piece.octets) != min(gateway.PIECE_SIZE, job.manifest.size - piece.offset):
            return
        job.leased_until, job.asked_at = now + LEASE_S, None
        if whole:
            return
        if not self._add(job, piece.octets):
            return
        if piece.offset + len(piece.octets) < job.manifest.size:
            job.asked_at, job.pause_s = now, AGAIN_S[0]
            self._ask(job, now)

    def tick(self, now: float) -> None:
        """Ask again for what did not come."""
        heard_at = self._state.proof.heard_at or 0.0
        for job in self._jobs.values():
            if job.asked_at is None:
                continue
            if heard_at - job.asked_at >= PATIENCE_S:
                job.given_up, job.asked_at = True, None
                self._log.warning("image_not_told", release=job.manifest.sequence, board=job.manifest.board)
            elif now >= job.again_at:
                self._ask(job, now)

    def _add(self, job: _Job, octets: bytes) -> bool:
        """Keep a piece; False when the whole turned out not to be the signed one."""
        try:
            good = self._images.add(job.manifest, octets)
        except StoreUnavailable:
            job.given_up = True
            raise
        whole = good and self._images.image(job.manifest) is not None
        if whole:
            self._log.info("image_verified", release=job.manifest.sequence, board=job.manifest.board)
        if not good:
            job.spoiled += 1
            job.given_up = job.spoiled >= _SPOILED
            self._log.error("image_spoiled", release=job.manifest.sequence, board=job.manifest.board)
        return good

    def _ask(self, job: _Job, now: float) -> None:
        job.again_at, job.pause_s = now + job.pause_s, min(2 * job.pause_s, AGAIN_S[1])
        if now < self._state.alarm_until:
            # While something loud goes on, the line is for it, and nobody's patience ends.
            job.asked_at = now
            return
        image, offset = gateway.image_of(job.manifest.digest), self._images.length(job.manifest)
        self._upward.send_alone(gateway.want(gateway.Want(image, offset)))

    def _give(self, job: _Job, asked: Fetch, image: bytes, nonce: bytes) -> None:
        keys = self._state.mine[asked.center]
        head = (LOCAL, keys.epoch, asked.center, asked.release, asked.offset)
        block = BLOCK.seal(keys.pair.down, head, image[asked.offset : asked.offset + BLOCK_SIZE], nonce)
        if self._local.publish(asked.center, block, None):
            offset, times = job.given.get(asked.center, (-1, 0))
            job.given[asked.center] = (asked.offset, times + 1 if offset == asked.offset else 1)

    def _manifest(self, asked: Fetch) -> Manifest | None:
        """The manifest that a center fetches by: what it was offered, or after a start the only one of that release."""
        meant = self._meant.get(asked.center)
        if meant is not None and meant.sequence == asked.release:
            return meant
        known = self._images.known(asked.release)
        return known[0] if len(known) == 1 else None

    def _job(self, manifest: Manifest) -> _Job:
        return self._jobs.setdefault(manifest.digest, _Job(manifest))
