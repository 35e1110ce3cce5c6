"""Signals, the supply behind the siren, and what a group does in step."""

from protocol import codes
from protocol.messages import CONFIRM, HELLO, TIME, Confirm, Time
from tests.both.bench import NOW, Bench


def test_signals_last_as_long_as_they_may():
    """Short 3 s, all-clear and test 2 s, whatever duration the command asks; an unknown signal is refused."""
    for signal, lasts_s in ((codes.SHORT, 3), (codes.ALL_CLEAR, 2), (codes.TEST, 2)):
        bench = Bench()
        assert bench.command(flags=signal, duration=180) == codes.ACCEPTED
        began = bench.ticks
        while len(bench.center.running):
            bench.tick()
        assert lasts_s * 1000 <= bench.ticks - began <= lasts_s * 1000 + 40
    bench = Bench()
    assert bench.command(flags=4) == codes.UNKNOWN_ACTION
    assert bench.moved == []


def test_only_central_erases():
    """The gateway's and the drill's order to erase is refused; central's stops everything, is answered, then done."""
    bench = Bench()
    assert bench.command(action=codes.ERASE, authority=1) == codes.UNKNOWN_ACTION
    assert bench.command(action=codes.ERASE, authority=2) == codes.UNKNOWN_ACTION
    bench.command()
    actions = bench.center.receive(bench.frame(action=codes.ERASE, incident=2))
    assert [action[0] for action in actions] == ["save", "outputs", "send", "erase"]
    assert bench.center.wanted() & 0x0F == 0


def test_the_supply_behind_the_siren_opens_after_its_relay():
    """Closed while it sounds, and for 300 ms more; with a stuck relay it pulses itself, and opens at once."""
    bench = Bench()
    bench.command(class_=codes.FIRE, duration=30)
    seen = set()
    for _ in range(200):
        bench.tick()
        seen.add(bench.center.wanted() & (codes.SIREN | codes.POWER))
    assert seen == {codes.POWER, codes.POWER | codes.SIREN}
    bench.command(action=codes.STOP, incident=3)
    for _ in range(13):
        bench.tick()
        assert bench.center.wanted() == codes.POWER
    for _ in range(5):
        bench.tick()
    assert bench.center.wanted() == 0
    bench.center.running.stuck = True
    bench.command(incident=4)
    bench.command(action=codes.STOP, incident=5)
    assert bench.center.wanted() == 0


def test_the_strobes_of_a_group_flash_together():
    """Two centers that started at different moments, commanded at different moments: the same flashes."""
    one, two = Bench(), Bench()
    two.ticks += 123457
    two.boot()
    for bench, late in ((one, 0), (two, 377)):
        # The gateway's clock read NOW and 250 ms when each of them asked.
        bench.sync(1)
        bench.center._clock.share(NOW * 1000 + 250)
        bench.ticks += late
    one.ticks += 377
    one.command(action=codes.ACTIVATE | codes.STROBE, class_=codes.FIRE)
    two.ticks += 291
    one.ticks += 291
    two.command(action=codes.ACTIVATE | codes.STROBE, class_=codes.FIRE)
    flashes = []
    for _ in range(200):
        assert one.center.wanted() == two.center.wanted()
        flashes.append(one.center.wanted())
        one.ticks += 20
        two.ticks += 20
    assert len(set(flashes)) == 2


def test_nobody_but_central_cuts_a_longer_alarm_short():
    """A press, a fob and the gateway's order while it sounds are told or accepted, and change nothing of it."""
    bench = Bench()
    bench.command(class_=codes.FIRE, duration=180)
    score, spent = bench.center.running.score(), len(bench.state.budget.spent)
    bench.do(bench.center.press(codes.PANIC))
    bench.do(bench.center.press(codes.PANIC_FOB_FIXED, 3))
    assert bench.command(authority=1, incident=5, flags=codes.SHORT) == codes.ACCEPTED
    assert bench.center.running.score() is score
    assert len(bench.state.budget.spent) == spent
    assert [event[1] for event in bench.state.events] == [codes.PANIC, codes.PANIC_FOB_FIXED]
    # What ends later goes on for longer.
    bench.tick(160000)
    bench.do(bench.center.press(codes.PANIC))
    assert bench.center.running.score() is not score
    bench.tick(25000)
    assert bench.center.running.loud()
    # Central knows what it does.
    bench = Bench()
    bench.command(class_=codes.FIRE, duration=180)
    bench.command(incident=6, flags=codes.SHORT)
    bench.tick(3000)
    assert not bench.center.running.loud()


def test_an_erasure_is_not_undone_by_a_flash_that_fails():
    """It was accepted, so it is carried out."""
    bench = Bench()
    bench.center.receive(bench.frame(action=codes.ERASE))
    assert ("erase",) in bench.center.unsaved()


def test_what_a_broker_kept_sets_no_clock_and_confirms_nothing():
    """A retained TIME or CONFIRM is dropped like a retained command."""
    bench = Bench()
    bench.do(bench.center.press(codes.PANIC))
    sequence = bench.state.events[0][0]
    key = bench.identity.pairs[0].down
    bench.do(bench.center.receive(CONFIRM.seal(key, Confirm(0, 0, 42, sequence), bench.nonce), True))
    assert len(bench.state.events) == 1
    bench.boot(False)
    frames = [action[1] for action in bench.center.tick(0) if action[0] == "hello"]
    hello = HELLO.open(bench.identity.pairs[0].up, frames[0])
    answer = TIME.seal(key, Time(0, 0, 42, NOW, 0, 0, hello.request), bench.nonce)
    bench.do(bench.center.receive(answer, True))
    assert not bench.center.synchronised()
    bench.do(bench.center.receive(answer))
    assert bench.center.synchronised()
