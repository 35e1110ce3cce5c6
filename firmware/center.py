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


class Center:
    """One boot of one center. `clock` gives ms() and now(); `cause` is why it started (protocol.codes.BOOT_CAUSES)."""

    def __init__(self, identity, state, clock, nonce, cause):
        self.identity = identity
        self.state = state
        self.answers = Answers(identity, state)
        self.updating = False
        self.active = None
        self.battery_mv = 0
        self._clock = clock
        self._cause = cause
        self._sessions = {authority: Session(authority, nonce) for authority in codes.AUTHORITIES}
        self._lifetime_base_s = state.lifetime_s
        self._stopping = []  # (order, since ms) of what was told to stop and is not yet measured off
        self._measured = 0

    def lifetime_s(self):
        """Seconds this center has run in all its boots."""
        return self._lifetime_base_s + self._clock.ms() // 1000

    def synchronised(self, authority=codes.CENTRAL):
        """Whether an authority's TIME came in this boot."""
        return self._sessions[authority].synchronised

    def wanted(self):
        """The mask of outputs that shall be on now."""
        return self.active.levels(self._clock.ms()) if self.active else 0

    def connected(self):
        """A new link: hello at once, and the events that may not have arrived."""
        for session in self._sessions.values():
            session.reconnected()
        return [("send", frame) for frame in self.answers.pending_events(self.lifetime_s(), self.battery_mv)]

    def receive(self, frame, retained=False):
        """One frame from the link."""
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
            if verdict in (codes.STALE, codes.FUTURE):
                self._sessions[command.authority].want(self._clock.ms())
            return [self._answer(command, verdict)]
        if self.updating:
            return [self._answer(command, codes.UPDATING)]
        return self._obey(command)

    def _obey(self, command):
        """From here on the counter is used, whatever follows; flash knows it before anything moves."""
        self.state.windows[command.authority].accept(command.counter)
        if command.action == codes.STOP:
            self.state.windows[command.authority].raise_floor(command.counter)
            actions = [SAVE] + self._stop() + [OUTPUTS, self._answer(command, codes.ACCEPTED)]
            self._stopping.append(((command.authority, command.counter, command.incident), self._clock.ms()))
            return actions
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

    def panic(self):
        """The own panic button was held: sound at once within the local limits, and tell both authorities."""
        sequence = self.answers.take()
        incident = 1 << 63 | self.identity.center << 32 | sequence
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
        if self.active:
            if self.active.over(now_ms):
                actions += self._stop() + [OUTPUTS]
            else:
                verdict = self.active.observe(self.active.levels(now_ms), measured, now_ms)
                if verdict is not None:
                    actions.append(self._tell(self.active.order, verdict))
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
        actions = self._stop()
        self.state.execute(order[2], activation)
        if outputs & codes.LOUD:
            self.state.budget.spend(self.lifetime_s(), order[0] if spender is None else spender)
        self.active = Activation(order, class_code, outputs, self._clock.ms(), on_time_s(duration_s))
        return [SAVE, OUTPUTS] + actions

    def _stop(self):
        if self.active:
            self._stopping.append((self.active.order, self._clock.ms()))
            self.active = None
        return []

    def _settle(self, now_ms):
        """STOPPED once the outputs are measured off (or FAILED when they stay on); those that stopped for a new
        activation are told at once."""
        actions = []
        waiting = []
        for order, since_ms in self._stopping:
            if self.active is not None or (not self._measured and now_ms - since_ms >= SETTLE_MS):
                actions.append(self._tell(order, codes.STOPPED))
            elif now_ms - since_ms >= FAULT_MS:
                actions.append(self._tell(order, codes.FAILED))
            else:
                waiting.append((order, since_ms))
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
