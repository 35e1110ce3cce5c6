"""Who is polled next, in virtual time on a line whose octets take as long as they do at 115,200 bit/s."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from gateway.domain.rota import BACKOFF_S, IDLE_S, LOST_MISSES, PROBE_S, SILENT_MISSES, WAITING, Member, Rota
from protocol import line
from protocol.line import ANSWER, BRIEF, BRIEF_SIZE, FIRST, MORE, Message

CENTERS = range(1, 21)
OCTET_S = 10 / 115_200
# A center looks at its line every few milliseconds, and a USB adapter takes some.
TURNAROUND_S = 0.006
REPLY_S = 0.03
PRESS = b"p" * 41
LONG = b"l" * 1000

Speaker = Callable[[Message], bytes | None]


class Wire:
    """A line in virtual time; `says` gives each center's next frame for a poll, None for a center that is silent."""

    def __init__(self, centers: range = CENTERS) -> None:
        self.rota = Rota(centers)
        self.now = 0.0
        self.says: dict[int, Speaker] = {center: lambda _: b"" for center in centers}
        self.polls: list[tuple[float, Message]] = []
        self.heard: list[tuple[float, int, bytes]] = []
        self.told: list[tuple[int, bool]] = []
        self.more: set[int] = set()

    def until(self, deadline: float) -> None:
        """Poll until then."""
        while self.now < deadline:
            member = self.rota.next(self.now)
            if member is None:
                self.now += max(0.0001, self.rota.wait_s(self.now))
                continue
            poll = self.rota.poll(member, self.now)
            self.polls.append((self.now, poll))
            self.now += len(line.pack(*poll)) * OCTET_S
            self._answer(member, poll)

    def _answer(self, member: Member, poll: Message) -> None:
        frame = self.says[poll.center](poll)
        if frame is None:
            self.now += REPLY_S
            if self.rota.missed(member, self.now):
                self.told.append((poll.center, False))
            return
        control = ANSWER | (MORE if poll.center in self.more else 0)
        answer = Message(poll.center, control, 7 if frame else 0, 0, frame)
        self.now += TURNAROUND_S + len(line.pack(*answer)) * OCTET_S
        if self.rota.answered(member, answer, self.now):
            self.told.append((poll.center, True))
        if frame:
            self.heard.append((self.now, poll.center, frame))

    def polled(self, center: int) -> list[float]:
        """When a center was polled."""
        return [at for at, poll in self.polls if poll.center == center]

    def press(self, center: int) -> float:
        """Seconds from a press at a center, as late after its poll as can be, until it is heard."""
        count = len(self.polled(center))
        while len(self.polled(center)) == count:
            self.until(self.now + 0.001)
        pressed_at, usual = self.now, self.says[center]
        self.says[center] = lambda _: PRESS
        self.until(self.now + 2)
        self.says[center] = usual
        return min(at for at, who, frame in self.heard if (who, frame) == (center, PRESS)) - pressed_at


def long_speaker(poll: Message) -> bytes:
    """A center that always has a long frame, and gives it where it may."""
    return b"" if poll.control & BRIEF else LONG


def test_a_press_among_twenty_centers_is_heard_within_half_a_second() -> None:
    """With nothing else on the line."""
    wire = Wire()
    wire.until(1)
    assert wire.press(13) < 0.3


def test_a_press_is_heard_within_half_a_second_among_reports_orders_and_silence() -> None:
    """Everybody else has long frames, there are some for them, a third is silent, and orders come all the time."""
    wire = Wire()
    wire.until(1)
    for center in CENTERS:
        wire.says[center] = long_speaker
    for center in range(1, 7):
        wire.says[center] = lambda _: None
    wire.until(3)
    worst = 0.0
    for center in range(10, 16):
        for other in CENTERS:
            for number in range(8):
                wire.rota.put(other, bytes([number]) * 60, wire.now + 60, wire.now)
                wire.rota.put(other, bytes([number]) * 1000, wire.now + 60, wire.now)
        worst = max(worst, wire.press(center))
    assert 0.1 < worst < 0.5


def test_a_center_that_always_has_news_does_not_mute_the_others() -> None:
    """Valid answers without end: everybody else still has a turn at least every half second."""
    wire = Wire()
    wire.says[1] = lambda _: PRESS
    wire.more.add(1)
    wire.until(5)
    gaps = [b - a for center in CENTERS if center > 1 for a, b in pairwise(wire.polled(center))]
    assert max(gaps) < 0.5
    assert wire.press(13) < 0.5
    # And itself is heard often: what waits comes first.
    assert len(wire.polled(1)) > 5 * len(wire.polled(2))


def test_an_order_comes_before_idle_polls() -> None:
    """It waits for the exchange that is under way, and for one more at the most."""
    wire = Wire()
    wire.until(1)
    wire.rota.put(9, b"order", wire.now + 60, wire.now)
    first = len(wire.polls)
    wire.until(wire.now + 1)
    places = [place for place, (_, poll) in enumerate(wire.polls[first:]) if poll.frame]
    assert len(places) == 1
    assert places[0] <= 1


def test_orders_for_all_twenty_go_out_in_half_a_second() -> None:
    """A siren of a whole neighbourhood."""
    wire = Wire()
    wire.until(1)
    for center in CENTERS:
        wire.rota.put(center, b"o" * 50, wire.now + 60, wire.now)
    begin = wire.now
    wire.until(begin + 0.5)
    assert {poll.center for at, poll in wire.polls if poll.frame and at >= begin} == set(CENTERS)


def test_a_silent_center_costs_one_timeout_in_a_tenth_of_a_second() -> None:
    """Also when all others are silent: the one that is there has its turns."""
    wire = Wire()
    for center in range(2, 21):
        wire.says[center] = lambda _: None
    wire.until(10)
    lost = [at for at, poll in wire.polls if at > 5 and poll.center > 1]
    assert min(b - a for a, b in pairwise(lost)) > PROBE_S - REPLY_S
    gaps = [b - a for a, b in pairwise(wire.polled(1)) if a > 5]
    assert max(gaps) < IDLE_S + 2 * REPLY_S
    assert wire.press(1) < 0.3


def test_orders_for_silent_centers_hold_nobody_up() -> None:
    """They go with the polls that look for them."""
    wire = Wire()
    for center in range(2, 21):
        wire.says[center] = lambda _: None
    wire.until(10)
    for center in range(2, 21):
        wire.rota.put(center, b"order", wire.now + 60, wire.now)
    began = wire.now
    wire.until(began + 5)
    lost = [at for at, poll in wire.polls if at > began and poll.center > 1]
    assert min(b - a for a, b in pairwise(lost)) > PROBE_S - REPLY_S
    assert all(poll.frame for at, poll in wire.polls if at > began and poll.center > 1)


def test_one_silent_center_is_polled_less_often_and_soon_again_when_it_is_back() -> None:
    """Its intervals double up to two seconds."""
    wire = Wire()
    wire.says[3] = lambda _: None
    wire.until(20)
    assert 5 <= len([at for at in wire.polled(3) if at > 10]) <= 7
    assert wire.told.count((3, False)) == 1
    wire.says[3] = lambda _: b""
    began = wire.now
    wire.until(began + BACKOFF_S[1] + 1)
    assert wire.told.count((3, True)) == 1
    assert len([at for at in wire.polled(3) if at > began]) > 5


def test_a_lost_poll_makes_nobody_silent() -> None:
    """A busy processor misses one now and then, and is asked again at once."""
    wire = Wire()
    wire.until(1)
    answers = iter([None, b"", None, None, b""])
    wire.says[3] = lambda _: next(answers, b"")
    wire.until(3)
    assert not wire.rota.members[3].silent
    assert wire.told.count((3, False)) == 0
    assert SILENT_MISSES > 2


def test_long_frames_let_everybody_else_speak_first() -> None:
    """Between two of them, all others have a turn, and every center with one gets to say it."""
    wire = Wire()
    for center in CENTERS:
        wire.says[center] = long_speaker
    wire.until(10)
    long = [place for place, (_, poll) in enumerate(wire.polls) if place and not poll.control & BRIEF]
    assert min(b - a for a, b in pairwise(long)) > len(CENTERS)
    assert {who for _, who, frame in wire.heard if frame == LONG} == set(CENTERS)


def test_a_frame_goes_until_it_is_answered_and_not_again() -> None:
    """An answer shows that the poll arrived; until then each poll carries it."""
    rota = Rota([1])
    rota.put(1, b"order", 60.0, 0.0)
    member = rota.members[1]
    assert rota.poll(member, 0.0).frame == b"order"
    rota.missed(member, 0.1)
    assert rota.poll(member, 0.1).frame == b"order"
    rota.answered(member, Message(1, ANSWER, 0, 0, b""), 0.2)
    assert rota.poll(member, 0.3).frame == b""


def test_what_nobody_heard_in_time_is_not_said_any_more() -> None:
    """An order ends when it is no longer worth anything."""
    rota = Rota([1])
    rota.put(1, b"order", 60.0, 0.0)
    assert rota.poll(rota.members[1], 59.9).frame == b"order"
    assert rota.poll(rota.members[1], 60.0).frame == b""


def test_the_same_frame_waits_once_and_not_too_many_wait() -> None:
    """The gateway passes an unanswered order on every three seconds; a silent center must not fill the memory."""
    rota = Rota([1])
    for number in range(WAITING + 1):
        for _ in range(2):
            rota.put(1, bytes([number]), 60.0, 0.0)
    assert [waiting.frame[0] for waiting in rota.members[1].brief] == list(range(1, WAITING + 1))


def test_a_stored_frame_is_acknowledged_until_the_poll_is_answered() -> None:
    """One mark by each poll, in order."""
    rota = Rota([1])
    member = rota.members[1]
    rota.answered(member, Message(1, ANSWER, 5, 0, PRESS), 0.0)
    assert rota.poll(member, 0.1)[2:4] == (5, 0)
    rota.taken(1, 5)
    rota.taken(1, 6)
    assert rota.poll(member, 0.1).taken == 5
    rota.missed(member, 0.2)
    assert rota.poll(member, 0.2).taken == 5
    rota.answered(member, Message(1, ANSWER, 0, 0, b""), 0.3)
    assert rota.poll(member, 0.4).taken == 6


def test_a_new_line_and_a_lost_center_begin_anew() -> None:
    """Marks of before mean nothing then."""
    rota = Rota([1])
    member = rota.members[1]
    assert rota.poll(member, 0.0).control & FIRST
    rota.answered(member, Message(1, ANSWER, 5, 0, b"x"), 0.0)
    assert not rota.poll(member, 0.0).control & FIRST
    rota.taken(1, 5)
    for miss in range(LOST_MISSES):
        assert rota.missed(member, 1.0) == (miss == LOST_MISSES - 1)
    assert rota.poll(member, 2.0)[1:4] == (FIRST, 0, 0)
    rota.answered(member, Message(1, ANSWER, 5, 0, b"x"), 2.0)
    rota.restart(3.0)
    assert rota.poll(member, 3.0)[1:4] == (FIRST, 0, 0)


def test_a_brief_frame_is_as_long_as_both_ends_say() -> None:
    """One octet more, and it waits for its turn among the long ones."""
    rota = Rota([1])
    rota.put(1, bytes(BRIEF_SIZE), 60.0, 0.0)
    rota.put(1, bytes(BRIEF_SIZE + 1), 60.0, 0.0)
    assert (len(rota.members[1].brief), len(rota.members[1].long)) == (1, 1)
