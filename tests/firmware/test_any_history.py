"""Any history of commands, replays, buttons, power cuts, failing flash, wrong clocks and links: what must never happen does not."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware.budget import MAX_ON_S, PER_LONG, PER_SHORT
from firmware.player import Player
from firmware.running import LOAD_FOR_MS
from protocol import codes
from protocol.errors import BadTag
from protocol.messages import COMMAND, CONFIRM, Confirm
from protocol.replay import REPEAT
from tests.both.bench import LOUD, NOW
from tests.firmware.played import PlayedCenter

SHORT_MS, DAY_MS = 15 * 60_000, 24 * 3_600_000
CLASSES = st.sampled_from([codes.GENERAL, codes.FIRE, codes.GENERAL, codes.GENDER_VIOLENCE, 99])
AUTHORITIES = st.sampled_from([codes.CENTRAL, codes.CENTRAL, codes.LOCAL, codes.DRILL])
OUTPUTS = st.sampled_from([codes.SIREN, codes.LOUD, codes.STROBE, codes.INDICATOR, codes.SIREN | codes.INDICATOR])
DURATIONS = st.sampled_from([0, 1, 3, 30, 180, 0xFFFF])


class AnyHistory(RuleBasedStateMachine):
    """The world around one center; Hypothesis writes the history."""

    def __init__(self) -> None:
        super().__init__()
        self.center = PlayedCenter()
        self.frames: list[bytes] = []
        self.loaded_ms = -LOAD_FOR_MS  # when the last load test began

    @initialize()
    def power_on(self) -> None:
        """A center fresh from commissioning, synchronised."""
        assert self.center.shown == 0

    @rule(
        authority=AUTHORITIES, class_=CLASSES, outputs=OUTPUTS, duration=DURATIONS,
        incident=st.integers(1, 12), activation=st.integers(1, 2), cut=st.none() | st.integers(0, 3),
    )  # fmt: skip
    def command(self, cut: int | None, outputs: int, **fields: Any) -> None:
        """A well-sealed order to switch something on; the power may go in the middle of obeying it."""
        frame = self.center.frame(action=codes.ACTIVATE | outputs, **fields)
        self.frames.append(frame)
        may_sound = fields["class_"] in LOUD and fields["authority"] != codes.DRILL
        self.hear(frame, may_sound=may_sound or not outputs & codes.LOUD, cut=cut)

    @rule(authority=AUTHORITIES)
    def stop(self, authority: int) -> None:
        """Central and the gateway silence everything."""
        frame = self.center.frame(action=codes.STOP, authority=authority)
        self.frames.append(frame)
        self.hear(frame, may_sound=False)
        if authority != codes.DRILL and self.center.center.synchronised(authority):
            assert self.center.shown == 0

    @precondition(lambda self: self.frames)
    @rule(data=st.data(), cut=st.none() | st.integers(0, 2))
    def replay(self, data: st.DataObject, cut: int | None) -> None:
        """Any frame of the past, of this boot or another, by whoever recorded it."""
        frame = data.draw(st.sampled_from(self.frames))
        used, before = self.used(frame), (self.center.center.wanted(), len(self.center.starts))
        self.hear(frame, may_sound=not used, cut=cut)
        if used and cut is None:
            # An old stop must not silence a new alarm either.
            assert (self.center.center.wanted(), len(self.center.starts)) == before

    @precondition(lambda self: self.frames)
    @rule(data=st.data())
    def forge(self, data: st.DataObject) -> None:
        """Any frame of the past with one bit changed: silence."""
        frame = bytearray(data.draw(st.sampled_from(self.frames)))
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        before = len(self.center.said)
        self.hear(bytes(frame), may_sound=False)
        assert self.center.acks(before) == []

    @rule(changes=st.sampled_from([{"center": 43}, {"group": 8}, {"action": 0x7F}, {"action": 0x20}]))
    def wrong(self, changes: dict[str, int]) -> None:
        """Well sealed and still not to be obeyed."""
        self.hear(self.center.frame(**changes), may_sound=False)

    @rule(off_s=st.sampled_from([-4_000, -301, 31, 40_000_000]))
    def untimely(self, off_s: int) -> None:
        """Well sealed, and sealed too long ago or ahead of the center's clock."""
        now = self.center.clock.now() or NOW
        self.hear(self.center.frame(issued=now + off_s, ttl=0xFFFF), may_sound=False)

    @rule()
    def retained(self) -> None:
        """A broker kept a command: refused."""
        before = len(self.center.said)
        self.hear(self.center.frame(incident=50), may_sound=False, retained=True)
        assert [ack.status for ack in self.center.acks(before)] == [codes.RETAINED]

    @rule()
    def panic(self) -> None:
        """Somebody holds the center's own button: it is told, whether or not it may still sound."""
        before = len(self.center.said)
        self.center.do(self.center.center.press(codes.PANIC))
        assert [ack.status for ack in self.center.acks(before)] == [codes.PANIC, codes.PANIC]

    @rule()
    def silent_button(self) -> None:
        """Told, and nothing moves."""
        before, shown = len(self.center.said), self.center.shown
        self.center.do(self.center.center.press(codes.SILENT_PANIC))
        assert self.center.shown == shown
        assert [ack.status for ack in self.center.acks(before)] == [codes.SILENT_PANIC] * 2

    @rule(status=st.sampled_from(codes.FOB_PRESSES), slot=st.integers(1, 32), sounds=st.booleans())
    def fob(self, status: int, slot: int, sounds: bool) -> None:
        """A fob: a silent one moves nothing, nor does one that may not sound; all of them are told, with their slot."""
        before, running = len(self.center.said), self.center.center.wanted()
        self.center.do(self.center.center.press(status, slot, sounds))
        if status in codes.SILENT_PRESSES or not sounds:
            assert self.center.center.wanted() == running
        assert [(ack.status, ack.battery) for ack in self.center.acks(before)] == [(status, slot)] * 2

    @rule(status=st.sampled_from([codes.TAMPER, codes.MAINS_LOST, codes.STUCK_RELAY, codes.MOTION]))
    def news(self, status: int) -> None:
        """What the center senses is told, and sounds nothing, motion least of all."""
        running = self.center.center.wanted()
        self.center.do(self.center.center.note(status))
        assert self.center.center.wanted() == running

    @rule(data=st.data(), authority=AUTHORITIES)
    def confirm(self, data: st.DataObject, authority: int) -> None:
        """Somebody has stored an event: only central's word counts, and it moves nothing."""
        events = list(self.center.state.events)
        sequence = data.draw(st.sampled_from([event[0] for event in events] or [1]))
        frame = CONFIRM.seal(
            self.center.identity.pairs[authority].down, Confirm(authority, 0, 42, sequence), self.center.nonce
        )
        self.hear(frame, may_sound=False)
        if authority != codes.CENTRAL:
            assert self.center.state.events == events

    @rule(stuck=st.booleans())
    def relay(self, stuck: bool) -> None:
        """The siren's relay sticks, or was changed: the second switch works in its place, for not a second longer."""
        self.center.center.running.stuck = stuck
        self.center.center.running.renew()

    @rule()
    def load_test(self) -> None:
        """The battery's load test wants the floodlight: it gets it only while nothing else runs."""
        running = self.center.center.running
        before = running.score()
        running.load()
        self.center.show()
        if len(running):
            assert running.score() is before
        else:
            self.loaded_ms = self.center.ticks

    @rule(class_=CLASSES, outputs=OUTPUTS)
    def takeover(self, class_: int, outputs: int) -> None:
        """A new alert in a load test, after a stop of whatever ran before."""
        self.stop(authority=codes.CENTRAL)
        self.load_test()
        fields = {"authority": codes.CENTRAL, "duration": 30, "incident": 1000 + len(self.frames), "activation": 1}
        self.command(cut=None, outputs=outputs, class_=class_, **fields)

    @rule(passed_ms=st.sampled_from([20, 20, 700, 5_000, 31_000, 181_000, 300_000, 901_000, 7_300_000]))
    def time_passes(self, passed_ms: int) -> None:
        """In one step, as if the loop had been frozen so long."""
        self.center.tick(passed_ms)

    @rule(synchronise=st.booleans())
    def power_cut(self, synchronise: bool) -> None:
        """Between two things; all is off, and stays off."""
        self.center.boot(synchronise)
        assert self.center.shown == 0
        assert self.center.center.wanted() == 0

    @rule(works=st.booleans())
    def flash(self, works: bool) -> None:
        """The flash refuses to be written, or takes to it again."""
        self.center.flash_works = works

    @rule(authority=AUTHORITIES, step_s=st.sampled_from([0, -7_200, 7_200, 40_000_000]))
    def clock_step(self, authority: int, step_s: int) -> None:
        """An authority says another time than before: its clock was set wrong."""
        self.center.sync(authority, NOW + step_s)

    @rule()
    def link(self) -> None:
        """The link went and came: neither starts nor stops an alarm."""
        wanted = self.center.center.wanted()
        self.center.do(self.center.center.connected())
        assert self.center.center.wanted() == wanted

    def used(self, frame: bytes) -> bool:
        """Whether a command was used up: its counter is known, or its seal is of another boot."""
        command = COMMAND.peek(frame)
        try:
            COMMAND.open(self.center.identity.pairs[command.authority].down, frame, self.center.nonce)
        except BadTag:
            return True
        return self.center.state.windows[command.authority].verdict(command.counter) == REPEAT

    def loading(self, after_ms: int = 0) -> int:
        """The floodlight while the load test may have it on: 4 s at most, and alone."""
        lasts = self.center.ticks + after_ms - self.loaded_ms < LOAD_FOR_MS
        return codes.FLOODLIGHT if lasts and not len(self.center.center.running) else 0

    def hear(self, frame: bytes, may_sound: bool, cut: int | None = None, retained: bool = False) -> None:
        """One frame from the link; when it may not sound, nothing loud begins and nothing that sounds is prolonged."""
        before, running = len(self.center.starts), self.center.center.wanted()
        self.center.cut_after = cut
        self.center.do(self.center.center.receive(frame, retained), flash_first=True)
        self.center.cut_after = None
        if not may_sound:
            assert [start for start in self.center.starts[before:] if start.loud] == []
            assert self.center.center.wanted() & codes.LOUD & ~running == 0

    @invariant()
    def nothing_loud_for_a_silent_class(self) -> None:
        """Nor for a drill."""
        for start in self.center.starts:
            assert not start.loud or (start.class_code in LOUD and start.authority != codes.DRILL)

    @invariant()
    def nothing_beyond_the_cap(self) -> None:
        """Every output is off 180 s after the last thing that switched it on, the load test's after its 4 s."""
        last = max((start.at_ms for start in self.center.starts), default=None)
        if last is None or self.center.ticks - last > MAX_ON_S * 1000:
            self.center.do(self.center.center.tick(self.center.shown))
            self.center.show()
            assert self.center.shown in (0, self.loading())

    @invariant()
    def the_score_ends_by_itself(self) -> None:
        """A program that hangs from now on: the interrupt plays the score, and ends it in time; nothing begins in it."""
        player, now = Player(), self.center.ticks
        player.score = self.center.center.running.score()
        loud = self.center.center.running.loud()
        for after_ms in range(0, 200_000, 4_900):
            mask = player.turn((now + after_ms) % (1 << 30))
            assert loud or mask & codes.LOUD in (0, self.loading(after_ms))
            assert after_ms <= MAX_ON_S * 1000 + 300 or mask == 0

    @invariant()
    def what_stopped_is_told_or_about_to_be(self) -> None:
        """Every activation of this boot that no longer runs: its end was said, or the measurement is waited for."""
        center = self.center.center
        open_orders = [one.order for one in center.running.activations()] + [one[0] for one in center.running._stopping]
        ends = (codes.STOPPED, codes.FAILED, codes.STOPPED_LOCALLY)
        told = {(ack.authority, ack.counter, ack.incident) for ack in self.center.acks(0) if ack.status in ends}
        for start in self.center.starts:
            order = (start.authority, start.counter, start.pair[0])
            assert start.boot != self.center.state.boot or order in open_orders or order in told, order

    @invariant()
    def never_above_the_budget(self) -> None:
        """3 in 15 minutes, 8 in a day (to the second that the center counts in).

        Only a button pressed while the flash fails can be forgotten by a power cut; within a boot it counts too.
        """
        at = [start.at_ms for start in self.center.starts if start.loud and start.in_flash]
        for count, window_ms in ((PER_SHORT, SHORT_MS), (PER_LONG, DAY_MS)):
            for first, beyond in zip(at, at[count:], strict=False):
                assert beyond - first >= window_ms - 1000, (at, count)

    @invariant()
    def nothing_moves_twice(self) -> None:
        """No counter and no pair of incident and activation, over all boots; and flash knew it before it moved."""
        counters = [(start.authority, start.counter) for start in self.center.starts if start.counter]
        assert len(counters) == len(set(counters)), counters
        pairs = [start.pair for start in self.center.starts]
        assert len(pairs) == len(set(pairs)), pairs
        for start in self.center.starts:
            # A person's own button does not wait for a flash that fails.
            assert start.in_flash or (start.counter == 0 and self.center.flash_failed)

    @invariant()
    def one_sequence_one_ack(self) -> None:
        """Whatever carries the same sequence says the same, as long as there is a flash to number it from."""
        said: dict[int, tuple[int, ...]] = {}
        for ack in [] if self.center.flash_failed else self.center.acks(0):
            assert said.setdefault(ack.sequence, ack[3:6]) == ack[3:6]


AnyHistory.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyHistory = AnyHistory.TestCase
