"""What a center says of its outputs is what was measured of them, and what it plays ends by itself. On both interpreters."""

from firmware.score import levels
from protocol import codes
from protocol.layout import kind_of
from protocol.messages import ACK, KIND_ACK
from tests.both.bench import Bench

INDICATE = codes.ACTIVATE | codes.INDICATOR
BOTH = codes.ACTIVATE | codes.SIREN | codes.INDICATOR
STEP_MS = 20


def told(bench, counter, measured, lasting_ms):
    """[(ms, status)] of what is said of one command of central's while this is measured."""
    found = []
    for passed_ms in range(STEP_MS, lasting_ms + 1, STEP_MS):
        bench.ticks += STEP_MS
        for action in bench.center.tick(measured):
            if action[0] == "send" and ACK.peek(action[1]).counter == counter:
                found.append((passed_ms, ACK.peek(action[1]).status))
    return found


def sounding(**changes):
    """A bench whose first command has switched something on."""
    bench = Bench()
    assert bench.command(incident=1, **changes) == codes.ACCEPTED
    return bench


def test_an_indicator_does_not_say_that_the_siren_sounds():
    """The loudest of what was asked decides; sounding is told once."""
    assert told(sounding(action=BOTH), 1, codes.INDICATOR, 5000) == [(2000, codes.FAILED)]
    assert told(sounding(action=BOTH), 1, codes.SIREN, 5000) == [(20, codes.SOUNDING)]
    assert told(sounding(action=INDICATE), 1, codes.INDICATOR, 5000) == [(20, codes.SOUNDING)]


def test_stopped_is_said_when_it_is_measured():
    """Off for 200 ms; what stays on for two seconds has failed to stop."""
    for measured, expected in ((0, [(200, codes.STOPPED)]), (codes.SIREN, [(2000, codes.FAILED)])):
        bench = sounding()
        bench.command(action=codes.STOP, incident=1)
        assert told(bench, 2, measured, 5000) == expected
    bench = sounding()
    bench.command(action=codes.STOP, incident=1)
    assert told(bench, 2, codes.SIREN, 1000) == []
    assert told(bench, 2, 0, 1000) == [(20, codes.STOPPED)]


def test_what_goes_on_for_another_order_says_nothing_of_the_first():
    """A second alert takes the siren over: the first is stopped, not failed, though the siren is measured on."""
    bench = sounding()
    bench.command(incident=2, duration=60)
    assert told(bench, 1, codes.SIREN | codes.STROBE, 5000) == [(20, codes.STOPPED)]


def test_what_the_flash_did_not_take_is_not_played():
    """Nothing sounded before: nothing does; a siren that did plays on in its own cadence and is not told as stopped."""
    bench = Bench()
    bench.center.receive(bench.frame(incident=1))
    bench.do(bench.center.unsaved())
    assert bench.center.running.score() == ()
    bench = sounding(class_=codes.FIRE, duration=60)
    score = bench.center.running.score()
    bench.center.receive(bench.frame(incident=2, class_=codes.MEDICAL))
    bench.do(bench.center.unsaved())
    assert [one for one in bench.center.running.score() if one[0] == codes.SIREN] == [score[0]]
    assert told(bench, 1, codes.SIREN, 3000) == [(20, codes.SOUNDING)]


def test_a_score_ends_by_itself_and_the_supply_with_it():
    """Whatever becomes of the program: the siren at its end, the supply behind it 300 ms later."""
    bench = sounding(action=codes.ACTIVATE | codes.LOUD, duration=30)
    score, start = bench.center.running.score(), bench.clock.ticks()
    assert levels(score, start + 29999) & codes.SIREN
    assert levels(score, start + 30000) == codes.POWER
    assert levels(score, start + 30299) == codes.POWER
    for late_ms in (30300, 60000, 180000, 3600000):
        assert levels(score, start + late_ms) == 0, late_ms


def test_a_stuck_relay_gives_its_cadence_to_the_second_switch():
    """Fire is still fire, and ends at its end."""
    bench = Bench()
    bench.center.running.stuck = True
    bench.command(class_=codes.FIRE, duration=30)
    score, start = bench.center.running.score(), bench.clock.ticks()
    on = [bool(levels(score, start + at) & codes.POWER) for at in range(0, 4000, 250)]
    assert on == [True, True, False, False, True, True, False, False, True, True] + [False] * 6
    assert not levels(score, start + 30000) & codes.POWER


def test_nothing_comes_back_when_the_ticks_come_round():
    """A board's ticks repeat after 12.4 days: what was played then is not played again, neither supply nor indicator."""
    bench = sounding(duration=1)
    bench.center.running.blink()
    began = bench.ticks
    for _ in range(600):
        bench.tick(STEP_MS)
    assert bench.center.running.score() == ()
    for _ in range(2):
        bench.tick((1 << 29) - 6000)
    for passed_ms in range(0, 12000, 100):
        bench.ticks = began + (1 << 30) + passed_ms
        assert bench.center.wanted() == 0, passed_ms


def test_what_the_gateway_ordered_is_told_to_central_under_its_own_key():
    """The gateway gets its acks; central gets the center's own word that it sounded and stopped, with the incident."""
    bench = Bench()
    bench.command(authority=codes.LOCAL, incident=(1 << 63) | 5, duration=2)
    bench.said.clear()
    for _ in range(200):
        bench.tick()
    acks = [ACK.peek(frame) for frame in bench.said if kind_of(frame) == KIND_ACK]
    assert [(ack.counter, ack.status) for ack in acks if ack.authority == codes.LOCAL] == [
        (1, codes.SOUNDING),
        (1, codes.STOPPED),
    ]
    assert [(ack.counter, ack.incident, ack.status) for ack in acks if ack.authority == codes.CENTRAL] == [
        (0, (1 << 63) | 5, codes.SOUNDING_LOCALLY),
        (0, (1 << 63) | 5, codes.STOPPED_LOCALLY),
    ]
    assert len({ack.sequence for ack in acks}) == 4
