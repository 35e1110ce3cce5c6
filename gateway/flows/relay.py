"""Downwards: an envelope from central is judged, kept, and its frames are passed on to the centers unchanged.

Called by the turn for everything on the gateway's own `down` topic. Save, then send, then PUBACK.
"""

from __future__ import annotations

from functools import partial

from gateway.domain import admission
from gateway.domain.delivery import Pending, left_s
from gateway.flows.outbox import Outbox
from gateway.flows.state import Later, State
from gateway.ports import UPLINK, Clock, Local, Log, Received, Store, StoredCommand
from protocol.hmac import Mac
from protocol.hop import read_receipt
from protocol.messages import COMMAND, CONFIRM, KIND_RECEIPT, TIME
from protocol.release import BLOCK, OFFER
from protocol.replay import NEW, Window
from protocol.words import AUTHORITY_NAMES

_WHAT = {TIME.kind: "time", CONFIRM.kind: "confirmation", OFFER.kind: "offer"}


class Relay:
    """`key` is the hop key from central."""

    def __init__(
        self, state: State, store: Store, local: Local, outbox: Outbox, clock: Clock, key: Mac, log: Log
    ) -> None:
        self._state = state
        self._store = store
        self._local = local
        self._outbox = outbox
        self._clock = clock
        self._key = key
        self._log = log

    def down(self, message: Received, later: Later) -> None:
        """One envelope, inside a transaction."""
        window = self._store.window()
        opened = admission.envelope(self._key, self._state.gateway, window, message.payload, message.retained)
        if opened.verdict == admission.REFUSED:
            self._state.tally(UPLINK, "central", opened.reason, sequence=opened.sequence)
            later(message.acknowledge)
            return
        later(self._heard)
        new = opened.verdict == NEW
        for frame in opened.frames:
            self._frame(frame, new, opened.sequence, later)
        if new:
            window.accept(opened.sequence)
            self._store.keep_window(window)
        later(message.acknowledge)

    def down_unsaved(self, message: Received) -> None:
        """The disk refuses: pass the sealed frames on all the same, and remember nothing of it.

        A center tells a repeat from a new command by itself; a siren must not wait for a memory card.
        """
        # The store may be unable even to tell the window; a fresh one only stands for the order, not for the seal.
        opened = admission.envelope(self._key, self._state.gateway, Window(), message.payload, message.retained)
        later = Later()
        for frame in opened.frames:
            self._frame(frame, False, opened.sequence, later)
        for action in later.take():
            action()

    def resume(self) -> None:
        """After a start: the commands kept on disk wait for their centers again."""
        now = self._clock.monotonic()
        for kept in self._store.commands():
            pending = self._pending(kept.frame, now)
            self._state.delivery.keep(pending)
            self._log.info("command_resumed", **_ids(pending))
        self._state.delivery.hurry(now)

    def pass_on(self, pending: Pending) -> None:
        """Hand a kept command to the local broker."""
        now = self._clock.monotonic()
        passed = self._local.publish(pending.center, pending.frame, pending.expiry_s(now))
        self._log.info("command_passed_on", handed_over=passed, **_ids(pending))

    def _frame(self, frame: bytes, new: bool, sequence: int, later: Later) -> None:
        now = self._clock.now() if self._clock.trusted() else None
        passage = admission.downward(frame, self._state.mine, now)
        if not passage.passes:
            self._log.warning(
                "frame_refused",
                incident=str(passage.incident),
                center=passage.center,
                kind=passage.kind,
                reason=passage.reason,
                envelope=sequence,
            )
            self._state.tally(UPLINK, "central", passage.reason, center=passage.center)
        elif passage.kind == KIND_RECEIPT:
            if new:
                self._outbox.settle(read_receipt(frame), later)
        elif passage.kind == COMMAND.kind:
            self._command(frame, new, passage.reason, sequence, later)
        else:
            # Whoever waits for one of these asks again, so none is kept: time, confirmation, offer, block of a program.
            if passage.kind != BLOCK.kind:
                what = _WHAT[passage.kind]
                self._log.info(f"{what}_passed_on", center=passage.center, authority=AUTHORITY_NAMES[passage.authority])
            later(partial(self._local.publish, passage.center, frame, None))

    def _command(self, frame: bytes, new: bool, reason: str, sequence: int, later: Later) -> None:
        message = COMMAND.peek(frame)
        pending = self._pending(frame, self._clock.monotonic())
        self._log.info("command_admitted", reason=reason, new=new, envelope=sequence, **_ids(pending))
        if new:
            self._store.keep_command(
                StoredCommand(
                    message.center,
                    message.authority,
                    message.counter,
                    message.incident,
                    message.issued,
                    message.ttl,
                    frame,
                )
            )
            later(partial(self._state.delivery.keep, pending))
        later(partial(self.pass_on, pending))

    def _pending(self, frame: bytes, monotonic: float) -> Pending:
        message = COMMAND.peek(frame)
        now = self._clock.now() if self._clock.trusted() else None
        left = left_s(message.issued, message.ttl, now)
        return Pending(
            message.center, message.authority, message.counter, message.incident, frame, monotonic, left, monotonic
        )

    def _heard(self) -> None:
        self._state.central_heard_at = self._clock.monotonic()


def _ids(pending: Pending) -> dict[str, object]:
    return {
        "incident": str(pending.incident),
        "center": pending.center,
        "authority": AUTHORITY_NAMES[pending.authority],
        "counter": pending.counter,
    }
