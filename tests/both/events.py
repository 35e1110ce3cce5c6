"""What a center says of its own: kept until central has it, told again, never more often than it helps."""

from protocol import codes
from protocol.messages import ACK, CONFIRM, Confirm
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
