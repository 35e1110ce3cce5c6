"""What comes by SMS, from whatever number: taken by its seals alone, once, and forgotten only when it is stored."""

from __future__ import annotations

import itertools
import sqlite3

import pytest
from structlog.testing import capture_logs

from central.store.unit import Unit
from protocol import codes, countersign, hop
from protocol.messages import TIME
from tests.central.rig import Rig


def test_a_countersigned_ack_names_its_gateway_inside(rig: Rig) -> None:
    """The same 120 octets as by MQTT: evidence with its signature, and a receipt is owed by SMS."""
    incident = rig.alert().incident
    rig.greet(1)
    octets = rig.gateways[1].countersign(rig.centers[1].ack(2, codes.SOUNDING, incident), int(rig.clock.at))
    assert rig.short(octets) is True
    seen = rig.reader.incident(1, incident)
    assert seen is not None
    assert [(ack["status"], ack["countersigned"]) for ack in seen["acks"]] == [("sounding", True)]
    assert list(rig.owed_by_sms.receipts(rig.clock.at, 15.0)) == [1]


def test_an_envelope_names_its_gateway_inside(rig: Rig) -> None:
    """A hello by SMS is answered by MQTT as well, for whichever is there first."""
    rig.short(rig.gateways[2].envelope([rig.centers[3].hello()]))
    assert len(rig.frames(TIME.kind)) == 1


def spoiled(octets: bytes) -> bytes:
    """With one bit of the seal's last octet changed."""
    return octets[:-1] + bytes([octets[-1] ^ 1])


def test_what_no_gateway_sealed_is_dropped_and_told_once_a_minute(rig: Rig) -> None:
    """Advertising, garbage, forged seals, gateways that nobody enrolled: nothing is kept, not even a refusal."""
    player, before = rig.gateways[1], rig.snapshot()
    signed = player.countersign(rig.centers[1].ack(0, codes.PANIC), int(rig.clock.at))
    foreign = signed[:44] + (99).to_bytes(2, "big") + signed[46:]
    forged = [
        b"", b"\0", b"Ganaste un auto", bytes(120), spoiled(signed), foreign, signed[:100],
        spoiled(player.envelope([rig.centers[1].hello()])), player.envelope([], gateway=99), rig.centers[1].hello(),
    ]  # fmt: skip
    with capture_logs() as logs:
        answers = [rig.short(octets) for octets in forged]
        rig.clock.at += 60
        rig.short(b"")
    assert answers == [True] * len(forged)
    assert (rig.snapshot(), rig.refusals(), rig.owed, rig.taken()) == (before, [], set(), [])
    told = [line["count"] for line in logs if line["log_level"] in ("warning", "error")]
    assert told == [1, len(forged)]


def test_what_could_not_be_saved_stays_on_the_card(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is taken when it is offered again."""
    octets = rig.gateways[1].countersign(rig.centers[1].ack(0, codes.TAMPER), int(rig.clock.at))

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Unit, "add_ack", full)
        assert (rig.short(octets), list(rig.owed_by_sms.receipts(rig.clock.at, 15.0))) == (False, [])
    assert (rig.short(octets), list(rig.fleet.status(1).news)) == (True, [codes.TAMPER])


def test_a_fault_in_the_program_does_not_fill_the_card(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in it is sent again by its gateway."""

    def broken(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(Unit, "add_ack", broken)
    assert rig.short(rig.gateways[1].countersign(rig.centers[1].ack(0, codes.TAMPER), int(rig.clock.at))) is True


def batch(rig: Rig) -> bytes:
    """An envelope with one ack."""
    return rig.gateways[1].batch([rig.centers[1].ack(0, codes.MAINS_LOST)], int(rig.clock.at))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_messages_that_overtake_one_another_are_all_taken_and_each_once(rig: Rig, order: tuple[int, ...]) -> None:
    """By SMS any order may come; a recording is refused, and so is what is too old to tell."""
    sent = [batch(rig) for _ in range(3)]
    for place in order:
        rig.short(sent[place])
    assert rig.receipt(1).upto == rig.gateways[1].outbox
    rig.owed.clear()
    for octets in sent:
        rig.short(octets)
    assert rig.owed == set()


def test_one_that_is_far_behind_cannot_be_told_from_a_recording(rig: Rig) -> None:
    """The window is 62 envelopes; the last place in it counts."""
    far, near = batch(rig), batch(rig)
    later = [batch(rig) for _ in range(62)]
    rig.short(later[-1])
    rig.owed.clear()
    rig.short(far)
    assert rig.owed == set()
    rig.short(near)
    assert rig.owed == {1}


def test_by_mqtt_envelopes_rise_and_a_slower_one_by_sms_is_still_taken(rig: Rig) -> None:
    """A broker that holds one back cannot bring it in later; one that came by SMS cannot come again by MQTT."""
    slow, held, next_ = batch(rig), batch(rig), batch(rig)
    rig.receive(1, next_)
    rig.owed.clear()
    rig.receive(1, held)
    assert rig.owed == set()
    rig.short(slow)
    assert rig.owed == {1}
    rig.owed.clear()
    rig.receive(1, slow)
    assert rig.owed == set()


def test_by_mqtt_what_waited_in_the_line_is_taken_after_what_overtook_it_by_sms(rig: Rig) -> None:
    """The connection stalled for half a minute and came back."""
    stalled, quick = batch(rig), batch(rig)
    rig.short(quick)
    rig.owed.clear()
    rig.receive(1, stalled)
    assert rig.owed == {1}


def test_everything_that_comes_by_sms_fits_one_message(rig: Rig) -> None:
    """A countersigned ack, two acks in an envelope, a hello."""
    now = int(rig.clock.at)
    acks = [rig.centers[1].ack(0, codes.MAINS_LOST) for _ in range(3)]
    sizes = [
        len(rig.gateways[1].countersign(acks[0], now)),
        len(rig.gateways[1].batch(acks[1:], now)),
        len(rig.gateways[1].envelope([rig.centers[1].hello()])),
    ]
    assert max(sizes) <= hop.SMS_SIZE
    assert sizes[0] == countersign.SIZE
