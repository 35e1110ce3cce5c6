"""The flows of one gateway put together over its ports, once for the service and once for tests on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from gateway.domain.bearer import SmsPolicy
from gateway.domain.remote import Options
from gateway.flows.autonomy import Autonomy, Panic
from gateway.flows.cache import Cache
from gateway.flows.centers import Centers
from gateway.flows.outbox import Outbox
from gateway.flows.passing import Passing
from gateway.flows.relay import Relay
from gateway.flows.remote import Remote
from gateway.flows.rounds import Intervals, Rounds
from gateway.flows.state import State
from gateway.flows.turns import Turns
from gateway.flows.upward import Upward
from gateway.ports import Board, Clock, Event, Images, Lamps, Local, Log, Overlays, Signer, Sms, Store, Uplink
from protocol.keys import Pair


@dataclass(frozen=True)
class Ends:
    """The edges; `sms` is None without a modem, `use` puts what central changed from afar in force."""

    store: Store
    uplink: Uplink
    sms: Sms | None
    local: Local
    signer: Signer
    board: Board
    lamps: Lamps
    clock: Clock
    log: Log
    images: Images
    overlays: Overlays
    use: Callable[[Options], None]


@dataclass(frozen=True)
class Limits:
    """What the settings say: acks kept at most, when SMS serves, what a press sounds, how often what is done; the program's version."""

    max_rows: int = 20_000
    sms: SmsPolicy = field(default_factory=SmsPolicy)
    panic: Panic = field(default_factory=Panic)
    intervals: Intervals = field(default_factory=Intervals)
    program: str = ""


class Flows:
    """`inbox` is what the edges fill; `hop` the keys shared with central."""

    def __init__(self, inbox: SimpleQueue[Event], state: State, ends: Ends, hop: Pair, limits: Limits) -> None:
        store, uplink, sms, local, clock, log = ends.store, ends.uplink, ends.sms, ends.local, ends.clock, ends.log
        self._state = state
        self._store = store
        self._clock = clock
        self.upward = Upward(state, store, uplink, hop.up, clock, log)
        self.outbox = Outbox(
            state, store, uplink, sms, self.upward, ends.signer, clock, limits.max_rows, limits.sms, log
        )
        self.passing = Passing(state, store, local, clock, log)
        self.autonomy = Autonomy(state, store, self.outbox, self.passing, clock, limits.panic, log)
        self.remote = remote = Remote(ends.overlays, ends.use, self.upward, sms, limits.program, clock, log)
        self.cache = cache = Cache(state, ends.images, local, self.upward, clock, log)
        self.relay = Relay(
            state, store, local, self.outbox, self.passing, self.autonomy, remote, cache, clock, hop.down, log
        )
        self.centers = Centers(
            state, store, local, self.outbox, self.passing, self.autonomy, self.upward, cache, sms, clock, log
        )
        self.rounds = Rounds(
            state, store, uplink, local, sms, self.passing, self.autonomy, self.outbox, self.centers, self.upward,
            remote, cache, clock, ends.board, ends.lamps, limits.intervals, log,
        )  # fmt: skip
        self.turns = Turns(inbox, state, store, self.relay, self.centers, self.autonomy, self.rounds, clock, log)

    def resume(self) -> None:
        """After a start: what the disk remembers; raises StoreUnavailable."""
        self.upward.resume()
        self.remote.resume()
        self._state.memory.update({center: self._store.center(center) for center in self._state.mine})
        messages = self._store.messages()
        self.outbox.resume(message for message in messages if message.sequence is not None)
        commands = [message for message in messages if message.sequence is None]
        over = [message.id for message in commands if not self.passing.resume(message)]
        with self._store.transaction():
            self._store.forget(over)
        self._state.schedule.restart(self._clock.monotonic())
