"""A center on a shared line: it speaks when it is polled and at once, forgets only what is stored, repeats what was not heard."""

import asyncio

from firmware.serial_link import FRESH_MS, INFLIGHT, LOST_MS, SerialLink
from protocol.framing import Deframer
from protocol.line import ANSWER, BRIEF, BRIEF_SIZE, FIRST, MORE, pack, unpack
from protocol.messages import ACK, Ack

CENTER = 42


class Station:
    """A link on a port that a test feeds, on a clock that a test moves."""

    def __init__(self, center=CENTER):
        self.now_ms = 1000
        self.took_ms = 0
        self.written = []
        self.free = True
        self.events = []
        name = "C%06d" % center
        self.link = SerialLink(name, "/", self, self, bytes, self._receive, self._connected, None)
        self.link.aged = lambda frame, age_s: frame if age_s < 1 else frame + bytes((age_s,))
        self.mark = 0

    def ms(self):
        # Whoever looks at the clock has worked since the last look.
        self.now_ms += self.took_ms
        return self.now_ms

    def write(self, octets):
        assert self.free, "it spoke before it had given the line free"
        self.free = False
        self.written.append(octets)
        self.events.append("answer")
        return 0

    def finish(self):
        self.free = True

    def _receive(self, frame, retained):
        assert not retained
        self.events.append(frame)

    def _connected(self):
        self.events.append("connected")

    def poll(self, control=0, frame=b"", heard=None, taken=0, center=CENTER, late_ms=0):
        """The answer to a poll that ended `late_ms` ago, None without one."""
        mark = self.mark if heard is None else heard
        message = Deframer().feed(pack(center, control, mark, taken, frame))[0]
        answered = asyncio.run(self.link._heard(message, self.now_ms - late_ms))
        assert bool(self.written) == answered
        if not self.written:
            return None
        octets = self.written.pop()
        assert octets[:1] == octets[-1:] == b"\x00"
        assert self.free
        answer = unpack(Deframer().feed(octets)[0])
        self.mark = answer.mark
        return answer


def linked():
    """A station that the gateway knows."""
    station = Station()
    assert station.poll(FIRST) == (CENTER, ANSWER, 0, 0, b"")
    station.events.clear()
    return station


def ack(sequence):
    """A frame that must arrive."""
    return ACK.pack(Ack(0, 0, CENTER, 7, 1, 1, 0, sequence, 0, 12600)) + bytes(16)


def test_the_first_poll_makes_the_link():
    """It is up once it has answered; what the app then says goes with the next poll."""
    station = Station()
    assert not station.link.up
    station.poll(FIRST)
    assert station.link.up
    assert station.events == ["answer", "connected"]
    assert station.link.described() == ["serial", 0, 1]
    station.poll()
    assert station.events == ["answer", "connected", "answer"]


def test_a_gateway_that_begins_anew_is_told_everything_again():
    """It lost what it had heard and not stored; also a center that was forgotten for long begins anew by itself."""
    station = linked()
    station.link.send(ack(1))
    assert station.poll().frame == ack(1)
    assert station.poll().frame == b""
    assert station.poll(FIRST, heard=0).frame == b""
    assert station.poll().frame == ack(1)
    station.link.up = False
    station.poll()
    assert station.events.count("connected") == 2
    assert station.poll().frame == ack(1)


def test_it_speaks_only_when_it_is_polled():
    """Polls of others, answers of others and its own echo, and noise are no polls."""
    station = linked()
    station.link.send(ack(1))
    assert station.poll(center=CENTER + 1, frame=b"order") is None
    assert station.poll(ANSWER, frame=b"order") is None
    assert asyncio.run(station.link._heard(b"12345678", station.now_ms)) is False
    assert station.events == []
    assert station.poll().frame == ack(1)


def test_it_answers_at_once_or_not_at_all():
    """A late answer would meet the next poll; what the poll brought is taken all the same, and nothing is lost."""
    station = linked()
    station.link.send(ack(1))
    assert station.poll(frame=b"order", late_ms=FRESH_MS + 1) is None
    assert station.events == [b"order"]
    assert station.poll(late_ms=FRESH_MS).frame == ack(1)


def test_a_late_first_poll_makes_no_link():
    """The gateway has not heard it, and polls for the first time again."""
    station = Station()
    assert station.poll(FIRST, late_ms=FRESH_MS + 1) is None
    assert (station.link.up, station.events) == (False, [])


def test_what_is_ordered_comes_after_the_answer():
    """Flash and outputs take longer than the gateway waits."""
    station = linked()
    station.poll(frame=b"order")
    assert station.events == ["answer", b"order"]


def test_only_what_is_stored_is_forgotten():
    """Heard is not enough: it goes to the next gateway again; the mark of another frame changes nothing."""
    station = linked()
    station.link.send(ack(1))
    answer = station.poll()
    assert station.poll(taken=answer.mark % 0xFFFF + 1).frame == b""
    assert len(station.link._queue) == 1
    assert station.poll(taken=answer.mark).frame == b""
    assert len(station.link._queue) == 0


def test_what_was_not_heard_goes_again():
    """The next poll does not name its mark."""
    station = linked()
    station.link.send(ack(1))
    before = station.mark
    first = station.poll()
    again = station.poll(heard=before)
    assert (first.frame, again.frame) == (ack(1), ack(1))
    assert station.poll().frame == b""


def test_others_go_on_while_one_waits_to_be_stored():
    """A full disk at the gateway must not keep a press back; but there is an end to what is given away."""
    station = linked()
    for sequence in range(INFLIGHT + 2):
        station.link.send(ack(sequence))
    answers = [station.poll() for _ in range(INFLIGHT + 1)]
    assert [answer.frame for answer in answers] == [ack(number) for number in range(INFLIGHT)] + [b""]
    assert len(set([answer.mark for answer in answers])) == INFLIGHT + 1
    assert station.poll(taken=answers[3].mark).frame == ack(INFLIGHT)


def test_a_long_frame_goes_only_where_it_may():
    """Brief ones go before it, and `more` says that something waits."""
    station = linked()
    report = b"r" * (BRIEF_SIZE + 1)
    station.link.send(report)
    assert station.poll(BRIEF).frame == b""
    station.link.send(ack(1))
    brief = station.poll()
    assert (brief.frame, brief.control) == (ack(1), ANSWER | MORE)
    assert station.poll(BRIEF).frame == b""
    long = station.poll()
    assert (long.frame, long.control) == (report, ANSWER)


def test_a_frame_that_takes_long_to_pack_is_ready_for_the_next_poll():
    """Else a slow processor would never be in time."""
    station = linked()
    station.link.send(b"r" * 1000)
    station.took_ms = FRESH_MS
    assert station.poll() is None
    station.took_ms = 0
    packed = station.link._packed[1]
    assert station.poll().frame == b"r" * 1000
    assert station.link._packed[1] is packed


def test_an_ack_that_waited_tells_its_age():
    """Also when it was packed before."""
    station = linked()
    station.link.send(ack(1))
    assert station.poll(late_ms=FRESH_MS + 1) is None
    station.now_ms += 5000
    assert station.poll().frame == ack(1) + b"\x05"


def test_marks_have_an_end():
    """They begin anew at 1, as 0 means none."""
    station = linked()
    station.link._mark = 0xFFFE
    for sequence in range(2):
        station.link.send(ack(sequence))
    assert [station.poll().mark for _ in range(2)] == [0xFFFF, 1]


class Ended(Exception):
    """The end of a run in a test."""


def run(pieces, moved_ms=()):
    """Events of a linked station whose port reads these octets one piece after the other, the clock going on in between."""
    station = linked()
    waiting = list(zip(pieces, list(moved_ms) + [1] * len(pieces)))

    def read():
        if not waiting:
            raise Ended
        octets, ms = waiting.pop(0)
        station.now_ms += ms
        return octets

    station.read = read
    try:
        asyncio.run(station.link.run())
    except Ended:
        pass
    return station


def test_the_loop_answers_the_last_word_on_the_line():
    """A poll in pieces is answered; one that something else follows is only taken."""
    poll = pack(CENTER, 0, 0, 0, b"order")
    assert run([poll[:5], poll[5:]]).events == ["answer", b"order"]
    assert run([poll + pack(CENTER + 1, 0, 0, 0, b"")]).events == [b"order"]
    assert run([poll + b"\x05"]).events == [b"order"]
    assert run([b"noise" + poll]).events == ["answer", b"order"]


def test_the_loop_knows_how_old_a_poll_may_be():
    """It ended at any time since the last look."""
    poll = pack(CENTER, 0, 0, 0, b"order")
    assert run([b"\x00", poll], [1, FRESH_MS - 2]).events == ["answer", b"order"]
    assert run([b"\x00", poll], [1, FRESH_MS + 2]).events == [b"order"]


def test_the_time_of_a_long_answer_is_no_time_of_the_next_poll():
    """Nobody else spoke while it did: what comes right after it is as fresh as can be."""
    station = linked()
    waiting = [pack(CENTER, 0, 0, 0, b"one"), pack(CENTER, 0, 0, 0, b"two")]

    def read():
        if not waiting:
            raise Ended
        return waiting.pop(0)

    def write(octets):
        station.now_ms += 100
        station.events.append("answer")
        return 0

    station.read, station.write = read, write
    try:
        asyncio.run(station.link.run())
    except Ended:
        pass
    assert station.events == ["answer", b"one", "answer", b"two"]


def test_a_link_that_is_not_polled_is_down():
    """The app asks it before it says a heartbeat, and restarts for no update."""
    assert run([b"\x00", b"\x00"], [1, LOST_MS - 2]).link.up
    assert not run([b"\x00", b"\x00", b"\x00"], [1, LOST_MS + 2]).link.up
