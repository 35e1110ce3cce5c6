"""What waits for the link: nothing that matters is pushed out by what does not."""

from firmware.outgoing import AGAIN_MS, Outgoing
from protocol.hmac import Mac
from protocol.messages import ACK, BEAT, Ack, Beat

KEY = Mac(bytes(32))


def ack(sequence, counter=1, age=0):
    """A sealed ack; counter 0 is an event."""
    return ACK.seal(KEY, Ack(0, 0, 42, counter, 7, 1, 0, sequence, age, 12000))


def beat(sequence):
    """A sealed heartbeat."""
    return BEAT.seal(KEY, Beat(0, 0, 42, sequence, 1, 12000, 0, 0, 0))


def frames(queue, now_ms=10**9):
    """All that is due, in order."""
    found = []
    entry = queue.due(now_ms)
    while entry:
        queue.written(entry)
        found.append(entry.frame)
        entry = queue.due(now_ms)
    queue.renew()
    return found


def test_heartbeats_of_a_long_night_push_no_ack_out():
    """A thousand of them while the link is away: the ack is still there, and one heartbeat, the newest."""
    queue = Outgoing()
    first = ack(1)
    queue.add(first, 0)
    for sequence in range(2, 1002):
        queue.add(beat(sequence), sequence)
    assert frames(queue) == [first, beat(1001)]


def test_when_it_is_full_an_own_event_is_the_last_to_go():
    """Nobody asks for it again; a command is asked for again."""
    queue = Outgoing(4)
    queue.add(ack(1, 0), 0)
    for sequence in range(2, 9):
        queue.add(ack(sequence), 0)
    assert frames(queue) == [ack(1, 0), ack(6), ack(7), ack(8)]


def test_what_was_written_is_not_written_again_on_the_same_link():
    """Only a new link begins anew."""
    queue = Outgoing()
    queue.add(ack(1), 0)
    queue.written(queue.due(0))
    assert queue.due(10**6) is None
    queue.renew()
    assert queue.due(0).frame == ack(1)


def test_what_nobody_heard_waits_and_is_said_again():
    """An ack is kept for later; a heartbeat has lost its use."""
    queue = Outgoing()
    queue.add(ack(1), 0)
    queue.add(beat(2), 0)
    for _ in range(2):
        entry = queue.due(0)
        queue.written(entry)
        queue.unheard(entry, 0)
    assert queue.due(AGAIN_MS - 1) is None
    assert queue.due(AGAIN_MS).frame == ack(1)
    assert len(queue) == 1


def test_an_answer_to_what_was_given_up_is_harmless():
    """A receipt that comes for an entry no longer kept changes nothing."""
    queue = Outgoing(1)
    queue.add(ack(1), 0)
    entry = queue.due(0)
    queue.add(ack(2), 0)
    assert not queue.taken(entry)
    assert len(queue) == 1


def test_an_event_told_anew_keeps_its_place():
    """While it still waits for a link: once, where it was, with its newer age."""
    queue = Outgoing()
    queue.add(ack(7, 0), 0)
    queue.add(ack(8, 0), 0)
    queue.written(queue.due(0))
    queue.add(ack(7, 0, 33), 33000)
    assert len(queue) == 2
    entry = queue.due(33000)
    assert ACK.peek(entry.frame)[7:9] == (7, 33)
    assert entry.made_ms == 33000
