"""What central sends by SMS: commands, the time, receipts; on its real flows and store, with short messages on paper."""

from __future__ import annotations

import sqlite3

import pytest

from central import classes
from central.commands.enroll import enrolment
from central.domain.errors import Refused
from central.domain.policy import Policy
from protocol import codes, hop
from protocol.layout import kind_of
from protocol.messages import COMMAND, CONFIRM, KIND_RECEIPT, TIME
from tests.central.rig import Rig


def greeted(rig: Rig) -> None:
    """All centers have said hello by MQTT, and what that made is taken."""
    for center in (1, 2, 3):
        rig.greet(center)
    rig.taken()


def kinds(sent: list[tuple[int, list[bytes]]]) -> list[tuple[int, list[int]]]:
    """The kinds of frames in each message."""
    return [(gateway, [kind_of(frame) for frame in frames]) for gateway, frames in sent]


def test_commands_that_nobody_answered_go_by_sms_after_8_s_two_in_one_message(rig: Rig) -> None:
    """The very frames that went by MQTT: whichever comes first is executed, the other is a repeat."""
    greeted(rig)
    incident = rig.alert().incident
    by_mqtt = rig.frames(COMMAND.kind)
    assert rig.sms_round(7.9) == []
    assert rig.sms_round(0.1) == [(1, by_mqtt)]
    assert rig.reader.entries_of(incident)[-1]["text"] == "C000002 is commanded by SMS too (counter 1): no answer yet"


def test_a_center_that_answered_is_not_told_by_sms(rig: Rig) -> None:
    """The other one is."""
    greeted(rig)
    incident = rig.alert().incident
    rig.ack(1, counter=1, incident=incident)
    ((gateway, (frame,)),) = rig.sms_round(8)
    assert (gateway, rig.centers[2].command(frame).center) == (1, 2)


def broker_away(rig: Rig) -> None:
    rig.broker.down = True


def last_will(rig: Rig) -> None:
    rig.run(rig.uplink.receive("sereno/1/G000001/link", b"0"))


def nobody_listens(rig: Rig) -> None:
    rig.links.listens(1, False, rig.clock.at)


def silence(rig: Rig) -> None:
    rig.clock.at += 91


@pytest.mark.parametrize("loss", [broker_away, last_will, nobody_listens, silence])
def test_where_mqtt_is_known_to_be_lost_the_command_goes_by_sms_at_once(rig: Rig, loss: object) -> None:
    """The reason stands on the timeline."""
    greeted(rig)
    assert callable(loss)
    loss(rig)
    incident = rig.alert().incident
    assert kinds(rig.sms_round()) == [(1, [COMMAND.kind, COMMAND.kind])]
    assert "no answer yet" not in rig.reader.entries_of(incident)[-1]["text"]


@pytest.mark.parametrize("loss", [last_will, nobody_listens, silence])
def test_a_gateway_that_speaks_under_seal_is_back(rig: Rig, loss: object) -> None:
    """Then an order has its 8 s again."""
    greeted(rig)
    assert callable(loss)
    loss(rig)
    rig.receive(1, rig.gateways[1].envelope([]))
    rig.alert()
    assert rig.sms_round() == []


@pytest.mark.parametrize("back", ["greeting", "somebody listens"])
def test_hints_are_taken_back_by_hints(rig: Rig, back: str) -> None:
    """The greeting on its link topic, and a message that somebody took."""
    greeted(rig)
    nobody_listens(rig)
    if back == "greeting":
        rig.run(rig.uplink.receive("sereno/1/G000001/link", b"1"))
    else:
        rig.links.listens(1, True, rig.clock.at)
    rig.alert()
    assert rig.sms_round() == []


def test_a_gateway_heard_by_sms_alone_is_still_lost(rig: Rig) -> None:
    """What comes by SMS proves nothing of MQTT."""
    greeted(rig)
    silence(rig)
    assert rig.short(rig.gateways[1].envelope([])) is True
    rig.alert()
    assert kinds(rig.sms_round()) == [(1, [COMMAND.kind, COMMAND.kind])]


def test_silence_counts_from_when_the_broker_was_there_again(rig: Rig) -> None:
    """Nobody could be heard before."""
    greeted(rig)
    silence(rig)
    rig.links.connected(rig.clock.at)
    rig.alert()
    assert rig.sms_round() == []


def test_a_command_goes_again_after_30_s_then_60_s_and_never_after_its_time(rig: Rig) -> None:
    """Nobody answers by any bearer."""
    greeted(rig)
    broker_away(rig)
    incident = rig.alert().incident
    sent = [at for at in range(240) if rig.sms_round(0 if at == 0 else 1)]
    assert sent == [0, 30, 90]
    assert rig.kinds(incident).count("sms") == 2


def test_a_center_that_never_said_hello_has_nothing_to_be_sent(rig: Rig) -> None:
    """Its order waits unsealed, and nobody claims that it went."""
    broker_away(rig)
    incident = rig.alert().incident
    assert (rig.sms_round(), "sms" in rig.kinds(incident)) == ([], False)


def test_with_no_room_nothing_is_sent_and_nothing_counts_as_sent(rig: Rig) -> None:
    """It goes as soon as there is room."""
    greeted(rig)
    broker_away(rig)
    rig.alert()
    rig.sms.places = 0
    assert rig.sms_round() == []
    rig.sms.places = 1
    assert len(rig.sms_round()) == 1


def test_a_gateway_without_a_number_is_not_reached_by_sms(rig: Rig) -> None:
    """Its number can be given, changed and taken away while central serves."""
    greeted(rig)
    broker_away(rig)
    rig.alert()
    with enrolment(rig.installation.settings) as it:
        it.sms_number("G000001", "")
    assert rig.sms_round() == []
    with enrolment(rig.installation.settings) as it:
        it.sms_number("G000001", "+5492614000002")
    rig.run(rig.sms_rounds.once())
    assert [number for number, _ in rig.sms.sent] == ["+5492614000002"]


@pytest.mark.parametrize("number", ["2614000001", "+12", "+5492614000001x", "+54 9 261 400 0001"])
def test_a_number_that_cannot_be_is_refused(rig: Rig, number: str) -> None:
    """International form, digits alone."""
    with pytest.raises(Refused, match="international"), enrolment(rig.installation.settings) as it:
        it.sms_number("G000001", number)


def test_a_silent_alert_lets_the_loud_one_pass(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group 2's siren goes before group 1's silent indicator, though it was asked for later."""
    greeted(rig)
    broker_away(rig)
    quiet = Policy("quiet", 9, "En silencio", True, codes.INDICATOR, 0, 30)
    monkeypatch.setattr(rig.intake, "_policies", {**classes.load(classes.SHIPPED), "quiet": quiet})
    rig.alert("quiet")
    rig.clock.at += 1
    rig.alert(group=2)
    rig.sms.places = 1
    assert [gateway for step in (0, 1) for gateway, _ in rig.sms_round(step)] == [2, 1]


def test_a_center_that_said_hello_by_sms_gets_the_time_and_its_order_in_one_message(rig: Rig) -> None:
    """It restarted while MQTT was away: the order sealed for its old boot is void; the time comes first, and is the present one."""
    greeted(rig)
    incident = rig.alert().incident
    rig.ack(2, counter=1, incident=incident)
    broker_away(rig)
    rig.centers[1].reboot()
    rig.short(rig.gateways[1].envelope([rig.centers[1].hello()]))
    ((gateway, (time, frame)),) = rig.sms_round(5)
    told, command = rig.centers[1].time(time), rig.centers[1].command(frame)
    assert (gateway, told.time, told.floor) == (1, int(rig.clock.at), command.counter - 1)
    assert command.incident == incident
    assert rig.sms_round(1) == []


def test_a_hello_by_sms_brings_the_order_at_once_though_mqtt_seems_up(rig: Rig) -> None:
    """Whoever speaks by SMS listens there."""
    greeted(rig)
    incident = rig.alert().incident
    rig.ack(2, counter=1, incident=incident)
    rig.centers[1].reboot()
    rig.short(rig.gateways[1].envelope([rig.centers[1].hello()]))
    assert kinds(rig.sms_round()) == [(1, [TIME.kind, COMMAND.kind])]


def test_the_time_alone_is_sent_once_and_not_to_a_hello_by_mqtt(rig: Rig) -> None:
    """Nothing is outstanding."""
    greeted(rig)
    assert rig.sms_round() == []
    rig.short(rig.gateways[1].envelope([rig.centers[1].hello()]))
    assert kinds(rig.sms_round()) == [(1, [TIME.kind])]
    assert rig.sms_round(1) == []


def test_a_hello_that_is_not_believed_gets_no_time(rig: Rig) -> None:
    """A recording of an earlier boot."""
    old = rig.centers[1].hello()
    rig.centers[1].reboot()
    greeted(rig)
    rig.short(rig.gateways[1].envelope([old]))
    assert rig.sms_round() == []


def test_acks_by_sms_are_receipted_by_sms_with_the_confirmation_that_a_center_waits_for(rig: Rig) -> None:
    """One message; the next one 15 s later at the earliest."""
    greeted(rig)
    gateway, center = rig.gateways[1], rig.centers[1]
    rig.short(gateway.batch([center.ack(0, codes.PANIC), center.ack(0, codes.MAINS_LOST)], int(rig.clock.at)))
    ((_, frames),) = [one for one in rig.sms_round() if kind_of(one[1][0]) == KIND_RECEIPT]
    assert hop.read_receipt(frames[0]).upto == gateway.outbox
    assert [center.confirmed(frame) for frame in frames[1:]] == [1, 2]
    assert [kind_of(frame) for frame in frames[1:]] == [CONFIRM.kind, CONFIRM.kind]
    rig.short(gateway.countersign(center.ack(0, codes.TAMPER), int(rig.clock.at)))
    waiting = [[kind for _, some in kinds(rig.sms_round(step)) for kind in some] for step in (14.5, 0.5)]
    assert [KIND_RECEIPT in some for some in waiting] == [False, True]


def test_who_pressed_a_button_is_told_before_a_center_is_told_the_time(rig: Rig) -> None:
    """News of another gateway waits behind both; a press stays urgent when news follows it."""
    greeted(rig)
    one, two, now = rig.gateways[1], rig.gateways[2], int(rig.clock.at)
    rig.short(two.envelope([rig.centers[3].hello()]))
    rig.short(one.batch([rig.centers[1].ack(0, codes.PANIC_FOB_FIXED), rig.centers[1].ack(0, codes.TAMPER)], now))
    rig.sms.places = 1
    ((gateway, (first, *_)),) = kinds(rig.sms_round())
    assert (gateway, first) == (1, KIND_RECEIPT)
    assert kinds(rig.sms_round()) == [(2, [TIME.kind])]


def test_acks_by_mqtt_are_not_receipted_by_sms(rig: Rig) -> None:
    """Nor those by SMS once the gateway is back at the broker."""
    greeted(rig)
    rig.ack(1, status=codes.MAINS_LOST)
    assert rig.sms_round() == []
    rig.short(rig.gateways[1].batch([rig.centers[1].ack(0, codes.TAMPER)], int(rig.clock.at)))
    rig.clock.at += 1
    rig.receive(1, rig.gateways[1].envelope([]))
    assert rig.sms_round() == []


def test_a_confirmation_that_would_lie_is_not_sent(rig: Rig) -> None:
    """A sequence that stands for another word: the receipt alone."""
    greeted(rig)
    player = rig.gateways[1]
    rig.short(player.batch([rig.centers[1].ack(0, codes.TAMPER, sequence=5)], int(rig.clock.at)))
    rig.sms_round()
    rig.short(player.batch([rig.centers[1].ack(0, codes.MAINS_LOST, sequence=5)], int(rig.clock.at)))
    assert kinds(rig.sms_round(15)) == [(1, [KIND_RECEIPT])]


def test_a_damaged_key_of_one_gateway_leaves_the_others(rig: Rig) -> None:
    """Its message cannot be sealed, and is not tried at each round."""
    greeted(rig)
    broker_away(rig)
    rig.alert()
    rig.alert(group=2)
    with sqlite3.connect(rig.installation.database) as db:
        db.execute("UPDATE gateway SET root = zeroblob(60) WHERE number = 1")
    db.close()
    rig.devices.reload()
    assert [gateway for gateway, _ in rig.sms_round()] == [2]
    assert rig.sms_round(1) == []
