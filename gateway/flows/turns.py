"""The one loop that owns the store: takes what waits, handles it in one transaction, then does what was put off.

Made by wiring and run on one thread. A message that cannot be stored now is held and its PUBACK withheld; a message
that breaks the program is put away; neither stops the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from gateway.errors import NoRoom, StoreUnavailable
from gateway.flows.autonomy import Autonomy
from gateway.flows.centers import Centers
from gateway.flows.relay import Relay
from gateway.flows.rounds import Rounds
from gateway.flows.state import Later, State
from gateway.ports import UPLINK, Clock, Event, LinkChanged, Log, Received, Sensed, Stop, Store
from protocol.errors import Malformed
from protocol.topics import LINK, UP, gateway_name, number_of, parse

TICK_S = 0.25
# As many as the local broker lets be in flight: more than this cannot be waiting.
_BATCH = 256
_HOLD_S = 0.5


class Turns:
    """`inbox` is filled by the edges' threads; everything else happens on the thread that calls `run`."""

    def __init__(
        self,
        inbox: SimpleQueue[Event],
        state: State,
        store: Store,
        relay: Relay,
        centers: Centers,
        autonomy: Autonomy,
        rounds: Rounds,
        clock: Clock,
        log: Log,
    ) -> None:
        self._inbox = inbox
        self._state = state
        self._store = store
        self._relay = relay
        self._centers = centers
        self._autonomy = autonomy
        self._rounds = rounds
        self._clock = clock
        self._log = log
        self._own_name = gateway_name(state.gateway)
        self._held: list[Received | Sensed] = []
        self._retry_at = 0.0
        # Monotonic seconds; read by the watchdog's thread.
        self.turned_at = clock.monotonic()

    def run(self) -> None:
        """Turn until Stop."""
        tick_at = 0.0
        while True:
            batch, stop = self._take(max(0.0, tick_at - self._clock.monotonic()))
            self.turn(batch)
            now = self._clock.monotonic()
            if stop:
                return
            if now >= tick_at:
                tick_at = now + TICK_S
                self._rounds.tick()
                self.turned_at = now

    def turn(self, batch: list[Event]) -> None:
        """Handle some events, with those that were held when it is their time again."""
        now = self._clock.monotonic()
        held: list[Received | Sensed] = []
        if self._held and now >= self._retry_at:
            held, self._held = self._held, []
            self._retry_at = now + _HOLD_S
        for event in batch:
            if isinstance(event, LinkChanged):
                self._rounds.link_changed(event)
        messages = held + [event for event in batch if isinstance(event, Received | Sensed)]
        if messages and not self._together(messages):
            # One that needs the disk must not keep back those that do not: each by itself.
            for index, message in enumerate(messages):
                if not self._together([message]):
                    self._held.append(message)
                    if index >= len(held):
                        self._do(partial(self._unsaved, message))
        self._say_held()

    def _unsaved(self, message: Received | Sensed) -> None:
        """The disk refuses, or has no room: what must move is moved without it."""
        if isinstance(message, Sensed):
            later = Later()
            self._autonomy.sensed(message, later, saved=False)
            later.run()
        elif message.side == UPLINK:
            self._relay.down_unsaved(message)
        else:
            self._centers.unsaved(message)

    def _together(self, messages: list[Received | Sensed]) -> bool:
        """All in one transaction; False when the store refused, and then nothing has happened."""
        later = Later()
        full: list[Received | Sensed] = []
        self._state.taking = 0
        self._state.giving.clear()
        try:
            with self._store.transaction():
                for message in messages:
                    mark = later.mark()
                    try:
                        with self._store.attempt():
                            self._handle(message, later)
                    except NoRoom as error:
                        later.take_back(mark)
                        full.append(message)
                        self._state.faults["outbox"] = str(error)
                    except StoreUnavailable:
                        raise
                    except Exception as error:
                        later.take_back(mark)
                        self._put_away(message, error, later)
        except StoreUnavailable as error:
            if "store" not in self._state.faults:
                self._log.error("store_unavailable", reason=str(error))
            self._state.faults["store"] = str(error)
            return False
        finally:
            self._state.taking = 0
        if not full:
            self._state.faults.pop("outbox", None)
        for message in full:
            self._held.append(message)
            if isinstance(message, Sensed):
                self._do(partial(self._unsaved, message))
        for action in later.take():
            self._do(action)
        return True

    def _handle(self, message: Received | Sensed, later: Later) -> None:
        if isinstance(message, Sensed):
            self._autonomy.sensed(message, later)
            return
        try:
            name, direction = parse(message.topic)
        except Malformed as error:
            self._state.tally(message.side, message.topic[:64], str(error)[:80])
            later(message.acknowledge)
            return
        if message.side == UPLINK:
            self._relay.down(message, later)
        elif direction == UP:
            self._centers.up(name, message, later)
        elif direction == LINK and name == self._own_name:
            later(self._proved)
            later(message.acknowledge)
        else:
            if name.startswith("C") and not message.retained:
                self._centers.link(number_of(name), message.payload == b"1", later)
            later(message.acknowledge)

    def _put_away(self, message: Received | Sensed, error: Exception, later: Later) -> None:
        """Our own mistake: keep the message for a person, and let the loop go on."""
        if isinstance(message, Sensed):
            self._log.error("input_failed", status=message.status, reason=repr(error), exc_info=True)
            return
        self._state.tally(message.side, message.topic[:64], f"cannot be handled: {type(error).__name__}")
        self._log.error("message_quarantined", topic=message.topic, reason=repr(error), exc_info=True)
        self._store.quarantine(message.topic, message.payload, repr(error)[:200], self._clock.now())
        later(message.acknowledge)

    def _say_held(self) -> None:
        fault = self._state.faults.get("store") or self._state.faults.get("outbox")
        if self._held and "held" not in self._state.faults:
            self._log.error("acks_held_back", count=len(self._held), reason=fault)
        if self._held:
            self._state.faults["held"] = f"{len(self._held)} messages wait to be stored"
        elif self._state.faults.pop("held", None):
            self._log.info("acks_no_longer_held")

    def _proved(self) -> None:
        self._state.local_proved_at = self._clock.monotonic()

    def _do(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            self._log.error("deferred_action_failed", reason=repr(error), exc_info=True)

    def _take(self, wait_s: float) -> tuple[list[Event], bool]:
        """What waits, at most a batch; waits up to `wait_s` for the first."""
        batch: list[Event] = []
        try:
            event = self._inbox.get(timeout=wait_s) if wait_s > 0 else self._inbox.get_nowait()
            while not isinstance(event, Stop):
                batch.append(event)
                if len(batch) >= _BATCH:
                    return batch, False
                event = self._inbox.get_nowait()
        except Empty:
            return batch, False
        return batch, True
