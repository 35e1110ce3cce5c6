"""The neighbourhood by itself: a press sounds every center of its group under the local key, at once, whatever the WAN does.

Called by the turn (a wall button, a center's own press) and by the relay (group stop). The centers enforce the local
limits, and the pair of incident and activation is the one that central uses too: nothing sounds twice for one press.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.domain.stop import GroupStop
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.state import Later, State
from gateway.ports import CenterMemory, Clock, Log, Sensed, Store
from protocol import codes, gateway
from protocol.errors import ProtocolError
from protocol.gateway import StopGroup
from protocol.messages import COMMAND, Ack, Command

# As old as a press may be and still sound: later it is for the operators, who know what happened since.
LATE_S = 180
TTL_S = 60
_ACTIVATION = 1
# A fixed code can be recorded and sent by anybody: its own center sounded, the neighbourhood is not woken by it.
_LOUD = (codes.PANIC, codes.PANIC_FOB)
_REMEMBERED = 256


@dataclass(frozen=True)
class Panic:
    """What a press sounds: class, outputs (a mask) and seconds. The centers' own tables and caps come after."""

    class_: int = codes.GENERAL
    outputs: int = codes.SIREN | codes.STROBE
    duration_s: int = 30


class Autonomy:
    """Makes local commands; what central must know of it goes to the outbox."""

    def __init__(
        self, state: State, store: Store, outbox: Outbox, passing: Passing, clock: Clock, panic: Panic, log: Log
    ) -> None:
        self._state = state
        self._store = store
        self._outbox = outbox
        self._passing = passing
        self._clock = clock
        self._panic = panic
        self._log = log
        # What was done lately: the incidents that sounded, the group stops by their order.
        self._sounded: dict[int, None] = {}
        self._stops: dict[int, GroupStop] = {}
        self._last_incident = 0

    def sensed(self, event: Sensed, later: Later, saved: bool = True) -> None:
        """One of the gateway's own inputs. With `saved` False the disk refuses: what sounds, sounds; central is told later."""
        pressed = event.status in codes.PRESSES
        if pressed and event.incident is None:
            event.incident = self._incident()
        incident = event.incident or 0
        if event.status == codes.PANIC:
            self._sound(incident, self._state.mine, later, saved)
        elif event.status == codes.STOPPED_LOCALLY:
            # Central's orders are positive. One that is handled again, when the disk takes it, is the same.
            self._stop(-1 - int(event.at * 1000), 0, self._state.mine, later, saved)
        if saved and event.status != codes.STOPPED_LOCALLY:
            age_s = int(self._clock.monotonic() - event.at)
            self._outbox.say(event.status, incident, later, age_s)

    def pressed(self, ack: Ack, later: Later, saved: bool = True) -> None:
        """A center's own press, opened with the local key: the other centers of its group sound as well."""
        if ack.status not in _LOUD:
            return
        if ack.age > LATE_S:
            self._log.warning("press_too_old_to_sound", incident=str(ack.incident), center=ack.center, age_s=ack.age)
            return
        group = self._state.mine[ack.center].group
        others = [center for center, keys in self._state.mine.items() if keys.group == group and center != ack.center]
        self._sound(ack.incident, others, later, saved)

    def stop(self, order: StopGroup, later: Later, saved: bool = True) -> None:
        """Central's group stop, by whichever bearer; the same order is executed once."""
        late = self._clock.trusted() and self._clock.now() > order.issued + order.ttl
        if late:
            self._log.warning("group_stop_expired", incident=str(order.incident), order=order.order)
            return
        group = order.group
        centers = [center for center, keys in self._state.mine.items() if group in (0, keys.group)]
        self._stop(order.order, order.incident, centers, later, saved)

    def answered(self, ack: Ack, later: Later) -> None:
        """A center's ack to a local command: proof of a stop, or a refusal that a new frame can heal."""
        for stop in self._stops.values():
            later(partial(stop.answered, ack.center, ack.counter, ack.status, ack.outputs))
        if ack.status in (codes.NOT_SYNCHRONISED, codes.STALE, codes.FUTURE, codes.TOO_OLD):
            self.renew(ack.center, later)

    def renew(self, center: int, later: Later) -> None:
        """A center started anew, or refused for a reason that passes: what waits for it is issued again, as the same pair."""
        for pending in self._state.delivery.of(center, codes.LOCAL):
            old = COMMAND.peek(pending.frame)
            self._passing.answered(pending.key, later)
            counter = self._order(center, old.action, old.incident, later, True, old.duration)
            for stop in self._stops.values():
                later(partial(stop.renewed, center, pending.counter, counter))

    def over(self, now: float) -> list[GroupStop]:
        """Group stops of which there is something to say: all centers proved it, or their time is over."""
        return [stop for stop in self._stops.values() if stop.over(now)]

    def tell(self, stop: GroupStop, later: Later) -> None:
        """Say what became of a group stop, inside a transaction; raises NoRoom."""
        for center in stop.waiting:
            self._log.error("center_did_not_prove_its_stop", incident=str(stop.incident), center=center)
        status, number = codes.GROUP_STOPPED, stop.count
        if not stop.proven:
            status, number = codes.GROUP_STOP_INCOMPLETE, len(stop.waiting)
        self._log.info("group_stop_over", incident=str(stop.incident), centers=stop.count, missing=len(stop.waiting))
        self._outbox.say(status, stop.incident, later, number=number)
        later(stop.closed)

    def _sound(self, incident: int, centers: Iterable[int], later: Later, saved: bool) -> None:
        """Once for one incident, however often the press is told."""
        if incident in self._sounded:
            return
        action = codes.ACTIVATE | self._panic.outputs
        for center in centers:
            self._order(center, action, incident, later, saved, self._panic.duration_s)
        # Remembered when it is durable: what is undone must be able to sound at the next try.
        later(partial(_remember, self._sounded, incident, None))

    def _stop(self, order: int, incident: int, centers: Iterable[int], later: Later, saved: bool) -> None:
        if order in self._stops:
            return
        stop = GroupStop(incident, self._clock.monotonic() + TTL_S)
        for center in centers:
            stop.expect(center, self._order(center, codes.STOP, incident, later, saved, 0))
        later(partial(_remember, self._stops, order, stop))

    def _order(self, center: int, action: int, incident: int, later: Later, saved: bool, duration_s: int) -> int:
        """Seal a local command and pass it on; its counter, or 0 for a center that cannot be commanded.

        The counter is on disk before the command leaves. Where the disk refuses, memory has it, and the center's next
        hello brings it back.
        """
        keys, memory = self._state.mine[center], self._state.memory.get(center)
        if memory is None or not memory.boot:
            self._log.error("center_not_commanded", incident=str(incident), center=center, reason="it never said hello")
            return 0
        counter = memory.counter + 1
        command = Command(
            codes.LOCAL, keys.epoch, center, keys.group, counter, self._clock.now(), TTL_S, incident, _ACTIVATION,
            self._panic.class_, action, duration_s, codes.BY_CLASS,
        )  # fmt: skip
        try:
            frame = COMMAND.seal(keys.pair.down, command, memory.nonce)
        except ProtocolError as error:
            self._log.error("center_not_commanded", incident=str(incident), center=center, reason=str(error))
            return 0
        fresh = CenterMemory(memory.boot, memory.nonce, counter)
        self._state.memory[center] = fresh
        if saved:
            self._store.keep_center(center, fresh)
        self._log.info("local_command", incident=str(incident), center=center, counter=counter, action=action)
        self._passing.take(frame, True, later, saved)
        return counter

    def _incident(self) -> int:
        """A new incident of this gateway's: the second it was opened in, or the next one."""
        self._last_incident = max(self._last_incident + 1, self._clock.now())
        return gateway.incident(self._state.gateway, self._last_incident)


def _remember(memory: dict[int, Any], key: int, value: Any) -> None:
    memory[key] = value
    while len(memory) > _REMEMBERED:
        memory.pop(next(iter(memory)))
