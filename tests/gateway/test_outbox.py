"""Acks on their way to central through the real flows and the real store, on a virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ports import LOCAL, UPLINK
from protocol import codes, countersign, hop
from protocol.hop import read_digest
from protocol.messages import KIND_DIGEST
from tests.gateway import frames
from tests.gateway.desk import Desk

FIRST = 1 << 24 | 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway on paper."""
    return Desk(tmp_path)


def test_an_ack_is_countersigned_over_its_own_octets(desk: Desk) -> None:
    """Central gets the center's frame unaltered under this gateway's signature."""
    desk.up(frames.ack())
    (message,) = desk.acks()
    assert (message.ack, message.gateway, message.sequence, message.bearer) == (
        frames.ack(),
        1,
        FIRST,
        codes.BEARER_MQTT,
    )
    public = Ed25519PrivateKey.from_private_bytes(frames.SEED).public_key()
    public.verify(message.signature, countersign.to_sign(message))


def test_the_local_broker_is_answered_when_the_ack_is_on_disk(desk: Desk) -> None:
    """The PUBACK follows the commit."""
    desk.up(frames.ack())
    assert desk.acknowledged == [frames.ack()]
    assert [kept.sequence for kept in desk.kept()] == [FIRST]


def test_a_full_disk_withholds_the_puback_and_recovers_by_itself(desk: Desk) -> None:
    """Never a false success: nothing is acknowledged or sent until it is durable, then everything is, once."""
    desk.up(frames.ack(sequence=1))
    desk.acks()
    with desk.full_disk():
        desk.up(frames.ack(sequence=2))
        desk.tick(5)
        assert (desk.acknowledged, desk.acks()[1:]) == ([frames.ack(sequence=1)], [])
        assert desk.board.document["faults"].keys() == {"store", "held"}
    desk.tick(1)
    assert desk.acknowledged == [frames.ack(sequence=1), frames.ack(sequence=2)]
    assert {message.sequence for message in desk.acks()} >= {FIRST + 1}
    desk.tick(6)
    assert desk.board.document["faults"] == {}


def test_an_outbox_without_room_withholds_the_puback_and_evicts_nothing(tmp_path: Path) -> None:
    """The third ack of an outbox of two waits; a receipt makes room and it goes."""
    desk = Desk(tmp_path, max_rows=2)
    for sequence in (1, 2, 3):
        desk.up(frames.ack(sequence=sequence))
    assert desk.acknowledged == [frames.ack(sequence=1), frames.ack(sequence=2)]
    assert [kept.sequence for kept in desk.kept()] == [FIRST, FIRST + 1]
    desk.tick(0)
    assert "outbox" in desk.state.faults
    desk.receipt(1, FIRST)
    desk.tick(1)
    assert desk.acknowledged[-1] == frames.ack(sequence=3)
    assert [kept.sequence for kept in desk.kept()] == [FIRST + 1, FIRST + 2]
    assert desk.state.faults == {}


def test_an_outbox_without_room_counts_acks_that_wait_together(tmp_path: Path) -> None:
    """Three acks in one transaction do not get past a room for two."""
    desk = Desk(tmp_path, max_rows=2)
    desk.up(*[frames.ack(sequence=sequence) for sequence in (1, 2, 3)])
    assert len(desk.kept()) == 2


def test_other_messages_pass_while_an_ack_waits_for_room(tmp_path: Path) -> None:
    """A full outbox does not keep a center from its local time."""
    desk = Desk(tmp_path, max_rows=1)
    desk.up(frames.ack(sequence=1))
    desk.up(frames.ack(sequence=2), frames.hello())
    assert len(desk.passed()) == 1
    assert desk.acknowledged[-1] == frames.hello()


def test_the_same_ack_twice_is_one_entry(desk: Desk) -> None:
    """A center that says it again is acknowledged and costs nothing."""
    desk.up(frames.ack())
    desk.up(frames.ack())
    assert [kept.sequence for kept in desk.kept()] == [FIRST]
    assert desk.acknowledged == [frames.ack(), frames.ack()]


def test_a_forged_ack_with_a_used_sequence_does_not_displace_the_true_one(desk: Desk) -> None:
    """This gateway cannot tell them apart, so it carries both; central can."""
    forged = frames.ack()[:-1] + b"\0"
    desk.up(forged)
    desk.up(frames.ack())
    assert [message.ack for message in desk.acks()] == [forged, frames.ack()]


def test_an_unconfirmed_ack_goes_again_after_3_s_doubling_to_60(desk: Desk) -> None:
    """Its times are 3, 6, 12, 24, 48, 60, 60 seconds apart."""
    desk.up(frames.ack())
    desk.acks()
    gaps = []
    waited = 0
    while len(gaps) < 7:
        desk.tick(1)
        waited += 1
        desk.state.proof.heard(desk.clock.at)
        if desk.acks():
            gaps.append(waited)
            waited = 0
    assert gaps == [3, 6, 12, 24, 48, 60, 60]


def test_a_receipt_forgets_what_it_covers_and_nothing_else(desk: Desk) -> None:
    """Up to 1 and, by the bit map, 3: the second stays and is sent again."""
    for sequence in (1, 2, 3):
        desk.up(frames.ack(sequence=sequence))
    desk.acks()
    desk.receipt(1, FIRST, 0b10)
    assert [kept.sequence for kept in desk.kept()] == [FIRST + 1]
    desk.tick(3)
    assert [message.sequence for message in desk.acks()] == [FIRST + 1]


def test_a_forged_receipt_deletes_nothing(desk: Desk) -> None:
    """Only central, by the hop key towards this gateway, makes it forget."""
    desk.up(frames.ack())
    desk.down(1, [hop.receipt(hop.Receipt(FIRST, 0))], forged=True)
    assert [kept.sequence for kept in desk.kept()] == [FIRST]


def test_a_receipt_of_another_epoch_forgets_nothing_of_this_one(tmp_path: Path) -> None:
    """Numbers of a replaced card say nothing about those of the new one."""
    desk = Desk(tmp_path, epoch=2)
    desk.up(frames.ack())
    desk.receipt(1, 1 << 24 | 500)
    desk.receipt(2, 3 << 24 | 500)
    assert [kept.sequence for kept in desk.kept()] == [2 << 24 | 1]


def test_a_receipt_of_an_older_epoch_forgets_what_is_left_of_it(tmp_path: Path) -> None:
    """An ack kept before the gateway was enrolled again is confirmed under its old number."""
    old = Desk(tmp_path, epoch=1)
    old.up(frames.ack())
    old.store.close()
    desk = Desk(tmp_path, epoch=2)
    desk.up(frames.ack(sequence=2))
    desk.receipt(1, FIRST)
    assert [kept.sequence for kept in desk.kept()] == [2 << 24 | 1]


def test_a_receipt_for_numbers_never_given_loses_nothing(desk: Desk) -> None:
    """The disk was lost and the numbers began anew: what waits gets numbers that central does not have yet."""
    desk.up(frames.ack())
    desk.acks()
    desk.receipt(1, FIRST + 40, 0b100)
    (message,) = desk.acks()
    assert (message.sequence, message.ack) == (FIRST + 44, frames.ack())
    public = Ed25519PrivateKey.from_private_bytes(frames.SEED).public_key()
    public.verify(message.signature, countersign.to_sign(message))
    assert [kept.sequence for kept in desk.kept()] == [FIRST + 44]
    desk.receipt(2, FIRST + 44)
    assert desk.kept() == []


def test_after_a_restart_everything_unconfirmed_goes_again_and_no_number_twice(desk: Desk, tmp_path: Path) -> None:
    """Killed between ack and receipt: the same octets once more, the next ack a new number."""
    desk.up(frames.ack(sequence=1))
    (first,) = desk.acks()
    desk.store.close()
    again = Desk(tmp_path)
    again.tick()
    assert again.acks() == [first]
    again.receipt(1, FIRST)
    again.store.close()
    third = Desk(tmp_path)
    third.up(frames.ack(sequence=2))
    assert [message.sequence for message in third.acks()] == [FIRST + 1]


def test_after_an_outage_news_goes_before_the_backlog_and_the_backlog_a_few_at_a_time(desk: Desk) -> None:
    """An ack of this minute does not stand behind an hour of old ones."""
    desk.link(UPLINK, False)
    for sequence in range(1, 11):
        desk.up(frames.ack(sequence=sequence))
    desk.clock.move(3600)
    desk.up(frames.ack(sequence=11))
    desk.link(UPLINK, True)
    desk.tick()
    assert [message.sequence - FIRST + 1 for message in desk.acks()] == [11, 1, 2, 3, 4]
    desk.receipt(1, FIRST + 2)
    desk.tick()
    # The fourth and the news are under way, which leaves two places of four.
    assert [message.sequence - FIRST + 1 for message in desk.acks()] == [5, 6]


def test_the_digest_after_a_reconnection_names_the_oldest_entry_still_kept(desk: Desk) -> None:
    """Central learns at once which numbers it can never get any more."""
    desk.up(frames.ack(sequence=1))
    desk.up(frames.ack(sequence=2))
    desk.receipt(1, FIRST)
    desk.link(UPLINK, False)
    desk.link(UPLINK, True)
    desk.tick()
    assert read_digest(desk.frames(KIND_DIGEST)[-1]).oldest == FIRST + 1
    desk.receipt(2, FIRST + 1)
    desk.tick(7201)
    assert read_digest(desk.frames(KIND_DIGEST)[-1]).oldest == FIRST + 2


def test_a_local_ack_ends_here(desk: Desk) -> None:
    """It is verified with the local key, logged with its incident, and not sent to central."""
    desk.up(frames.ack(authority=codes.LOCAL))
    assert (desk.acks(), desk.kept()) == ([], [])
    assert desk.log.until("local_ack")["incident"] == str(frames.INCIDENT)
    forged = frames.ack(authority=codes.LOCAL)[:-1] + b"\0"
    desk.up(forged)
    assert desk.log.count("local_ack") == 1


def test_an_ack_under_another_name_is_refused(desk: Desk) -> None:
    """A center writes about itself alone."""
    desk.up(frames.ack(center=1), name="C000002")
    assert (desk.acks(), desk.acknowledged) == ([], [frames.ack(center=1)])


def test_a_connection_on_which_nothing_is_confirmed_is_made_anew(desk: Desk) -> None:
    """Sent is not received: after 32 s without an answer of central's the line is dropped, later ones after longer."""
    desk.up(frames.ack())
    for _ in range(400):
        desk.tick(1)
    assert [reason.split(" for ")[0] for reason in desk.uplink.drops] == ["central answered nothing"] * 3


def test_what_waits_says_nothing_of_a_gateway_whose_central_answers(desk: Desk) -> None:
    """With receipts coming in, no line is dropped."""
    for second in range(1, 200):
        desk.up(frames.ack(sequence=second))
        desk.tick(1)
        desk.receipt(second, FIRST + second - 2)
    assert desk.uplink.drops == []


def test_a_message_that_breaks_the_program_is_put_away_and_the_next_one_is_served(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own mistake costs one message, which a person finds in quarantine; its half-done work is undone."""
    take = desk.outbox.take

    def broken(ack: bytes, later: object) -> None:
        take(ack, later)  # type: ignore[arg-type]
        if ack == frames.ack(sequence=1):
            raise ZeroDivisionError("planted")

    monkeypatch.setattr(desk.outbox, "take", broken)
    desk.up(frames.ack(sequence=1), frames.ack(sequence=2))
    assert [message.ack for message in desk.acks()] == [frames.ack(sequence=2)]
    assert desk.acknowledged == [frames.ack(sequence=1), frames.ack(sequence=2)]
    rows = desk.store._all("SELECT payload, reason FROM quarantine")
    assert rows == [(frames.ack(sequence=1), "ZeroDivisionError('planted')")]


def test_a_flood_of_rubbish_is_counted_and_said_a_few_times(desk: Desk) -> None:
    """A thousand bad messages make four lines."""
    desk.turns.turn([desk.received(LOCAL, "sereno/1/C000001/up", bytes([n % 256]) * 7) for n in range(1000)])
    assert sum(desk.state.tally.totals().values()) == 1000
    assert desk.log.count("refused") <= 8
    assert len(desk.acknowledged) == 1000
