"""The alarm center as a pure machine: frames, buttons and time in; flash, outputs and answers out, in that order.

`actions` is what the app must do, in order: ("save",) before ("outputs",) before ("send", frame). It does no I/O, knows no
clock but the one it is given, and never lets anything loud move for a class that is not in its table.
"""

from firmware import cadence, running
from firmware.activation import Activation
from firmware.answers import Answers
from firmware.budget import on_time_s
from firmware.running import Running
from firmware.session import Session
from firmware.verify import AGAIN, OBEY, SILENCE, verify
from protocol import codes
from protocol.errors import ProtocolError
from protocol.layout import authority_of, kind_of
from protocol.messages import CONFIRM, KIND_CONFIRM, KIND_TIME

SAVE = ("save",)
OUTPUTS = ("outputs",)
ERASE = ("erase",)


class Center:
    """One boot of one center. `clock` is a firmware.clock.Clock; `cause` is why it started (protocol.words.BOOT_CAUSES)."""

    def __init__(self, identity, state, clock, nonce, cause):
        self.identity = identity
        self.state = state
        self.running = Running(clock)
        self.answers = Answers(identity, state)
        self.battery_mv = 0
        self.sessions = {authority: Session(authority, nonce) for authority in codes.AUTHORITIES}
        self._clock = clock
        self._cause = cause
        self._lifetime_base_s = state.lifetime_s
        self._measured = 0
        self._unsaved = None  # (command, what ran before it) until the flash has it

    def lifetime_s(self):
        """Seconds this center has run in all its boots."""
        return self._lifetime_base_s + self._clock.ms() // 1000

    def synchronised(self, authority=codes.CENTRAL):
        """Whether an authority's TIME came in this boot."""
        return self.sessions[authority].synchronised

    def wanted(self):
        """The mask of outputs that shall be on now."""
        return self.running.wanted()

    def connected(self):
        """A new link: hello at once, and the events that may not have arrived."""
        for session in self.sessions.values():
            session.reconnected()
        return self._events(True)

    def receive(self, frame, retained=False):
        """One frame from the link."""
        self._unsaved = None
        try:
            kind = kind_of(frame)
        except ProtocolError:
            return []
        if kind in (KIND_TIME, KIND_CONFIRM):
            # Whoever keeps one of these for us does not mean us.
            return [] if retained else self._time(frame) if kind == KIND_TIME else self._confirm(frame)
        verdict, command = verify(
            frame, retained, self.identity, self.sessions, self.state.windows, self._clock.now()
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
                self.sessions[command.authority].want(self._clock.ms())
            return [self._answer(command, verdict)]
        return self._obey(command)

    def _obey(self, command):
        """From here on the counter is used, whatever follows; flash knows it before anything moves."""
        self._unsaved = (command, self.running.whole())
        self.state.windows[command.authority].accept(command.counter)
        order = (command.authority, command.counter, command.incident)
        if command.action == codes.STOP:
            self.state.windows[command.authority].raise_floor(command.counter)
            self.running.stop_for(order)
            return [SAVE, OUTPUTS, self._answer(command, codes.ACCEPTED)]
        if command.action == codes.ERASE:
            self.running.stop_for(order)
            return [SAVE, OUTPUTS, self._answer(command, codes.ACCEPTED), ERASE]
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
        duration_s = on_time_s(command.duration, cadence.longest_s(command.flags))
        activation = Activation(order, command.class_, outputs, self._clock.ms(), duration_s, command.flags)
        if command.authority != codes.CENTRAL and self.running.outlasts(activation):
            # The street is warned already, and for longer: a gateway must not be able to cut that short.
            self.state.execute(command.incident, command.activation)
            return [SAVE, self._answer(command, codes.ACCEPTED)]
        return self._start(activation, command.activation, command.authority) + [self._answer(command, codes.ACCEPTED)]

    def unsaved(self):
        """The flash did not take a command: nothing begins on its account, and that is said. A stop stops all the same."""
        if self._unsaved is None:
            return []
        command, before = self._unsaved
        self._unsaved = None
        if command.action in (codes.STOP, codes.ERASE):
            done = [OUTPUTS, self._answer(command, codes.ACCEPTED)]
            return done + [ERASE] if command.action == codes.ERASE else done
        if self.running.whole() != before:
            # It had begun in memory: what never moved may be asked for again, and costs nothing.
            self.state.forget()
            if command.action & codes.LOUD:
                self.state.budget.spent.pop()
        self.running.restore(before)
        return [OUTPUTS, self._answer(command, codes.FAILED)]

    def note(self, status):
        """News of the center's own that moves nothing: cabinet, mains, battery, drivers."""
        return self._event(status, 0, self._measured)

    def press(self, status, slot=None, sounds=True):
        """A person's own button or fob (protocol.codes.PRESSES; `slot` is the fob's): the loud ones sound at once within
        the local limits, unless `sounds` is False; both authorities are told."""
        incident = 1 << 63 | self.identity.center << 32 | self.answers.next
        actions = []
        loud = status in codes.LOUD_PRESSES and self.identity.panic_class in self.identity.loud
        if loud and sounds and self.state.budget.allows(self.lifetime_s(), codes.LOCAL):
            order = (codes.CENTRAL, 0, incident)
            now_ms, duration_s = self._clock.ms(), on_time_s(0)
            activation = Activation(order, self.identity.panic_class, codes.LOUD, now_ms, duration_s)
            if not self.running.outlasts(activation):
                actions = self._start(activation, 1, codes.LOCAL)
        outputs = self.wanted() & running.EVERY_OUTPUT
        return actions + self._event(status, incident, outputs, self.battery_mv if slot is None else slot)

    def _event(self, status, incident, outputs, detail=None):
        detail = self.battery_mv if detail is None else detail
        event = self.answers.keep_event(status, incident, self.lifetime_s(), detail, self._clock.ms())
        return [SAVE] + [("send", frame) for frame in self.answers.event(event, outputs, 0)]

    def tick(self, measured):
        """Time passed; `measured` is the mask of outputs that are really on. Called every 20 ms or so."""
        self._measured = measured
        ended, told = self.running.tick(self.wanted(), measured)
        actions = [OUTPUTS] if ended else []
        for order, status in told:
            frames = self.answers.about(order, status, measured, self.battery_mv)
            actions += [("send", frame) for frame in frames]
        now_ms = self._clock.ms()
        actions += self._events(False)
        for session in self.sessions.values():
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
        session = self.sessions.get(authority)
        answered = session.answered(self.identity, frame, self._clock.ms()) if session else None
        if answered is None:
            return []
        time, trip_ms = answered
        central, local = self.sessions[codes.CENTRAL], self.sessions[codes.LOCAL]
        unix_ms = time.time * 1000 + time.ms + trip_ms // 2
        # Central's word on the time is the better one; the gateway's serves until central was heard in this boot.
        if authority == codes.CENTRAL or (authority == codes.LOCAL and not central.synchronised):
            self._clock.set(unix_ms // 1000)
        # What a group does in step, it does by its gateway's clock: that one is a few milliseconds away from all of it.
        if authority == codes.LOCAL or (authority == codes.CENTRAL and not local.synchronised):
            self._clock.share(unix_ms)
        return [SAVE] if self.state.windows[authority].raise_floor(time.floor) else []

    def _confirm(self, frame):
        session = self.sessions.get(authority_of(frame))
        if session is None or session.authority == codes.DRILL:
            return []
        try:
            told = CONFIRM.open(self.identity.pairs[session.authority].down, frame, session.nonce)
        except ProtocolError:
            return []
        # The gateway's word is not enough: what central has not stored is not known to anybody who can help.
        mine = told.center == self.identity.center and told.authority == codes.CENTRAL
        return [SAVE] if mine and self.answers.confirmed(told.sequence) else []

    def _events(self, all_of_them):
        lifetime_s, now_ms = self.lifetime_s(), self._clock.ms()
        return [("send", frame) for frame in self.answers.pending_events(lifetime_s, now_ms, all_of_them)]

    def _start(self, activation, number, spender):
        loud = activation.outputs & codes.LOUD
        slot = running.LOUD if loud else running.DRILL if spender == codes.DRILL else running.QUIET
        self.running.start(slot, activation)
        self.state.execute(activation.order[2], number)
        if loud:
            self.state.budget.spend(self.lifetime_s(), spender)
        return [SAVE, OUTPUTS]

    def _doubt(self, frame):
        session = self.sessions.get(authority_of(frame))
        if session:
            session.want(self._clock.ms())

    def _answer(self, command, status):
        return ("send", self.answers.answer(command, status, self._measured, self.battery_mv))
