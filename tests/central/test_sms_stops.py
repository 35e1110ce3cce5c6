"""An operator's stop where MQTT does not reach: one group stop by SMS for each gateway, until it is known to be silent."""

from __future__ import annotations

import sqlite3

import pytest

from central.store.keyring import Keyring
from protocol import codes, gateway
from protocol.codes import STOP
from protocol.gateway import StopGroup, read_stop_group
from protocol.messages import COMMAND
from protocol.topics import center_name, gateway_name
from tests.central.rig import NOW, Rig


def stopped(rig: Rig) -> int:
    """Everybody said hello, group 1 was alerted and its centers sound; an operator stops it. The incident."""
    for center in (1, 2, 3):
        rig.greet(center)
    incident = rig.alert().incident
    for center in (1, 2):
        rig.ack(center, counter=1, status=codes.SOUNDING, incident=incident)
    rig.run(rig.operators.stop(1, incident, "Ana"))
    rig.taken()
    return incident


def stops(sent: list[tuple[int, list[bytes]]]) -> list[tuple[int, StopGroup]]:
    """The group stop of each message, which holds nothing else."""
    return [(number, read_stop_group(frame)) for number, (frame,) in sent]


def test_where_mqtt_is_lost_one_group_stop_goes_at_once(rig: Rig) -> None:
    """For the gateway's group, worth 60 s from now; its centers' own stops go by MQTT alone."""
    rig.broker.down = True
    incident = stopped(rig)
    ((number, stop),) = stops(rig.sms_round(3))
    assert (number, stop) == (1, StopGroup(int(NOW), int(NOW) + 3, 60, incident, 1))
    text = rig.reader.entries_of(incident)[-1]["text"]
    assert text == "G000001 is told by SMS to stop its group: the broker is not connected"


def test_without_proof_it_goes_after_8_s(rig: Rig) -> None:
    """MQTT seems up."""
    stopped(rig)
    assert rig.sms_round(7.9) == []
    assert len(stops(rig.sms_round(0.1))) == 1


@pytest.mark.parametrize("status", [codes.STOPPED, codes.ACCEPTED])
def test_it_is_not_needed_once_all_centers_have_their_stop(rig: Rig, status: int) -> None:
    """One of two is not all."""
    incident = stopped(rig)
    rig.ack(1, counter=2, status=status, incident=incident)
    assert len(rig.sms_round(8)) == 1
    rig.ack(2, counter=2, status=status, incident=incident)
    assert rig.sms_round(20) == []


def test_a_center_that_refuses_its_stop_is_no_proof(rig: Rig) -> None:
    """The gateway's own key may silence it."""
    incident = stopped(rig)
    rig.ack(1, counter=2, status=codes.STOPPED, incident=incident)
    rig.ack(2, counter=2, status=codes.WRONG_ADDRESSEE, incident=incident)
    assert len(stops(rig.sms_round(8))) == 1


def test_it_goes_again_each_20_s_under_the_same_number_and_not_after_two_minutes(rig: Rig) -> None:
    """The gateway does it once; each sending counts from its own moment."""
    rig.broker.down = True
    stopped(rig)
    sent = [(at, stop) for at in range(200) for _, stop in stops(rig.sms_round(0 if at == 0 else 1))]
    assert [at for at, _ in sent] == [0, 20, 40, 60, 80, 100]
    assert [stop.issued - int(NOW) for _, stop in sent] == [0, 20, 40, 60, 80, 100]
    assert {stop.order for _, stop in sent} == {int(NOW)}


@pytest.mark.parametrize("status", [codes.GROUP_STOPPED, codes.GROUP_STOP_INCOMPLETE])
def test_the_gateways_word_ends_it(rig: Rig, status: int) -> None:
    """It did it, or it gave up: it would do the same number no second time."""
    rig.broker.down = True
    incident = stopped(rig)
    rig.sms_round()
    player = rig.gateways[1]
    rig.short(player.countersign(player.event(status, incident, number=2), int(rig.clock.at)))
    assert [frames for _, frames in rig.sms_round(20) if frames[0][:2] == gateway.ask()[:1] + b"\x01"] == []


def test_the_word_of_another_gateway_or_about_another_incident_does_not(rig: Rig) -> None:
    """Each is asked for itself."""
    rig.broker.down = True
    incident = stopped(rig)
    rig.sms_round()
    for player, about in ((rig.gateways[2], incident), (rig.gateways[1], incident + 1)):
        event = player.event(codes.GROUP_STOPPED, about, number=2)
        rig.short(player.countersign(event, int(rig.clock.at)))
    sent = [frames for _, frames in rig.sms_round(20)]
    assert [read_stop_group(frame).incident for (frame, *_) in sent if len(frame) == 22] == [incident]


def test_a_stop_that_comes_late_does_not_silence_the_next_alert(rig: Rig) -> None:
    """The group was alerted again meanwhile, by another class."""
    rig.broker.down = True
    stopped(rig)
    rig.clock.at += 1
    rig.alert("fire")
    sent = rig.sms_round()
    assert [len(frame) for _, frames in sent for frame in frames] == [COMMAND.size, COMMAND.size]


def test_two_stops_have_two_numbers_also_in_one_second(rig: Rig) -> None:
    """And never a number that a database from a backup gave out before."""
    rig.broker.down = True
    first = stopped(rig)
    rig.clock.at += 1
    second = rig.alert("fire", group=2).incident
    rig.run(rig.operators.stop(1, second, "Ana"))
    rig.run(rig.operators.stop(1, second, "Ana"))
    orders = {stop.order: stop.incident for _, stop in stops(rig.sms_round())}
    # Of the two for one gateway the later one.
    assert orders == {int(NOW): first, int(NOW) + 2: second}


def test_fifty_gateways_are_told_within_90_s_by_four_modems(rig: Rig) -> None:
    """5 s a message each; nobody is told twice before all were told once."""
    master = Keyring.load(rig.installation.folder / "state" / "master.key")
    with sqlite3.connect(rig.installation.database) as db:
        for number in range(11, 61):
            wrapped = [master.wrap(name(number), bytes(32)) for name in (gateway_name, center_name)]
            values = (number, wrapped[0], bytes(32), f"+54926150000{number}")
            db.execute(
                "INSERT INTO gateway (number, municipality, root, sign_key, sequence_epoch, sms_number)"
                " VALUES (?, 1, ?, ?, 1, ?)",
                values,
            )
            db.execute(
                'INSERT INTO center (number, "group", gateway, lat, lon, root) VALUES (?, 2, ?, 0, 0, ?)',
                (number, number, wrapped[1]),
            )
    db.close()
    rig.devices.reload()
    rig.broker.down = True
    incident = rig.alert(group=2).incident
    rig.run(rig.operators.stop(1, incident, "Ana"))
    busy_until = [NOW] * 4
    told: list[str] = []
    while rig.clock.at < NOW + 90:
        rig.sms.places = sum(until <= rig.clock.at for until in busy_until)
        rig.run(rig.sms_rounds.once())
        for _ in rig.sms.sent:
            busy_until[busy_until.index(min(busy_until))] = rig.clock.at + 5
        told += [number for number, _ in rig.sms.sent if number.startswith("+549261500")]
        rig.sms.sent.clear()
        rig.clock.at += 0.5
    assert len(set(told[:50])) == 50


def test_the_stop_commands_themselves_never_go_by_sms(rig: Rig) -> None:
    """One message for a gateway instead of one for two centers."""
    rig.broker.down = True
    incident = stopped(rig)
    sent = [frame for at in range(100) for _, frames in rig.sms_round(1) for frame in frames]
    assert {len(frame) for frame in sent} == {22}
    assert [row["action"] for row in rig.commands(incident)][-1] == STOP
