"""The alarm center as a pure machine: frames, buttons and time in; flash, outputs and answers out, in that order.

`actions` is what the app must do, in order: ("save",) before ("outputs",) before ("send", frame). It does no I/O, knows no
clock but the one it is given, and never lets anything loud move for a class that is not in its table.
"""

from firmware.activation import FAULT_MS, SETTLE_MS, Activation
from firmware.answers import Answers
from firmware.budget import on_time_s
from firmware.session import Session
from firmware.verify import AGAIN, OBEY, SILENCE, verify
from protocol import codes
from protocol.errors import ProtocolError
from protocol.layout import authority_of, kind_of
from protocol.messages import KIND_TIME

SAVE = ("save",)
OUTPUTS = ("outputs",)

# What may run side by side. A silent alert must not cut a siren short, and a drill must not touch anything real.
_LOUD = 0
_QUIET = 1
_DRILL = 2
_EVERY_OUTPUT = 0x0F


class Center:
    """One boot of one center. `clock` gives ms() and now(); `cause` is why it started (protocol.codes.BOOT_CAUSES)."""

    def __init__(self, identity, state, clock, nonce, cause):
        self.identity = identity
        self.state = state
        self.answers = Answers(identity, state)
        self.updating = False
        self.active = None  # the activation that was started last, while it runs
        self.battery_mv = 0
        self._clock = clock
        self._cause = cause
        self._sessions = {authority: Session(authority, nonce) for authority in codes.AUTHORITIES}
        self._lifetime_base_s = state.lifetime_s
        self._running = {}  # slot: Activation
        self._stopping = []  # (order, outputs, since ms) of what was told to stop and is not yet measured off
        self._measured = 0
        self._unsaved = None  # (command, what ran before it) until the flash has it

    def lifetime_s(self):
        """Seconds this center has run in all its boots."""
        return self._lifetime_base_s + self._clock.ms() // 1000

    def synchronised(self, authority=codes.CENTRAL):
        """Whether an authority's TIME came in this boot."""
        return self._sessions[authority].synchronised

    def wanted(self):
        """The mask of outputs that shall be on now."""
        now_ms = self._clock.ms()
        mask = 0
        for activation in self._running.values():
            mask |= activation.levels(now_ms)
        return mask

    def connected(self):
        """A new link: hello at once, and the events that may not have arrived."""
        for session in self._sessions.values():
            session.reconnected()
        return [("send", frame) for frame in self.answers.pending_events(self.lifetime_s(), self.battery_mv)]

    def receive(self, frame, retained=False):
        """One frame from the link."""
        self._unsaved = None
        try:
            if kind_of(frame) == KIND_TIME:
                return self._time(frame)
        except ProtocolError:
            return []
        verdict, command = verify(
            frame, retained, self.identity, self._sessions, self.state.windows, self._clock.now()
        )  # fmt: skip
        if verdict == SILENCE:
            self._doubt(frame)
            return []
        key = (command.authority, command.counter)
        if verdict == AGAIN:
            return [("send", frame) for frame in self.answers.again(key, command, self._measured, self.battery_mv)]
        activates = command.action & codes.ACTIVATE
        if verdict == codes.TOO_OLD and activates and self.state.executed(command.incident, command.activation):
            # Its counter left the window, but it was obeyed: saying "too old" would make central issue it anew.
            return [self._answer(command, codes.ACCEPTED)]
        if verdict != OBEY:
            if verdict in (codes.STALE, codes.FUTURE, codes.NOT_SYNCHRONISED):
                self._sessions[command.authority].want(self._clock.ms())
            return [self._answer(command, verdict)]
        if self.updating:
            return [self._answer(command, codes.UPDATING)]
        return self._obey(command)

    def _obey(self, command):
        """From here on the counter is used, whatever follows; flash knows it before anything moves."""
        self._unsaved = (command, dict(self._running))
        self.state.windows[command.authority].accept(command.counter)
        if command.action == codes.STOP:
            self.state.windows[command.authority].raise_floor(command.counter)
            outputs = self._stop_for(command.authority)
            order = (command.authority, command.counter, command.incident)
            self._stopping.append((order, outputs, self._clock.ms()))
            return [SAVE, OUTPUTS, self._answer(command, codes.ACCEPTED)]
        if command.action == codes.PROBE or self.state.executed(command.incident, command.activation):
            return [SAVE, self._answer(command, codes.ACCEPTED)]
        outputs = command.action & 0x0F
        loud = outputs & codes.LOUD
        if loud and command.authority == codes.DRILL:
            return [SAVE, self._answer(command, codes.DRILL_IS_SILENT)]
        if loud and command.class_ not in self.identity.loud:
            return [SAVE, self._answer(command, codes.CLASS_SILENT)]
        if loud and not self.state.budget.allows(self.lifetime_s(), command.authority):
            return [SAVE, self._answer(command, codes.BUDGET_SPENT)]
        order = (command.authority, command.counter, command.incident)
        actions = self._start(order, command.activation, command.class_, outputs, command.duration)
        return actions + [self._answer(command, codes.ACCEPTED)]

    def unsaved(self):
        """The flash did not take a command: nothing begins on its account, and that is said. A stop stops all the same."""
        if self._unsaved is None:
            return []
        command, before = self._unsaved
        self._unsaved = None
        if command.action == codes.STOP:
            return [OUTPUTS, self._answer(command, codes.ACCEPTED)]
        if self._running != before:
            # It had begun in memory: what never moved may be asked for again, and costs nothing.
            self.state.pairs.pop()
            if command.action & codes.LOUD:
                self.state.budget.spent.pop()
        self._running = before
        self.active = None
        for activation in before.values():
            self._stopping = [entry for entry in self._stopping if entry[0] != activation.order]
            self.active = activation
        return [OUTPUTS, self._answer(command, codes.FAILED)]

    def note(self, status):
        """An event of the center's own that moves nothing: silent button, cabinet, mains, battery."""
        sequence = self.answers.take()
        # Only what a person asks for is an incident; the rest is news about the center.
        incident = self._own_incident(sequence) if status == codes.SILENT_PANIC else 0
        self.answers.keep_event(sequence, status, incident, self.lifetime_s())
        told = self.answers.event(sequence, status, incident, self._measured, 0, self.battery_mv)
        return [SAVE] + [("send", frame) for frame in told]

    def _own_incident(self, sequence):
        return 1 << 63 | self.identity.center << 32 | sequence

    def panic(self):
        """The own panic button was held: sound at once within the local limits, and tell both authorities."""
        sequence = self.answers.take()
        incident = self._own_incident(sequence)
        outputs = codes.LOUD
        loud = self.identity.panic_class in self.identity.loud
        moves = loud and self.state.budget.allows(self.lifetime_s(), codes.LOCAL)
        self.answers.keep_event(sequence, codes.PANIC, incident, self.lifetime_s())
        actions = [SAVE]
        if moves:
            order = (codes.CENTRAL, 0, incident)
            actions = self._start(order, 1, self.identity.panic_class, outputs, 0, codes.LOCAL)
        told = self.answers.event(sequence, codes.PANIC, incident, self.wanted(), 0, self.battery_mv)
        return actions + [("send", frame) for frame in told]

    def tick(self, measured):
        """Time passed; `measured` is the mask of outputs that are really on. Called every 20 ms or so."""
        now_ms = self._clock.ms()
        self._measured = measured
        actions = []
        for slot, activation in list(self._running.items()):
            if activation.over(now_ms):
                self._stop(slot)
                actions.append(OUTPUTS)
            else:
                verdict = activation.observe(activation.levels(now_ms), measured, now_ms)
                if verdict is not None:
                    actions.append(self._tell(activation.order, verdict))
        if self._stopping:
            actions += self._settle(now_ms)
        for session in self._sessions.values():
            if session.due(now_ms):
                frame = session.hello(self.identity, self.state, self.answers.next, self._cause, now_ms)
                actions.append(("hello", frame))
        return actions

    def beat(self, flags, verdict=0):
        """The sealed heartbeats for central and for the gateway."""
        uptime_s = self._clock.ms() // 1000
        return self.answers.beats(uptime_s, self.battery_mv, flags, self._measured, verdict)

    def _time(self, frame):
        authority = authority_of(frame)
        session = self._sessions.get(authority)
        answered = session.answered(self.identity, frame, self._clock.ms()) if session else None
        if answered is None:
            return []
        time, trip_ms = answered
        # Central's word on the time is the better one; the gateway's serves until central was heard in this boot.
        if authority == codes.CENTRAL or (authority == codes.LOCAL and not self._sessions[codes.CENTRAL].synchronised):
            self._clock.set(time.time + trip_ms // 2000)
        self.state.windows[authority].raise_floor(time.floor)
        return [SAVE]

    def _start(self, order, activation, class_code, outputs, duration_s, spender=None):
        authority = order[0] if spender is None else spender
        slot = _LOUD if outputs & codes.LOUD else _DRILL if authority == codes.DRILL else _QUIET
        self._stop(slot)
        self.state.execute(order[2], activation)
        if outputs & codes.LOUD:
            self.state.budget.spend(self.lifetime_s(), authority)
        self.active = Activation(order, class_code, outputs, self._clock.ms(), on_time_s(duration_s))
        self._running[slot] = self.active
        return [SAVE, OUTPUTS]

    def _stop_for(self, authority):
        """Stop what an authority may stop: a drill only its own, the others everything; the mask of what it was about."""
        if authority != codes.DRILL:
            for slot in list(self._running):
                self._stop(slot)
            return _EVERY_OUTPUT
        activation = self._running.get(_DRILL)
        self._stop(_DRILL)
        return activation.outputs if activation else 0

    def _stop(self, slot):
        activation = self._running.pop(slot, None)
        if activation is None:
            return
        self._stopping.append((activation.order, activation.outputs, self._clock.ms()))
        if activation is self.active:
            self.active = None

    def _settle(self, now_ms):
        """STOPPED once the outputs are measured off, or FAILED when they stay on; an output that is on for something
        else says nothing about what was stopped."""
        actions = []
        waiting = []
        busy = 0
        for activation in self._running.values():
            busy |= activation.outputs
        for order, outputs, since_ms in self._stopping:
            on = self._measured & outputs & ~busy
            if not on and (now_ms - since_ms >= SETTLE_MS or outputs & busy):
                actions.append(self._tell(order, codes.STOPPED))
            elif on and now_ms - since_ms >= FAULT_MS:
                actions.append(self._tell(order, codes.FAILED))
            else:
                waiting.append((order, outputs, since_ms))
        self._stopping = waiting
        return actions

    def _doubt(self, frame):
        try:
            session = self._sessions.get(authority_of(frame))
        except ProtocolError:
            return
        if session:
            session.want(self._clock.ms())

    def _answer(self, command, status):
        return ("send", self.answers.answer(command, status, self._measured, self.battery_mv))

    def _tell(self, order, status):
        return ("send", self.answers.about(order, status, self._measured, self.battery_mv))
