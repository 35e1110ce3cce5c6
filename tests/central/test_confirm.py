"""Events until they are confirmed: a center forgets what central has stored for good, and nothing else."""

from __future__ import annotations

import pytest

from protocol import codes
from protocol.errors import BadTag
from protocol.messages import CONFIRM
from tests.central.conftest import Disk
from tests.central.rig import Rig

PANIC_ID = 1 << 63 | 1 << 32 | 5


def confirmed(rig: Rig, center: int = 1) -> list[int]:
    """The sequences confirmed to a center since the last look."""
    return [rig.centers[center].confirmed(frame) for frame in rig.frames(CONFIRM.kind)]


def test_a_stored_event_is_confirmed_by_its_sequence(rig: Rig) -> None:
    """Under central's key, for the center's present boot."""
    rig.greet(1)
    rig.taken()
    rig.ack(1, status=codes.TAMPER)
    assert confirmed(rig) == [rig.centers[1].sequence]


def test_an_event_told_again_is_confirmed_again(rig: Rig) -> None:
    """The first confirmation may have been lost; the event is older by then, and nothing is stored twice."""
    rig.greet(1)
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    rig.taken()
    before = rig.snapshot()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID, age=20, sequence=rig.centers[1].sequence)
    assert (confirmed(rig), rig.snapshot(), rig.refusals()) == ([rig.centers[1].sequence], before, [])


def test_a_press_that_joined_is_confirmed_again(rig: Rig) -> None:
    """It is filed with the incident that it joined, and is still the same event."""
    rig.greet(1)
    rig.alert()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    rig.taken()
    rig.ack(1, status=codes.PANIC, incident=PANIC_ID, sequence=rig.centers[1].sequence)
    assert (confirmed(rig), rig.refusals()) == ([rig.centers[1].sequence], [])


def test_what_was_not_saved_is_not_confirmed(rig: Rig, full_disk: Disk) -> None:
    """A full disk: the center must go on telling."""
    rig.greet(1)
    rig.taken()
    octets = rig.gateways[1].countersign(rig.centers[1].ack(0, codes.PANIC, PANIC_ID), int(rig.clock.at))
    with full_disk():
        rig.receive(1, octets)
    assert confirmed(rig) == []
    rig.receive(1, octets)
    assert confirmed(rig) == [rig.centers[1].sequence]


def test_without_a_hello_of_its_boot_nothing_is_confirmed_and_the_next_telling_is(rig: Rig) -> None:
    """The event is stored all the same; there is only no nonce to seal a confirmation with."""
    octets = rig.ack(1, status=codes.PANIC, incident=PANIC_ID)
    assert (rig.taken(), len(rig.reader.incidents(1))) == ([], 1)
    rig.greet(1)
    rig.taken()
    rig.receive(1, octets)
    assert confirmed(rig) == [rig.centers[1].sequence]


def test_a_confirmation_is_for_one_boot(rig: Rig) -> None:
    """After a reboot the old one says nothing; the event told again gets one for the new boot."""
    rig.greet(1)
    rig.taken()
    octets = rig.ack(1, status=codes.TAMPER)
    (old,) = rig.frames(CONFIRM.kind)
    rig.centers[1].reboot()
    with pytest.raises(BadTag):
        rig.centers[1].confirmed(old)
    rig.greet(1)
    rig.taken()
    rig.receive(1, octets)
    assert confirmed(rig) == [rig.centers[1].sequence]


def test_the_answer_to_a_command_is_not_confirmed(rig: Rig) -> None:
    """Acks have receipts of their own, between gateway and central."""
    rig.greet(1)
    incident = rig.alert().incident
    rig.taken()
    octets = rig.ack(1, counter=1, incident=incident)
    rig.receive(1, octets)
    assert confirmed(rig) == []


@pytest.mark.parametrize("authority", [codes.LOCAL, codes.DRILL])
def test_only_what_was_told_to_central_is_confirmed(rig: Rig, authority: int) -> None:
    """What the gateway could have made is refused, and a drill has no events."""
    rig.greet(1)
    rig.taken()
    rig.ack(1, status=codes.TAMPER, authority=authority)
    assert confirmed(rig) == []


def test_a_forged_event_is_not_confirmed(rig: Rig) -> None:
    """Nor one that another gateway carried."""
    rig.greet(1)
    rig.taken()
    ack = bytearray(rig.centers[1].ack(0, codes.TAMPER))
    ack[-1] ^= 1
    rig.receive(1, rig.gateways[1].countersign(bytes(ack), int(rig.clock.at)))
    rig.receive(2, rig.gateways[2].countersign(rig.centers[1].ack(0, codes.TAMPER), int(rig.clock.at)))
    assert confirmed(rig) == []


@pytest.mark.parametrize("status", [codes.TAMPER, codes.PANIC])
def test_an_event_under_a_used_sequence_is_not_confirmed_and_a_press_is_not_lost(rig: Rig, status: int) -> None:
    """A center that lost its count: what is stored is another word, so the center must not forget this one."""
    rig.greet(1)
    rig.ack(1, status=codes.MAINS_LOST, sequence=7)
    rig.taken()
    for _ in range(2):
        rig.ack(1, status=status, incident=PANIC_ID if status == codes.PANIC else 0, sequence=7)
    assert confirmed(rig) == []
    assert rig.refusals() == ["sequence 7 was used for another word"] * 2
    assert len(rig.reader.incidents(1)) == (status == codes.PANIC)


def test_another_press_under_a_used_sequence_is_another_press(rig: Rig) -> None:
    """Two alerts have two ids; the second is taken, and not confirmed as if it were the first."""
    rig.greet(1)
    rig.ack(1, status=codes.SILENT_PANIC, incident=PANIC_ID, sequence=7)
    rig.taken()
    rig.ack(1, status=codes.SILENT_PANIC, incident=PANIC_ID + 1, sequence=7)
    assert (confirmed(rig), len(rig.reader.incidents(1))) == ([], 2)


def test_events_of_many_centers_at_once_are_all_confirmed(rig: Rig) -> None:
    """To each its own, whichever gateway it hangs on."""
    for center in (1, 2, 3):
        rig.greet(center)
    rig.taken()
    for center in (1, 2, 3):
        rig.centers[center].sequence = 10 * center
        rig.ack(center, status=codes.MAINS_LOST)
    told = [(gateway, CONFIRM.peek(frame).center, CONFIRM.peek(frame).sequence) for gateway, frame in rig.taken()]
    assert told == [(1, 1, 11), (1, 2, 21), (2, 3, 31)]
