"""A center's word comes in: what moves, what heals, what is refused and kept."""

from __future__ import annotations

import pytest

from central.domain.receipts import received
from protocol import codes, hop
from protocol.messages import COMMAND, KIND_RECEIPT
from tests.central.rig import Rig

PANIC_ID = 1 << 63 | 1 << 32 | 5


@pytest.fixture
def incident(rig: Rig) -> int:
    """An incident whose command (counter 1) is on its way to center 1."""
    rig.greet(1)
    made = rig.alert().incident
    rig.taken()
    return made


def mine(rig: Rig, incident: int) -> list[tuple[int, str]]:
    """Counter and state of the commands of center 1."""
    return [(row["counter"], row["state"]) for row in rig.commands(incident) if row["center"] == "C000001"]


def test_accepted_sounding_stopped_move_the_command(rig: Rig, incident: int) -> None:
    """The incident sounds when an output was measured on, and not before."""
    seen = []
    for status in (codes.ACCEPTED, codes.SOUNDING, codes.STOPPED):
        rig.ack(1, counter=1, status=status, incident=incident, outputs=codes.SIREN)
        seen.append((*mine(rig, incident), rig.state(incident)))
    assert seen == [((1, "accepted"), "open"), ((1, "sounding"), "sounding"), ((1, "done"), "sounding")]
    assert rig.kinds(incident)[-3:] == ["accepted", "sounding", "stopped"]


def test_an_answered_command_is_not_sent_again(rig: Rig, incident: int) -> None:
    """The first word of the center ends the repetition."""
    rig.ack(1, counter=1, incident=incident)
    rig.round(3)
    assert rig.frames(COMMAND.kind) == []


def test_acks_in_another_order_never_move_backwards(rig: Rig, incident: int) -> None:
    """An accepted that was overtaken by the sounding is kept as evidence, and moves nothing."""
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    rig.ack(1, counter=1, status=codes.ACCEPTED, incident=incident)
    assert (mine(rig, incident), len(rig.reader.evidence(incident))) == ([(1, "sounding")], 2)


def test_an_ack_never_takes_an_incident_back_from_a_person(rig: Rig, incident: int) -> None:
    """Acknowledged stays acknowledged when the siren is heard of later."""
    rig.run(rig.operators.acknowledge(1, incident, "Ana"))
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident)
    assert (rig.state(incident), mine(rig, incident)) == ("acknowledged", [(1, "sounding")])


def test_a_duplicate_is_receipted_and_changes_nothing(rig: Rig, incident: int) -> None:
    """The gateway sends again until it is receipted; the second copy is the same evidence."""
    octets = rig.ack(1, counter=1, incident=incident)
    before, rig.owed = rig.snapshot(), rig.owed
    rig.owed.clear()
    rig.receive(1, octets)
    assert (rig.snapshot(), rig.owed, rig.refusals()) == (before, {1}, [])


def test_a_forged_ack_changes_nothing_and_is_kept_as_a_refusal(rig: Rig, incident: int) -> None:
    """A bit of the signature, of the center's tag, or of what they cover: refused, and no move. What the gateway really brought
    it need not bring again, or it would stand before the rest; what somebody else says in its name is not receipted."""
    player, gateway = rig.centers[1], rig.gateways[1]
    before, now = rig.snapshot(), int(rig.clock.at)
    signed = gateway.countersign(player.ack(1, codes.SOUNDING, incident), now)
    ack = bytearray(player.ack(1, codes.SOUNDING, incident))
    ack[-1] ^= 1
    raised = bytearray(player.ack(1, codes.SOUNDING, incident))
    raised[18] ^= 2
    forged = [
        signed[:-1] + bytes([signed[-1] ^ 1]),
        signed[:50] + bytes([signed[50] ^ 1]) + signed[51:],
        gateway.countersign(bytes(ack), now),
        gateway.countersign(bytes(raised), now),
        rig.gateways[2].countersign(player.ack(1, codes.SOUNDING, incident), now, gateway=1),
    ]
    for octets in forged:
        rig.receive(1, octets)
    assert (rig.snapshot(), rig.owed, rig.taken()) == (before, {1}, [])
    assert ["signature" in reason for reason in rig.refusals()] == [True, True, False, False, True]
    # The first number was lost with its forged signature; the two that its gateway signed are confirmed.
    first = 1 << 24
    assert rig.receipt(1) == hop.Receipt(first, 0b110)


def test_a_gateway_speaks_only_for_its_own_centers(rig: Rig, incident: int) -> None:
    """A good tag of the center and a good signature of another gateway: refused."""
    before = rig.snapshot()
    rig.receive(2, rig.gateways[2].countersign(rig.centers[1].ack(1, codes.ACCEPTED, incident), int(rig.clock.at)))
    assert (rig.snapshot(), rig.refusals()) == (before, ["center 1 does not hang on this gateway"])


def test_an_ack_on_another_gateways_topic_is_refused(rig: Rig, incident: int) -> None:
    """The signature names the gateway that carried it, and so must the topic."""
    before = rig.snapshot()
    rig.receive(2, rig.gateways[1].countersign(rig.centers[1].ack(1, codes.ACCEPTED, incident), int(rig.clock.at)))
    assert (rig.snapshot(), rig.refusals()) == (before, ["signed as gateway 1"])


def test_a_center_that_nobody_enrolled_is_refused(rig: Rig, incident: int) -> None:
    """A number out of the air is a refusal, and the flow lives on."""
    rig.centers[1].number = 99
    before = rig.snapshot()
    rig.ack(1, counter=1, incident=incident)
    assert (rig.snapshot(), rig.refusals()) == (before, ["unknown device 99"])


def test_an_ack_of_a_counter_that_nobody_sent_moves_nothing(rig: Rig, incident: int) -> None:
    """It is evidence of something odd: kept, receipted, and told as a refusal."""
    rig.ack(1, counter=4242, status=codes.SOUNDING, incident=incident)
    assert (mine(rig, incident), rig.state(incident)) == ([(1, "pending")], "open")
    assert (rig.refusals(), rig.owed) == (["answers command 4242, which nobody sent"], {1})


@pytest.mark.parametrize("status", [codes.STALE, codes.FUTURE, codes.NOT_SYNCHRONISED])
def test_a_refusal_that_a_new_frame_can_heal_is_healed(rig: Rig, incident: int, status: int) -> None:
    """A new counter and the same pair, at once, without waiting for a round."""
    rig.ack(1, counter=1, status=status, incident=incident)
    (frame,) = rig.frames(COMMAND.kind)
    command = rig.centers[1].command(frame)
    assert (command.incident, command.activation, command.counter) == (incident, 1, 2)
    assert mine(rig, incident) == [(1, "superseded"), (2, "pending")]


def test_healing_ends(rig: Rig, incident: int) -> None:
    """A center that refuses for ever is asked nine times and then told of as refused."""
    for counter in range(1, 30):
        rig.ack(1, counter=counter, status=codes.STALE, incident=incident)
    states = [state for _, state in mine(rig, incident)]
    assert states == ["superseded"] * 8 + ["refused"]


def test_nothing_is_healed_after_the_time_is_over(rig: Rig, incident: int) -> None:
    """A refusal that arrives late does not start a siren late."""
    rig.clock.at += 120
    rig.ack(1, counter=1, status=codes.STALE, incident=incident)
    assert (rig.frames(COMMAND.kind), mine(rig, incident)) == ([], [(1, "refused")])


@pytest.mark.parametrize(
    "status", [codes.CLASS_SILENT, codes.BUDGET_SPENT, codes.UPDATING, codes.WRONG_ADDRESSEE, 0xF0]
)
def test_any_other_refusal_is_the_centers_last_word(rig: Rig, incident: int, status: int) -> None:
    """It is on the timeline, also a reason that only a newer center knows, and nothing is sent again."""
    rig.ack(1, counter=1, status=status, incident=incident)
    rig.round(3)
    assert (rig.frames(COMMAND.kind), mine(rig, incident)) == ([], [(1, "refused")])
    assert codes.status_name(status) in rig.reader.entries_of(incident)[-1]["text"]


def test_the_word_of_a_center_is_believed_after_the_command_expired(rig: Rig, incident: int) -> None:
    """Expired is what central thought; the siren did sound."""
    rig.round(120)
    assert mine(rig, incident) == [(1, "expired")]
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident, age=100)
    assert (mine(rig, incident), rig.state(incident)) == ([(1, "sounding")], "sounding")


def test_receipts_tell_the_gateway_what_is_stored(rig: Rig, incident: int) -> None:
    """A gap stays open in the bit map, and closes when the missing one arrives."""
    gateway, player, base = rig.gateways[1], rig.centers[1], 1 << 24
    seen = []
    for count in (1, 3, 2):
        ack = player.ack(0, codes.MAINS_LOST)
        rig.receive(1, gateway.countersign(ack, int(rig.clock.at), sequence=base + count))
        rig.run(rig.rounds.send_receipts({1}))
        (frame,) = rig.frames(KIND_RECEIPT)
        seen.append(hop.read_receipt(frame))
    assert seen == [hop.Receipt(base + 1, 0), hop.Receipt(base + 1, 0b10), hop.Receipt(base + 3, 0)]
    assert received(0, 0, base + 1) == tuple(seen[0])


def test_an_ack_that_was_not_saved_is_not_receipted(rig: Rig, incident: int) -> None:
    """When the database fails the gateway keeps the ack, and its next copy is taken."""
    octets = rig.gateways[1].countersign(rig.centers[1].ack(1, codes.SOUNDING, incident), int(rig.clock.at))
    rig.run(rig.writer.write(lambda unit: unit._db.execute("PRAGMA query_only = 1")))
    rig.receive(1, octets)
    assert (rig.owed, mine(rig, incident)) == (set(), [(1, "pending")])
    rig.writer.stop()
    rig.writer.start()
    rig.receive(1, octets)
    assert (rig.owed, mine(rig, incident)) == ({1}, [(1, "sounding")])


def test_the_word_on_another_incident_is_no_answer(rig: Rig, incident: int) -> None:
    """A restored database gives a counter out twice; the center repeats what it said then, and is asked anew at once."""
    rig.ack(1, counter=1, status=codes.STOPPED, incident=incident - 5)
    (frame,) = rig.frames(COMMAND.kind)
    command = rig.centers[1].command(frame)
    assert (command.incident, command.activation, command.counter > 64) == (incident, 1, True)
    assert [state for _, state in mine(rig, incident)] == ["superseded", "pending"]
    assert rig.refusals() == [f"counter 1 was used for {incident - 5}"]


def test_a_center_far_ahead_of_a_restored_database_is_caught_up_with(rig: Rig, incident: int) -> None:
    """Each refusal as too old skips further, so that a few of them reach whatever the center has seen."""
    counter = 1
    for _ in range(6):
        rig.ack(1, counter=counter, status=codes.TOO_OLD, incident=incident)
        (frame,) = rig.frames(COMMAND.kind)
        assert rig.centers[1].command(frame).counter > counter
        counter = rig.centers[1].command(frame).counter
    assert counter > 100_000
    assert [state for _, state in mine(rig, incident)] == ["superseded"] * 6 + ["pending"]


def test_what_a_center_tells_unasked_is_its_status(rig: Rig, incident: int) -> None:
    """No incident: mains lost is news about the center, with its age."""
    before = rig.kinds(incident)
    rig.ack(1, status=codes.MAINS_LOST, age=30)
    told = rig.fleet.describe(1, rig.clock.at)
    assert (told["event"], told["event_s_ago"], rig.kinds(incident)) == ("mains lost", 30.0, before)


def test_an_old_word_starts_nothing_that_was_answered_or_stopped(rig: Rig, incident: int) -> None:
    """Only an order that still waits is issued anew: a silenced street stays silent."""
    rig.run(rig.operators.stop(1, incident, "Ana"))
    rig.taken()
    rig.ack(1, counter=1, status=codes.SOUNDING, incident=incident - 5)
    assert (rig.frames(COMMAND.kind), rig.state(incident)) == ([], "open")
