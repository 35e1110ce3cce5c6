"""What a center says of its own: kept until central has it, told again, never more often than it helps."""

from firmware.state import unpack
from protocol import codes
from protocol.messages import ACK, BEAT, CONFIRM, Confirm
from tests.both.bench import Bench


def confirm(bench, sequence, authority=0, nonce=None):
    """Central (or the gateway) has stored an event."""
    message = Confirm(authority, 0, 42, sequence)
    frame = CONFIRM.seal(bench.identity.pairs[authority].down, message, nonce or bench.nonce)
    bench.do(bench.center.receive(frame))


def test_an_event_is_kept_until_central_confirms_it():
    """Over a power cut, with its true age; gone once central has stored it, and not for the word of anybody else."""
    bench = Bench()
    bench.do(bench.center.press(codes.PANIC))
    for _ in range(100):
        bench.tick(1000)
    bench.do([("save",)])
    bench.boot(False)
    again = bench.center.connected()
    ack = ACK.peek(again[0][1])
    assert ack.status == codes.PANIC
    assert 99 <= ack.age <= 102
    confirm(bench, ack.sequence, authority=1)
    confirm(bench, ack.sequence, nonce=bytes(8))
    confirm(bench, ack.sequence + 1)
    assert len(bench.center.connected()) == 2
    confirm(bench, ack.sequence)
    assert bench.center.connected() == []
    bench.boot(False)
    assert bench.center.connected() == []


def test_an_unconfirmed_event_is_told_again_three_times_and_then_every_hour():
    """After 20, 60 and 180 s, both for central and for the gateway, with the same sequence."""
    bench = Bench()
    bench.tick()
    bench.do(bench.center.note(codes.TAMPER))
    told = []
    for second in range(1, 2 * 3600):
        before = len(bench.said)
        bench.tick(1000)
        acks = [ACK.peek(frame) for frame in bench.said[before:] if len(frame) == ACK.size]
        assert [ack.authority for ack in acks] in ([], [0, 1])
        told += [(second, ack.age, ack.sequence) for ack in acks[:1]]
    assert [(at, age) for at, age, _ in told] == [(at, at) for at in (20, 80, 260, 3860)]
    assert len({sequence for _, _, sequence in told}) == 1


def test_of_too_many_events_news_goes_first():
    """A person's press is forgotten last."""
    bench = Bench()
    bench.do(bench.center.press(codes.SILENT_PANIC))
    for _ in range(20):
        bench.do(bench.center.note(codes.MOTION))
    assert [event[1] for event in bench.state.events] == [codes.SILENT_PANIC] + [codes.MOTION] * 7


def test_a_fob_tells_its_slot_and_a_silent_one_moves_nothing():
    """The slot stands where the battery stands otherwise; a press that may not sound still reports."""
    bench = Bench()
    bench.do(bench.center.press(codes.PANIC_FOB_FIXED, 7, False))
    bench.do(bench.center.press(codes.SILENT_FOB, 8))
    assert bench.shown == 0
    acks = [ACK.peek(frame) for frame in bench.said if len(frame) == ACK.size]
    assert [(ack.status, ack.battery) for ack in acks[::2]] == [(codes.PANIC_FOB_FIXED, 7), (codes.SILENT_FOB, 8)]
    assert acks[0].incident != acks[2].incident
    bench.do(bench.center.press(codes.PANIC_FOB, 9))
    assert bench.shown & codes.SIREN


def test_an_event_older_than_its_field_is_told_all_the_same():
    """18 hours and more: the age stands still, the event does not get lost."""
    bench = Bench()
    bench.do(bench.center.press(codes.SILENT_PANIC))
    for _ in range(80):
        bench.tick(1000000)
    frames = [action[1] for action in bench.center.connected()]
    assert [ACK.peek(frame).age for frame in frames] == [0xFFFF, 0xFFFF]


def test_an_ack_that_waited_for_a_link_says_how_old_it_is():
    """Under its own seal, added to the age it had; a heartbeat has none."""
    bench = Bench()
    bench.command()
    frame, beat = bench.said[-1], bench.center.beat(0)[0]
    answers, key = bench.center.answers, bench.identity.pairs[0].up
    assert answers.aged(frame, 0) == frame
    older = answers.aged(frame, 100)
    assert (ACK.open(key, older).age, ACK.peek(older)[:8]) == (100, ACK.peek(frame)[:8])
    assert ACK.open(key, answers.aged(older, 23)).age == 123
    assert ACK.open(key, answers.aged(older, 1 << 20)).age == 0xFFFF
    assert answers.aged(beat, 100) == beat


def test_a_refused_frame_is_refused_in_the_same_octets():
    """However often it comes; no sequence is spent on it."""
    bench = Bench()
    frame = bench.frame(center=43)
    for _ in range(3):
        bench.do(bench.center.receive(frame))
    answers = [octets for octets in bench.said if len(octets) == ACK.size]
    assert len(answers) == 3 and len(set(answers)) == 1


def test_flash_is_ahead_of_every_sequence_that_is_said():
    """From the first word of a boot, and however long it lasts: a power cut at any moment repeats none."""
    bench = Bench()
    for boot in range(3):
        bench.boot(bool(boot))
        assert BEAT.peek(bench.center.beat(0)[0]).sequence < unpack(bench.flash).reserved
        for number in range(200):
            # As the program does before it says anything.
            if bench.center.answers.reserve():
                bench.do([("save",)])
            frames = bench.center.answers.beats(number, 12000, 0, 0, 0)
            assert BEAT.peek(frames[0]).sequence < unpack(bench.flash).reserved, (boot, number)


def test_presses_that_wait_take_no_more_memory_for_news():
    """Eight of them keep all places; what is told beside them is forgotten whole."""
    bench = Bench()
    for _ in range(8):
        bench.do(bench.center.press(codes.SILENT_PANIC))
    for _ in range(100):
        bench.do(bench.center.note(codes.MOTION))
    assert len(bench.state.events) == len(bench.center.answers._due) == 8
