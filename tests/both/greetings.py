"""Hello and time over links that are slow, lossy or long away."""

from protocol import codes
from protocol.messages import HELLO, TIME, Time
from tests.both.bench import NOW, Bench


class Greeter:
    """Central at the other end of a slow link: hears hellos, answers the one it is told to."""

    def __init__(self):
        self.bench = Bench()
        self.bench.boot(False)
        self.heard = []  # (ticks, request)

    def passes(self, seconds):
        """Time goes by, the center says what it says."""
        for _ in range(seconds * 5):
            self.bench.ticks += 200
            for action in self.bench.center.tick(0):
                if action[0] == "hello" and HELLO.peek(action[1]).authority == codes.CENTRAL:
                    self.heard.append((self.bench.ticks, HELLO.peek(action[1]).request))

    def answer(self, request, time=NOW):
        """TIME for a request."""
        pair = self.bench.identity.pairs[codes.CENTRAL]
        self.bench.do(
            self.bench.center.receive(TIME.seal(pair.down, Time(0, 0, 42, time, 0, 0, request), self.bench.nonce))
        )


def test_a_slow_link_synchronises_all_the_same():
    """Round trips of 2 to 55 s: the answer to a hello counts although others were said since."""
    for round_trip_s in (2, 6, 12, 30, 55):
        greeter = Greeter()
        greeter.passes(1)
        first = greeter.heard[0][1]
        greeter.passes(round_trip_s - 1)
        greeter.answer(first)
        assert greeter.bench.center.synchronised(), round_trip_s


def test_an_answer_of_more_than_a_minute_is_not_believed():
    """However many hellos are open."""
    greeter = Greeter()
    greeter.passes(1)
    greeter.passes(61)
    greeter.answer(greeter.heard[0][1])
    assert not greeter.bench.center.synchronised()
    greeter.answer(greeter.heard[-1][1])
    assert greeter.bench.center.synchronised()


def test_an_answer_closes_its_hello_and_all_before_it():
    """Said again, or to an older hello, it would set the clock back."""
    greeter = Greeter()
    greeter.passes(20)
    requests = [request for _, request in greeter.heard]
    assert len(requests) > 2
    greeter.answer(requests[1], NOW)
    greeter.answer(requests[1], NOW - 3000)
    greeter.answer(requests[0], NOW - 3000)
    assert greeter.bench.clock.now() >= NOW
    greeter.answer(requests[2], NOW + 5000)
    assert greeter.bench.clock.now() >= NOW + 5000


def test_hellos_that_nobody_answers_become_rare():
    """An hour without central: after the first minute one a minute, so that a prepaid card survives it; a new link begins anew."""
    greeter = Greeter()
    greeter.passes(60)
    assert 4 <= len(greeter.heard) <= 6
    greeter.heard = []
    greeter.passes(3540)
    assert 50 <= len(greeter.heard) <= 62
    greeter.heard = []
    greeter.bench.center.connected()
    greeter.passes(6)
    assert len(greeter.heard) == 2


def test_a_command_that_came_before_its_time_is_answered_with_a_hello():
    """Refused as not synchronised, which only a TIME heals: it asks at once, not when its patience would be over."""
    greeter = Greeter()
    greeter.passes(300)
    greeter.heard = []
    assert greeter.bench.command() == codes.NOT_SYNCHRONISED
    greeter.passes(1)
    assert len(greeter.heard) == 1
    # And no more than once a minute, however many come.
    for _ in range(20):
        greeter.bench.command()
        greeter.passes(1)
    assert len(greeter.heard) <= 4
