"""What goes by SMS, and when: the real flows and store, a paper modem, a virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ports import UPLINK, Received
from protocol import codes, countersign, gateway, hop
from protocol.layout import kind_of
from protocol.messages import HELLO, KIND_ACKS, KIND_HOP
from protocol.topics import DOWN, topic
from tests.gateway import frames
from tests.gateway.desk import Desk, PaperSms

FIRST = 1 << 24 | 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway with a modem, that heard central just now."""
    made = Desk(tmp_path, sms=PaperSms())
    made.state.proof.heard(made.clock.at)
    return made


def sent(desk: Desk) -> list[bytes]:
    """What was handed to the modem since the last call."""
    assert desk.sms is not None
    found, desk.sms.sent = desk.sms.sent, []
    return found


def press(sequence: int) -> bytes:
    """Somebody holds a center's button."""
    return frames.ack(counter=0, sequence=sequence, status=codes.PANIC)


def by_sms(desk: Desk, octets: bytes) -> list[bytes]:
    """Octets arrive by SMS; what was acknowledged (deleted from the card)."""
    done: list[bytes] = []
    message = Received(
        UPLINK, topic(frames.GATEWAY, DOWN), octets, False, lambda: done.append(octets), codes.BEARER_SMS
    )
    desk.turns.turn([message])
    return done


def test_with_mqtt_down_what_is_urgent_goes_by_sms_at_once(desk: Desk) -> None:
    """A press, alone, with the gateway's signature over the bearer it went by."""
    desk.link(UPLINK, False)
    desk.up(press(1))
    desk.tick()
    (octets,) = sent(desk)
    message = countersign.unpack(octets)
    assert (message.ack, message.sequence, message.bearer, message.rssi) == (press(1), FIRST, codes.BEARER_SMS, 20)
    public = Ed25519PrivateKey.from_private_bytes(frames.SEED).public_key()
    public.verify(message.signature, countersign.to_sign(message))


def test_with_mqtt_up_sms_follows_after_eight_seconds_without_a_receipt(desk: Desk) -> None:
    """Not before, and not for what was confirmed meanwhile."""
    desk.up(press(1), press(2))
    desk.receipt(1, FIRST)
    desk.tick(7)
    assert sent(desk) == []
    desk.tick(1)
    assert [countersign.unpack(octets).ack for octets in sent(desk)] == [press(2)]


def test_two_acks_share_one_sms(desk: Desk) -> None:
    """In an envelope under the hop key, in at most 120 octets, the acks unaltered."""
    desk.link(UPLINK, False)
    desk.up(frames.ack(sequence=1), frames.ack(sequence=2), frames.ack(sequence=3))
    desk.tick()
    first, second = sent(desk)
    assert max(len(first), len(second)) <= hop.SMS_SIZE
    (frame,) = hop.open(frames.hop_keys().up, first).frames
    batch = gateway.read_acks(frame)
    assert (kind_of(frame), batch.sequence) == (KIND_ACKS, FIRST)
    assert batch.acks == [frames.ack(sequence=1), frames.ack(sequence=2)]
    assert countersign.unpack(second).ack == frames.ack(sequence=3)


def test_news_waits_a_minute_for_mqtt_and_goes_by_sms_only_while_that_is_away(desk: Desk) -> None:
    """A lost mains supply costs no SMS when the connection returns in time."""
    news = frames.ack(counter=0, sequence=1, status=codes.MAINS_LOST, incident=0)
    desk.link(UPLINK, False)
    desk.up(news)
    desk.tick(59)
    assert sent(desk) == []
    desk.tick(1)
    assert [countersign.unpack(octets).ack for octets in sent(desk)] == [news]
    desk.link(UPLINK, True)
    for sequence in range(1, 11):
        desk.down(sequence, [])
        desk.tick(60)
    assert sent(desk) == []


def test_an_mqtt_connection_that_central_does_not_prove_counts_as_lost(desk: Desk) -> None:
    """It still seems to stand; 90 s after central's last word a press does not wait eight seconds for it."""
    desk.tick(89.75)
    desk.up(press(1))
    desk.tick()
    assert sent(desk) == []
    desk.tick(0.25)
    assert [countersign.unpack(octets).ack for octets in sent(desk)] == [press(1)]


def test_an_unconfirmed_sms_goes_again_after_a_minute_doubling(desk: Desk) -> None:
    """Its times are 60, 120, 240 seconds apart; then a receipt by SMS ends it."""
    desk.link(UPLINK, False)
    desk.up(press(1))
    desk.tick()
    gaps, waited = [], 0
    assert len(sent(desk)) == 1
    while len(gaps) < 3:
        desk.tick(1)
        waited += 1
        if sent(desk):
            gaps.append(waited)
            waited = 0
    assert gaps == [60, 120, 240]
    receipt = hop.seal(frames.hop_keys().down, 1, 7, [hop.receipt(hop.Receipt(FIRST, 0))])
    assert by_sms(desk, receipt) == [receipt]
    assert desk.kept() == []
    assert desk.flows.outbox.reporting.state()["sms"]["count"] == 1


def test_a_full_modem_keeps_the_rest_waiting_the_most_urgent_first(desk: Desk) -> None:
    """With room for nothing, nothing is lost; with room again, the press goes before the answers."""
    assert desk.sms is not None
    desk.sms.free = 0
    desk.link(UPLINK, False)
    desk.up(frames.ack(sequence=1), frames.ack(sequence=2), press(3))
    desk.tick()
    assert sent(desk) == []
    desk.sms.free = 8
    desk.tick()
    first, second = sent(desk)
    assert countersign.unpack(first).ack == press(3)
    assert kind_of(second) == KIND_HOP


def test_without_a_ready_modem_nothing_goes_by_sms(desk: Desk) -> None:
    """It waits for either bearer."""
    assert desk.sms is not None
    desk.sms.ready = False
    desk.link(UPLINK, False)
    desk.up(press(1))
    desk.tick(30)
    assert (sent(desk), len(desk.kept())) == ([], 1)


def test_a_command_by_sms_is_passed_on_when_it_verifies_and_only_then(desk: Desk) -> None:
    """Whatever number it seems to come from: the hop key is what is looked at. A forged one is deleted too."""
    command = frames.command(issued=desk.clock.now())
    octets = hop.seal(frames.hop_keys().down, 1, 5, [command])
    assert by_sms(desk, octets) == [octets]
    assert desk.passed() == [command]
    for forged in (
        hop.seal(frames.hop_keys().up, 1, 6, [frames.command(counter=2)]),
        frames.command(counter=3),
        b"hola",
    ):
        assert by_sms(desk, forged) == [forged]
    assert desk.passed() == []
    assert len(desk.waiting()) == 1


def test_a_word_by_sms_does_not_prove_the_mqtt_connection(desk: Desk) -> None:
    """The proof of one bearer says nothing of the other."""
    before = desk.clock.at
    desk.clock.move(9)
    by_sms(desk, hop.seal(frames.hop_keys().down, 1, 5, []))
    assert (desk.state.proof.heard_at, desk.state.sms_heard_at) == (before, desk.clock.at)


def test_a_hello_goes_by_sms_once_a_minute_while_mqtt_is_away(desk: Desk) -> None:
    """So a center that lost its power is synchronised again without MQTT; a drill's hello costs no SMS."""
    desk.link(UPLINK, False)
    first, again = (frames.hello(authority=codes.CENTRAL, request=number) for number in (1, 2))
    desk.up(first, frames.hello(authority=codes.DRILL))
    desk.tick()
    (octets,) = sent(desk)
    assert hop.open(frames.hop_keys().up, octets).frames == [first]
    desk.up(again)
    desk.tick(20)
    assert sent(desk) == []
    # By now it is too old to be answered in time by SMS.
    desk.tick(40)
    assert sent(desk) == []
    desk.up(frames.hello(authority=codes.CENTRAL, request=3))
    desk.tick(1)
    assert [kind_of(hop.open(frames.hop_keys().up, octets).frames[0]) for octets in sent(desk)] == [HELLO.kind]


def test_while_mqtt_is_up_no_hello_goes_by_sms(desk: Desk) -> None:
    """It goes the short way."""
    desk.up(frames.hello(authority=codes.CENTRAL))
    desk.tick()
    assert sent(desk) == []
    assert len(desk.frames(HELLO.kind)) == 1
