"""A center says hello: which are believed, and what is issued anew for its new boot."""

from __future__ import annotations

import pytest

from protocol.codes import CENTRAL, DRILL, LOCAL
from protocol.messages import COMMAND, TIME
from tests.central.rig import NOW, Rig


def test_an_order_waits_for_the_first_hello_and_goes_out_with_it(rig: Rig) -> None:
    """Before a center has said hello nothing can be sealed for it; with its nonce the order is issued."""
    incident = rig.alert().incident
    assert rig.taken() == []
    rig.round(3)
    assert rig.taken() == []
    rig.greet(1)
    (gateway, time), (_, frame) = rig.taken()
    command = rig.centers[1].command(frame)
    assert (gateway, command.incident, command.activation) == (1, incident, 1)
    assert rig.centers[1].time(time).floor < command.counter
    rows = [row for row in rig.commands(incident) if row["center"] == "C000001"]
    assert [(row["state"], row["counter"]) for row in rows] == [("superseded", 1), ("pending", command.counter)]


def test_a_hello_is_answered_with_the_time_and_the_floor(rig: Rig) -> None:
    """TIME carries the request of the hello, milliseconds, and a floor under which nothing is wanted any more."""
    rig.clock.at = NOW + 0.25
    rig.greet(1, request=77, central=9)
    (frame,) = rig.frames(TIME.kind)
    assert tuple(rig.centers[1].time(frame)) == (CENTRAL, 0, 1, int(NOW), 250, 9, 77)


def test_the_floor_stays_below_what_is_still_wanted(rig: Rig) -> None:
    """A center that only reconnects must still obey the order on its way."""
    rig.greet(1)
    rig.alert()
    rig.taken()
    rig.greet(1)
    (_, time), (_, frame) = rig.taken()
    assert rig.centers[1].time(time).floor == rig.centers[1].command(frame).counter - 1


def test_after_a_reboot_the_order_is_issued_anew(rig: Rig) -> None:
    """Another counter under the new nonce, and the same pair of incident and activation: it never sounds twice."""
    rig.greet(1)
    incident = rig.alert().incident
    (first,) = rig.frames(COMMAND.kind)
    before = rig.centers[1].command(first)
    rig.centers[1].reboot()
    rig.greet(1)
    (fresh,) = rig.frames(COMMAND.kind)
    after = rig.centers[1].command(fresh)
    assert (after.incident, after.activation, after.class_) == (incident, before.activation, before.class_)
    assert after.counter > before.counter


def test_the_same_boot_again_gets_the_very_same_frame(rig: Rig) -> None:
    """A reconnection takes no new counter: the frame on its way is passed again."""
    rig.greet(1)
    rig.alert()
    (first,) = rig.frames(COMMAND.kind)
    rig.greet(1)
    assert rig.frames(COMMAND.kind) == [first]


def test_an_expired_order_is_not_issued_anew(rig: Rig) -> None:
    """A center that comes back after the end of an incident's time stays quiet."""
    rig.greet(1)
    rig.alert()
    rig.taken()
    rig.clock.at += 120
    rig.centers[1].reboot()
    rig.greet(1)
    assert rig.frames(COMMAND.kind) == []


def test_an_old_hello_replayed_mutes_nobody(rig: Rig) -> None:
    """It is refused and kept, and the next command is still sealed for the boot that is real."""
    rig.greet(1)
    old = rig.centers[1].hello()
    rig.centers[1].reboot()
    rig.greet(1)
    rig.taken()
    before = rig.snapshot()
    rig.receive(1, rig.gateways[1].envelope([old]))
    assert (rig.taken(), rig.snapshot()) == ([], before)
    assert rig.refusals() == ["hello of boot 1, the present one is 2: replayed"]
    incident = rig.alert().incident
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[1].command(frame).incident == incident


def test_the_same_boot_with_another_nonce_is_refused(rig: Rig) -> None:
    """Within one boot the nonce never changes; a hello that says so is not obeyed."""
    rig.greet(1)
    rig.taken()
    before = rig.snapshot()
    rig.greet(1, nonce=b"another!")
    assert (rig.taken(), rig.snapshot(), len(rig.refusals())) == ([], before, 1)


def test_a_restored_database_jumps_over_the_counters_it_forgot(rig: Rig) -> None:
    """The center's highest counters are believed, so that the next command is above all it has seen."""
    rig.greet(1, central=5000, drill=600)
    rig.taken()
    rig.alert()
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[1].command(frame).counter == 5001


def test_lower_counters_in_a_hello_take_nothing_back(rig: Rig) -> None:
    """Counters only rise: a center that lost its flash is not a way to reuse one."""
    rig.greet(1, central=5000)
    rig.centers[1].reboot()
    rig.greet(1, central=3)
    rig.taken()
    rig.alert()
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[1].command(frame).counter == 5001


def test_a_drill_hello_is_answered_and_commands_nothing(rig: Rig) -> None:
    """Each authority has a time and a floor of its own; an order of central is not issued under another."""
    rig.greet(1)
    rig.alert()
    rig.taken()
    rig.greet(1, authority=DRILL, drill=4)
    ((_, frame),) = rig.taken()
    assert (rig.centers[1].time(frame).authority, rig.centers[1].time(frame).floor) == (DRILL, 4)


def test_the_drill_hello_of_a_new_boot_does_not_hide_the_reboot(rig: Rig) -> None:
    """Whichever hello of a boot comes first, the order on its way is issued anew for that boot."""
    rig.greet(1)
    incident = rig.alert().incident
    rig.taken()
    rig.centers[1].reboot()
    rig.greet(1, authority=DRILL)
    rig.greet(1)
    frames = rig.frames(COMMAND.kind)
    assert [rig.centers[1].command(frame).incident for frame in frames] == [incident]


@pytest.mark.parametrize("change", ["tag", "gateway", "unknown"])
def test_a_hello_that_nobody_could_have_made_changes_nothing(rig: Rig, change: str) -> None:
    """Damaged, brought by another gateway, or of a center that was never enrolled: refused, and kept."""
    hello, carrier = rig.centers[1].hello(), 1
    if change == "tag":
        hello = hello[:-1] + bytes([hello[-1] ^ 1])
    elif change == "gateway":
        carrier = 2
    else:
        rig.centers[1].number = 99
        hello = rig.centers[1].hello()
    before = rig.snapshot()
    rig.receive(carrier, rig.gateways[carrier].envelope([hello]))
    assert (rig.taken(), rig.snapshot(), len(rig.refusals())) == ([], before, 1)


def test_a_gateway_cannot_make_up_a_boot(rig: Rig) -> None:
    """It holds the local keys of its centers; a hello under them would mute a center for ever."""
    rig.greet(1)
    rig.taken()
    before = rig.snapshot()
    rig.greet(1, authority=LOCAL, boot=0xFFFFFFFF, nonce=b"made up!", central=0xFFFFFFFF)
    assert (rig.taken(), rig.snapshot()) == ([], before)
    assert rig.refusals() == ["authority 1 does not answer to central"]


def test_an_envelope_replayed_is_not_handled_again(rig: Rig) -> None:
    """The hop sequence rises; a recorded envelope of yesterday says nothing today."""
    envelope = rig.gateways[1].envelope([rig.centers[1].hello()])
    rig.receive(1, envelope)
    assert len(rig.taken()) == 1
    rig.receive(1, envelope)
    assert rig.taken() == []


def test_an_envelope_on_another_gateways_topic_is_refused(rig: Rig) -> None:
    """A gateway speaks for itself only."""
    before = rig.snapshot()
    rig.receive(2, rig.gateways[1].envelope([rig.centers[1].hello()]))
    rig.receive(2, rig.gateways[2].envelope([rig.centers[3].hello()], gateway=1))
    assert (rig.taken(), rig.snapshot()) == ([], before)
