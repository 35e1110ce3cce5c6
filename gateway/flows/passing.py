"""Commands on their way to centers: kept on disk, handed to the local broker, passed on again, forgotten at ack or expiry.

Called by the relay (central's commands) and by autonomy (the gateway's own). It looks at no authority.
"""

from __future__ import annotations

from functools import partial

from gateway.domain.delivery import Key, Pending, age_s, command_id, left_s
from gateway.domain.priority import COMMAND as ORDER
from gateway.domain.priority import STOP
from gateway.flows.state import Later, State
from gateway.ports import Clock, Local, Log, Store, Stored
from protocol import codes
from protocol.messages import COMMAND
from protocol.words import AUTHORITY_NAMES

# What a duration of 0 means to a center.
DEFAULT_S = 30
# Central never has so many under way to one gateway; beyond it a command is passed on and not kept.
MAX_KEPT = 2000


class Passing:
    """What waits is in `state.delivery`, and on disk under the same key."""

    def __init__(self, state: State, store: Store, local: Local, clock: Clock, log: Log) -> None:
        self._state = state
        self._store = store
        self._local = local
        self._clock = clock
        self._log = log

    def take(self, frame: bytes, waits: bool, later: Later, saved: bool = True) -> None:
        """Pass a command on once its transaction is durable. One that `waits` is passed on again until its center answers, also after
        a restart if it is `saved`: where the disk refuses, memory alone has it."""
        pending = self._pending(frame)
        if waits and (len(self._state.delivery) < MAX_KEPT or self._state.delivery.waits(*pending.key)):
            if saved:
                kind = STOP if COMMAND.peek(frame).action == codes.STOP else ORDER
                self._store.keep(Stored(pending.id, kind.name, None, self._clock.moment(), pending.left_s, frame))
            later(partial(self._state.delivery.keep, pending))
        later(partial(self._light, frame))
        later(partial(self.pass_on, pending))

    def _light(self, frame: bytes) -> None:
        """Something loud begins or everything ends. What is silent must not be seen here either."""
        message, now = COMMAND.peek(frame), self._clock.monotonic()
        if message.action == codes.STOP:
            self._state.alarm_until = now
        elif message.action & codes.ACTIVATE and message.action & codes.LOUD and message.authority != codes.DRILL:
            self._state.alarm_until = max(self._state.alarm_until, now + (message.duration or DEFAULT_S))

    def pass_on(self, pending: Pending) -> None:
        """Hand a command to the local side."""
        passed = self._local.publish(pending.center, pending.frame, pending.expiry_s(self._clock.monotonic()))
        self._log.info("command_passed_on", handed_over=passed, **ids(pending))

    def answered(self, key: Key, later: Later) -> None:
        """A center has answered: nothing waits for it any more."""
        if self._state.delivery.waits(*key):
            self._store.forget([command_id(*key)])
            later(partial(self._state.delivery.answered, *key))

    def resume(self, message: Stored) -> bool:
        """After a start: wait for the center again. False when it is over, or nobody can tell how old it is.

        A machine without a clock that was started anew cannot know; central sends again what it still wants.
        """
        age = age_s(message.at, self._clock.moment(), self._clock.trusted())
        pending = self._pending(message.octets)
        left = 0 if age is None else min(pending.left_s, (message.ttl_s or 0) - age)
        if left <= 0:
            reason = "its age cannot be told" if age is None else "expired"
            self._log.warning("command_not_resumed", reason=reason, **ids(pending))
            return False
        pending.left_s = int(left)
        self._state.delivery.keep(pending)
        self._state.delivery.hurry(pending.kept_at, pending.center)
        self._log.info("command_resumed", **ids(pending))
        return True

    def expire(self, now: float) -> None:
        """Forget what no center would take any more; raises StoreUnavailable."""
        gone = self._state.delivery.expired(now)
        if not gone:
            return
        self._state.delivery.drop([pending.key for pending in gone])
        for pending in gone:
            self._log.warning("command_expired", **ids(pending))
        with self._store.transaction():
            self._store.forget([pending.id for pending in gone])

    def again(self, now: float) -> None:
        """Pass on again what has waited long enough."""
        if self._local.connected:
            for pending in self._state.delivery.due(now):
                self.pass_on(pending)

    def _pending(self, frame: bytes) -> Pending:
        message = COMMAND.peek(frame)
        monotonic = self._clock.monotonic()
        left = left_s(message.issued, message.ttl, self._clock.now() if self._clock.trusted() else None)
        return Pending(
            message.center, message.authority, message.counter, message.incident, frame, monotonic, left, monotonic
        )


def ids(pending: Pending) -> dict[str, object]:
    """What names a command in the log."""
    return {
        "incident": str(pending.incident),
        "center": pending.center,
        "authority": AUTHORITY_NAMES[pending.authority],
        "counter": pending.counter,
    }
