"""Whose word sets the clock, kills counters or ends an event, and when a center asks for it. On both interpreters."""

from protocol import codes
from protocol.messages import CONFIRM, HELLO, TIME, Confirm, Time
from tests.both.bench import NOW, Bench


def hello_of(bench, authority):
    """The hello that an authority is told now; None when it is told none."""
    for action in bench.center.tick(bench.shown):
        if action[0] == "hello" and HELLO.peek(action[1]).authority == authority:
            return HELLO.peek(action[1])
    return None


def asked(bench, authority):
    """The hello of a new link."""
    bench.center.sessions[authority].reconnected()
    return hello_of(bench, authority)


def answer(bench, request, authority=0, key=None, nonce=None, **changes):
    """Say a TIME, from the authority itself unless told otherwise."""
    time = Time(authority, 0, 42, NOW, 0, 0, request)
    fields = [changes.get(name, value) for name, value in zip(FIELDS, time)]
    key = bench.identity.pairs[authority].down if key is None else key
    bench.do(bench.center.receive(TIME.seal(key, Time(*fields), nonce or bench.nonce)))


FIELDS = ("authority", "epoch", "center", "time", "ms", "floor", "request")


def hellos(bench, authority, seconds):
    """The seconds at which an authority is told hello, over so many of them."""
    found = []
    for second in range(1, seconds + 1):
        bench.ticks += 1000
        if hello_of(bench, authority):
            found.append(second)
    return found


def test_only_the_authoritys_own_seal_of_this_boot_sets_a_clock():
    """Another key, another boot's nonce, another authority's, a bit of the tag, another center: nothing is believed."""
    bench = Bench()
    bench.boot(False)
    request = asked(bench, codes.CENTRAL).request
    pairs = bench.identity.pairs
    answer(bench, request, key=pairs[codes.LOCAL].down)
    answer(bench, request, key=pairs[codes.CENTRAL].up)
    answer(bench, request, nonce=bytes(8))
    answer(bench, request, center=43)
    answer(bench, request + 1)
    frame = TIME.seal(pairs[0].down, Time(0, 0, 42, NOW, 0, 0, request), bench.nonce)
    for bit in range(8 * len(frame)):
        forged = bytearray(frame)
        forged[bit >> 3] ^= 1 << (bit & 7)
        assert bench.center.receive(bytes(forged)) == [], bit
    assert not bench.center.synchronised()
    assert bench.clock.now() is None
    answer(bench, request)
    assert bench.center.synchronised()
    assert bench.clock.now() == NOW


def test_a_gateway_does_not_move_the_clock_that_central_set():
    """In whichever order they speak; before central was heard the gateway's serves."""
    bench = Bench()
    bench.boot(False)
    bench.sync(codes.LOCAL, NOW - 7200)
    assert bench.clock.now() == NOW - 7200
    bench.sync(codes.CENTRAL, NOW)
    bench.sync(codes.LOCAL, NOW + 7200)
    assert bench.clock.now() == NOW
    bench.sync(codes.DRILL, NOW + 7200)
    assert bench.clock.now() == NOW


def test_what_a_group_does_in_step_it_does_by_the_gateways_clock():
    """Central's serves until the gateway was heard, and moves it no more afterwards."""
    bench = Bench()
    bench.boot(False)
    ticks = bench.clock.ticks()
    answer(bench, asked(bench, codes.CENTRAL).request, ms=100)
    assert bench.clock.shared_origin(800) == ticks - (NOW * 1000 + 100) % 800
    answer(bench, asked(bench, codes.LOCAL).request, codes.LOCAL, ms=300)
    assert bench.clock.shared_origin(800) == ticks - (NOW * 1000 + 300) % 800
    answer(bench, asked(bench, codes.CENTRAL).request, ms=500)
    answer(bench, asked(bench, codes.DRILL).request, codes.DRILL, ms=700)
    assert bench.clock.shared_origin(800) == ticks - (NOW * 1000 + 300) % 800


def test_half_of_the_way_is_added_to_a_time():
    """Eight seconds there and back: four have passed since it was said."""
    bench = Bench()
    bench.boot(False)
    request = asked(bench, codes.CENTRAL).request
    bench.ticks += 8000
    answer(bench, request)
    assert bench.clock.now() == NOW + 4


def test_the_floor_of_a_time_kills_what_its_sender_no_longer_wants():
    """For that authority alone, also after a power cut; a lower one raises nothing."""
    bench = Bench()
    bench.sync(codes.CENTRAL, floor=10)
    bench.boot()
    assert bench.command(counter=10) == codes.TOO_OLD
    assert bench.command(counter=10, authority=codes.LOCAL, action=codes.PROBE) == codes.ACCEPTED
    saves = bench.saves
    bench.sync(codes.CENTRAL, floor=9)
    assert bench.saves == saves
    assert bench.command(counter=9) == codes.TOO_OLD
    assert bench.command(counter=11) == codes.ACCEPTED


def test_a_confirm_is_for_this_center_by_central():
    """One that names another center, is sealed by the gateway or comes as a drill's ends no event."""
    bench = Bench()
    bench.do(bench.center.press(codes.PANIC))
    sequence = bench.state.events[0][0]
    for authority, center in ((0, 43), (1, 42), (2, 42)):
        confirm = Confirm(authority, 0, center, sequence)
        frame = CONFIRM.seal(bench.identity.pairs[authority].down, confirm, bench.nonce)
        assert bench.center.receive(frame) == []
    assert len(bench.state.events) == 1


def test_a_refusal_that_a_new_clock_heals_asks_for_one():
    """Stale, from the future: hello at the next turn, once a minute; other refusals ask for nothing."""
    for changes, asks in (
        ({"issued": NOW - 400}, True), ({"issued": NOW + 90}, True), ({"center": 43}, False), ({"class_": 3}, False),
    ):  # fmt: skip
        bench = Bench()
        bench.ticks += 1000
        assert hello_of(bench, codes.CENTRAL) is None
        bench.command(**changes)
        assert (hello_of(bench, codes.CENTRAL) is not None) == asks, changes


def test_a_bad_tag_asks_for_a_hello_once_a_minute():
    """Whoever sealed it may know another boot of this center; a flood of them costs one hello a minute."""
    bench = Bench()
    bench.nonce = b"other bo"
    frame = bench.frame()
    told = []
    for second in range(1, 130):
        bench.ticks += 1000
        assert bench.center.receive(frame) == []
        bench.nonce = bench.state.boot.to_bytes(8, "big")
        found = hello_of(bench, codes.CENTRAL)
        if found:
            told.append(second)
            answer(bench, found.request)
    assert told == [1, 61, 121]


def test_a_clock_is_asked_for_again_in_time():
    """Central's and a drill's every six hours, the gateway's every fifteen minutes."""
    bench = Bench()
    assert hellos(bench, codes.LOCAL, 901)[:1] == [900]
    for authority in (codes.CENTRAL, codes.DRILL):
        bench = Bench()
        bench.clock.set(NOW)
        assert hellos(bench, authority, 6 * 3600 + 1)[:1] == [6 * 3600]
