"""Upward envelopes: hellos, reports, presence and digests under the hop key, each with a number never used before.

Called by the flows. Nothing in them is kept: what is lost is said again by whoever said it.
"""

from __future__ import annotations

from gateway.errors import StoreUnavailable
from gateway.flows.state import State
from gateway.ports import Clock, Log, Store, Uplink
from protocol import hop
from protocol.hmac import Mac
from protocol.messages import ACK, Ack

# Numbers are reserved on disk in blocks: one small write for a thousand envelopes, and a restart skips the rest.
BLOCK = 1000
_ROOM = hop.MAX_SIZE - 200


class Upward:
    """`key` is the hop key towards central."""

    def __init__(self, state: State, store: Store, uplink: Uplink, key: Mac, clock: Clock, log: Log) -> None:
        self._state = state
        self._store = store
        self._uplink = uplink
        self._key = key
        self._clock = clock
        self._log = log
        self._last = 0
        self._reserved = 0

    def resume(self) -> None:
        """After a start: go on above everything that may have been used."""
        self._last = self._reserved = self._store.upward_reserved()
        self.reserve()

    def reserve(self, again: bool = False) -> None:
        """Reserve the next block well before this one ends, so that a full disk stops nothing for a while.

        `again` writes in any case; raises StoreUnavailable.
        """
        if self._reserved - self._last > BLOCK // 2 and not again:
            return
        with self._store.transaction():
            self._store.reserve_upward(self._last + BLOCK)
        self._reserved = self._last + BLOCK

    def send(self, frames: list[bytes], sure: bool = True) -> bool:
        """All of these, in as few envelopes as fit; one of variable size goes alone. False when any was not handed over."""
        sent = True
        group: list[bytes] = []
        size = 0
        for frame in frames:
            if group and size + len(frame) > _ROOM:
                sent = self._envelope(group, sure) and sent
                group, size = [], 0
            group.append(frame)
            size += len(frame)
        return (self._envelope(group, sure) if group else True) and sent

    def send_alone(self, frame: bytes) -> bool:
        """One frame of variable size in an envelope of its own."""
        return self._envelope([frame])

    def sign(self) -> bool:
        """A sign of life. It is said again until it is answered, so the broker need not confirm it."""
        return self._envelope([], sure=False)

    def seal(self, frames: list[bytes]) -> bytes:
        """One envelope under the next number, for whichever bearer; raises StoreUnavailable."""
        if self._last >= self._reserved:
            raise StoreUnavailable("no upward numbers are reserved; the disk has refused for long")
        self._last += 1
        return hop.seal(self._key, self._state.gateway, self._last, frames)

    def seal_event(self, event: Ack) -> bytes:
        """An ack in which this gateway speaks of itself."""
        return ACK.seal(self._key, event)

    def _envelope(self, frames: list[bytes], sure: bool = True) -> bool:
        if not self._uplink.connected or not self._uplink.publish(self.seal(frames), sure):
            return False
        self._state.proof.said(self._clock.monotonic())
        return True
