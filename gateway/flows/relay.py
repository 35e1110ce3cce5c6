"""Downwards: an envelope from central is judged, kept, and its frames are passed on to the centers unchanged.

Called by the turn for everything that comes from central, by whichever bearer. Save, then send, then PUBACK.
"""

from __future__ import annotations

from functools import partial

from gateway.domain import admission
from gateway.flows.autonomy import Autonomy
from gateway.flows.cache import Cache
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.remote import Remote
from gateway.flows.state import Later, State
from gateway.ports import UPLINK, Clock, Local, Log, Received, Store
from protocol import gateway
from protocol.codes import BEARER_SMS
from protocol.hmac import Mac
from protocol.hop import read_receipt
from protocol.messages import COMMAND, CONFIRM, KIND_GATEWAY, KIND_RECEIPT, TIME
from protocol.release import BLOCK, OFFER
from protocol.replay import NEW, Window
from protocol.words import AUTHORITY_NAMES

_WHAT = {TIME.kind: "time", CONFIRM.kind: "confirmation", OFFER.kind: "offer"}


class Relay:
    """`key` is the hop key from central."""

    def __init__(
        self,
        state: State,
        store: Store,
        local: Local,
        outbox: Outbox,
        passing: Passing,
        autonomy: Autonomy,
        remote: Remote,
        cache: Cache,
        clock: Clock,
        key: Mac,
        log: Log,
    ) -> None:
        self._state = state
        self._store = store
        self._local = local
        self._outbox = outbox
        self._passing = passing
        self._autonomy = autonomy
        self._remote = remote
        self._cache = cache
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
        new = opened.verdict == NEW
        if new:
            # A recording of what central once said proves nothing about now.
            later(partial(self._heard, message.bearer))
        for frame in opened.frames:
            self._frame(frame, new, True, opened.sequence, message.bearer, later)
        if new:
            window.accept(opened.sequence)
            self._store.keep_window(window)
        later(message.acknowledge)

    def down_unsaved(self, message: Received) -> None:
        """The disk refuses: pass the sealed frames on all the same, and stop what is to be stopped; memory alone has it.

        A center tells a repeat from a new command by itself; a siren must not wait for a memory card.
        """
        # The store may be unable even to tell the window; a fresh one only stands for the order, not for the seal.
        opened = admission.envelope(self._key, self._state.gateway, Window(), message.payload, message.retained)
        later = Later()
        for frame in opened.frames:
            self._frame(frame, True, False, opened.sequence, message.bearer, later)
        later.run()

    def _frame(self, frame: bytes, new: bool, saved: bool, sequence: int, bearer: int, later: Later) -> None:
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
            if new and saved:
                self._outbox.settle(read_receipt(frame), bearer, later)
        elif passage.kind == COMMAND.kind:
            message = COMMAND.peek(frame)
            self._log.info(
                "command_admitted",
                incident=str(message.incident),
                center=message.center,
                authority=AUTHORITY_NAMES[message.authority],
                counter=message.counter,
                reason=passage.reason,
                new=new,
                envelope=sequence,
                bearer="sms" if bearer == BEARER_SMS else "mqtt",
            )
            self._passing.take(frame, new, later, saved)
        elif passage.kind == KIND_GATEWAY:
            self._for_me(frame, new, saved, bearer, later)
        else:
            # Whoever waits for one of these asks again, so none is kept: time, confirmation, offer, block of a program.
            if passage.kind != BLOCK.kind:
                what = _WHAT[passage.kind]
                self._log.info(f"{what}_passed_on", center=passage.center, authority=AUTHORITY_NAMES[passage.authority])
            later(partial(self._local.publish, passage.center, frame, None))
            if passage.kind == OFFER.kind:
                later(partial(self._cache.offered, frame))

    def _for_me(self, frame: bytes, new: bool, saved: bool, bearer: int, later: Later) -> None:
        """What this gateway itself is told, once."""
        if not new:
            return
        about = gateway.about(frame)
        if about == gateway.STOP_GROUP:
            self._autonomy.stop(gateway.read_stop_group(frame), later, saved)
        elif about == gateway.PIECE:
            later(partial(self._cache.piece, frame))
        elif about == gateway.ASK:
            later(self._asked)
        else:
            self._remote.told(gateway.read_document(gateway.SETTINGS, frame), bearer, later)

    def _asked(self) -> None:
        self._state.asked = True

    def _heard(self, bearer: int) -> None:
        if bearer == BEARER_SMS:
            self._state.sms_heard_at = self._clock.monotonic()
        else:
            self._state.proof.heard(self._clock.monotonic())
        self._remote.heard(bearer)
