"""Upwards, center by center: acks to the outbox, hellos answered or passed up, heartbeats kept, presence told.

Called by the turn for everything that centers publish on the local broker. Only a seal that verified counts as life.
"""

from __future__ import annotations

from functools import partial

from gateway.domain import admission
from gateway.domain.admission import Passage
from gateway.domain.presence import Change
from gateway.flows.autonomy import Autonomy
from gateway.flows.cache import Cache
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.state import Later, State
from gateway.flows.upward import Upward
from gateway.ports import LOCAL as LOCAL_SIDE
from gateway.ports import CenterMemory, Clock, Local, Log, Received, Sms, Store
from protocol import hop, report
from protocol.codes import CENTRAL, LOCAL, status_name
from protocol.errors import BadTag
from protocol.hmac import Mac
from protocol.messages import ACK, BEAT, FETCH, HELLO, KIND_REPORT, TIME, Beat, Hello, Time
from protocol.topics import parse
from protocol.words import AUTHORITY_NAMES

# A hello can be answered for a minute (docs/protocol.md); a report is worth sending for as long as it is the latest.
HELLO_LIFE_S = 55.0
HELLO_BY_SMS_S = 20.0


class Centers:
    """The centers of this gateway as they speak."""

    def __init__(
        self,
        state: State,
        store: Store,
        local: Local,
        outbox: Outbox,
        passing: Passing,
        autonomy: Autonomy,
        upward: Upward,
        cache: Cache,
        sms: Sms | None,
        clock: Clock,
        log: Log,
    ) -> None:
        self._state = state
        self._store = store
        self._local = local
        self._outbox = outbox
        self._passing = passing
        self._autonomy = autonomy
        self._upward = upward
        self._cache = cache
        self._sms = sms
        self._clock = clock
        self._log = log

    def up(self, name: str, message: Received, later: Later) -> None:
        """One frame of the center `name`, inside a transaction; raises NoRoom when an ack must wait."""
        passage = admission.upward(name, message.payload, self._state.mine, message.retained)
        if not passage.passes:
            self._state.tally(LOCAL_SIDE, name, passage.reason)
            later(message.acknowledge)
            return
        try:
            self._by_kind(passage, message.payload, later)
        except BadTag as error:
            self._state.tally(LOCAL_SIDE, name, str(error))
        later(message.acknowledge)

    def link(self, center: int, greeting: bool, later: Later) -> None:
        """A greeting hurries what waits for the center; a last will shortens the wait for its next sign of life."""
        now = self._clock.monotonic()
        if center not in self._state.mine:
            return
        if greeting:
            later(partial(self._state.delivery.hurry, now, center))
        else:
            later(partial(self._state.presence.hinted, center, now))

    def tell(self, changes: list[Change]) -> None:
        """Say changes of presence to central at once; it is told again with everything else when the uplink returns."""
        for change in changes:
            say = self._log.info if change.up else self._log.warning
            say("presence", center=change.center, up=change.up, silent_s=change.since_s, reason=change.reason)
        self._upward.send([hop.presence(hop.Presence(c.center, int(c.up), c.since_s)) for c in changes])

    def hand_up(self) -> None:
        """Give central the hellos of this moment, and what could not be handed over while it was spoken; a hello also by SMS
        while MQTT is away."""
        now, waiting = self._clock.monotonic(), self._state.volatile
        for key, (said_at, frame) in list(waiting.items()):
            late = key[1] == HELLO.kind and now - said_at > HELLO_LIFE_S
            if late or (key[1] != HELLO.kind and self._upward.send_alone(frame)):
                waiting.pop(key)
        hellos = {key: entry for key, entry in waiting.items() if key[1] == HELLO.kind}
        # A center says two at once, a street that has its mains back many: they share an envelope. Unanswered, they are said again.
        if hellos and self._upward.send([frame for _, frame in hellos.values()], sure=False):
            for center, _, authority in hellos:
                self._log.info("hello_passed_up", center=center, authority=AUTHORITY_NAMES[authority])
            sent = list(hellos)
        else:
            sent = [key for key, (said_at, frame) in hellos.items() if self._hello_by_sms(key, frame, said_at, now)]
        for key in sent:
            waiting.pop(key)

    def unsaved(self, message: Received) -> None:
        """The disk refuses: a press that a center tells sounds its group all the same."""
        passage = admission.upward(parse(message.topic)[0], message.payload, self._state.mine, message.retained)
        if not passage.passes or passage.kind != ACK.kind or passage.authority != LOCAL:
            return
        ack = ACK.open(self._pair_up(passage.center), message.payload)
        if ack.counter == 0:
            later = Later()
            self._autonomy.pressed(ack, later, saved=False)
            later.run()

    def _hello_by_sms(self, key: tuple[int, int, int], frame: bytes, said_at: float, now: float) -> bool:
        """Whether a center's hello to central went by SMS: at most one a minute of each center, and none for a drill."""
        center, kind, authority = key
        if self._sms is None or not self._sms.ready or kind != HELLO.kind or authority != CENTRAL:
            return False
        # An answer by SMS takes as long again: one to an older hello would come too late. The center says the next one soon.
        if now - said_at > HELLO_BY_SMS_S or now < self._state.hello_sms_at.get(center, 0.0) or self._sms.room() < 1:
            return False
        self._state.hello_sms_at[center] = now + HELLO_LIFE_S
        self._log.info("hello_passed_up", center=center, authority=AUTHORITY_NAMES[authority], bearer="sms")
        return self._sms.publish(self._upward.seal([frame]))

    def _by_kind(self, passage: Passage, frame: bytes, later: Later) -> None:
        if passage.kind == ACK.kind:
            self._ack(passage, frame, later)
        elif passage.authority == LOCAL and passage.kind == HELLO.kind:
            self._hello(HELLO.open(self._pair_up(passage.center), frame), later)
        elif passage.authority == LOCAL and passage.kind == BEAT.kind:
            self._local_beat(BEAT.open(self._pair_up(passage.center), frame), later)
        elif passage.authority == LOCAL and passage.kind == KIND_REPORT:
            report.open(self._pair_up(passage.center), frame)
            later(partial(self._alive, passage.center))
        elif passage.kind == BEAT.kind:
            # Only central's key can tell whether it is genuine; it travels in the digest and proves nothing here.
            if passage.authority == CENTRAL:
                later(partial(self._beat, passage.center, frame))
        elif passage.kind == FETCH.kind:
            if passage.authority == CENTRAL:
                # Never kept for later: the center asks again for as long as it wants the block.
                later(partial(self._fetch, frame))
        else:
            later(partial(self._volatile, passage, frame))

    def _fetch(self, frame: bytes) -> None:
        if not self._cache.fetched(frame):
            self._upward.send_alone(frame)

    def _local_beat(self, beat: Beat, later: Later) -> None:
        if beat.sequence <= self._state.beat_sequences.get(beat.center, 0):
            self._state.tally(LOCAL_SIDE, str(beat.center), "heartbeat seen before", sequence=beat.sequence)
            return
        self._state.beat_sequences[beat.center] = beat.sequence
        later(partial(self._alive, beat.center))

    def _ack(self, passage: Passage, frame: bytes, later: Later) -> None:
        message = ACK.peek(frame)
        key = (message.center, message.authority, message.counter)
        if passage.authority == LOCAL:
            # Sealed for this gateway: it ends here, and it is a sign of life.
            ACK.open(self._pair_up(passage.center), frame)
            if message.counter == 0:
                self._autonomy.pressed(message, later)
            else:
                self._autonomy.answered(message, later)
            self._log.info(
                "local_ack",
                incident=str(message.incident),
                center=message.center,
                counter=message.counter,
                status=status_name(message.status),
            )
            later(partial(self._alive, passage.center))
        else:
            self._outbox.take(frame, later)
        self._passing.answered(key, later)

    def _hello(self, hello: Hello, later: Later) -> None:
        """Answer with the local time; an older boot than the one known is a replay and gets nothing."""
        known = self._state.memory.get(hello.center) or CenterMemory(0, b"", 0)
        if hello.boot < known.boot or (hello.boot == known.boot and hello.nonce != known.nonce):
            self._state.tally(LOCAL_SIDE, str(hello.center), "hello of an earlier boot", boot=hello.boot)
            return
        counter = max(known.counter, hello.local)
        memory = CenterMemory(hello.boot, hello.nonce, counter)
        if memory != known:
            self._store.keep_center(hello.center, memory)
            self._state.memory[hello.center] = memory
        if hello.boot != known.boot:
            # What was sealed for the boot before is dead.
            self._autonomy.renew(hello.center, later)
        later(partial(self._alive, hello.center))
        later(partial(self._state.delivery.hurry, self._clock.monotonic(), hello.center))
        if not self._clock.sane():
            self._state.faults["clock"] = "the clock cannot be right; local time is not given to centers"
            self._log.warning("hello_unanswered", center=hello.center, reason="this gateway's clock cannot be right")
            return
        self._state.faults.pop("clock", None)
        later(partial(self._answer, hello, counter))

    def _answer(self, hello: Hello, floor: int) -> None:
        keys = self._state.mine[hello.center]
        answer = Time(LOCAL, keys.epoch, hello.center, *self._clock.stamp(), floor, hello.request)
        passed = self._local.publish(hello.center, TIME.seal(keys.pair.down, answer, hello.nonce), None)
        self._log.info("hello_answered", center=hello.center, boot=hello.boot, floor=floor, handed_over=passed)

    def _volatile(self, passage: Passage, frame: bytes) -> None:
        now = self._clock.monotonic()
        if passage.kind == KIND_REPORT:
            if not self._state.reports.worth(passage.center, report.peek(frame)[1], now):
                return
            passed = self._upward.send_alone(frame)
            self._log.info("report_passed_up" if passed else "report_waits_for_uplink", center=passage.center)
            if passed:
                return
        self._state.volatile[passage.center, passage.kind, passage.authority] = (now, frame)

    def _beat(self, center: int, frame: bytes) -> None:
        self._state.beats[center] = (self._clock.monotonic(), frame)

    def _alive(self, center: int) -> None:
        change = self._state.presence.heard(center, self._clock.monotonic())
        if change is not None:
            self.tell([change])

    def _pair_up(self, center: int) -> Mac:
        return self._state.mine[center].pair.up
