"""What a gateway says of itself, and acks that it sends two in one SMS: believed by their seals, and no further than those reach."""

from __future__ import annotations

import pytest

from central.commands import evidence
from central.settings import load
from protocol import codes, countersign, gateway
from protocol.hmac import Mac
from protocol.messages import ACK, COMMAND
from tests.central.rig import Installation, Rig

PRESS = gateway.incident(1, 5)


def own(rig: Rig, status: int, incident: int = 0, by: int = 1, **fields: int) -> bytes:
    """A gateway's own event arrives, countersigned."""
    player = rig.gateways[by]
    octets = player.countersign(player.event(status, incident, **fields), int(rig.clock.at))
    rig.receive(by, octets)
    return octets


def test_the_wall_button_opens_its_incident_for_the_operators(rig: Rig) -> None:
    """Under the gateway's own id, in its group; central commands nothing: whoever holds a gateway gets no siren of central's."""
    rig.greet(1)
    rig.greet(2)
    rig.taken()
    own(rig, codes.PANIC, PRESS)
    seen = rig.reader.incident(1, PRESS)
    assert seen is not None
    assert [(alert["source"], alert["reporter"]) for alert in seen["alerts"]] == [("gateway", None)]
    assert (rig.frames(COMMAND.kind), seen["commands"]) == ([], [])
    assert seen["timeline"][-1]["text"] == "gateway 1: panic button"
    assert rig.owed == {1}


def test_a_press_told_twice_is_one_incident(rig: Rig) -> None:
    """By the one bearer and by the other."""
    octets = own(rig, codes.PANIC, PRESS)
    rig.receive(1, octets)
    player = rig.gateways[1]
    rig.receive(1, player.countersign(countersign.unpack(octets).ack, int(rig.clock.at)))
    assert len(rig.reader.incidents(1)) == 1


def test_centers_that_sounded_under_the_local_key_stand_on_its_timeline(rig: Rig) -> None:
    """Their own word, under central's key; the incident is sounding."""
    own(rig, codes.PANIC, PRESS)
    rig.ack(1, status=codes.SOUNDING_LOCALLY, incident=PRESS, outputs=codes.SIREN)
    rig.ack(2, status=codes.SOUNDING_LOCALLY, incident=PRESS, outputs=codes.SIREN)
    seen = rig.reader.incident(1, PRESS)
    assert seen is not None
    assert seen["state"] == "sounding"
    assert [entry["text"] for entry in seen["timeline"]][-1] == "center 2: sounding, local order"


@pytest.mark.parametrize("status", [codes.GROUP_STOPPED, codes.GROUP_STOP_INCOMPLETE])
def test_what_became_of_a_group_stop_stands_on_the_timeline(rig: Rig, status: int) -> None:
    """With how many centers."""
    incident = rig.alert().incident
    own(rig, status, incident, number=2)
    assert rig.reader.entries_of(incident)[-1]["text"] == f"gateway 1: {codes.status_name(status)} (2)"


def test_a_gateway_shows_its_last_events(rig: Rig) -> None:
    """Its cabinet was opened a minute ago."""
    own(rig, codes.TAMPER, age=60)
    told = rig.fleet.describe_gateway(1, rig.clock.at)
    assert told["events"] == [{"event": "cabinet opened", "s_ago": 60.0}]


def test_a_gateway_speaks_for_no_other_and_answers_no_command(rig: Rig) -> None:
    """Not under another gateway's number, not with a counter, not under a key that is not its own."""
    player, now = rig.gateways[1], int(rig.clock.at)
    other = player.event(codes.PANIC, PRESS, gateway=2)
    forged = bytearray(player.event(codes.PANIC, PRESS))
    forged[-1] ^= 1
    answer = player.event(codes.PANIC, PRESS, counter=3)
    for ack in (other, bytes(forged), answer):
        rig.receive(1, player.countersign(ack, now))
    rig.receive(2, rig.gateways[2].countersign(player.event(codes.PANIC, PRESS), now))
    # Refused for good, so receipted: it must not stand before what will be believed.
    assert (rig.reader.incidents(1), rig.owed) == ([], {1, 2})
    assert len(rig.reader.refusals()) == 4


def test_two_acks_in_one_sms_are_taken_like_two(rig: Rig) -> None:
    """Each by its center's own seal; both are receipted, and the API says how they came and how late."""
    incident = rig.alert().incident
    rig.greet(1)
    (command,) = [rig.centers[1].command(frame) for frame in rig.frames(COMMAND.kind)][-1:]
    acks = [
        rig.centers[1].ack(command.counter, codes.ACCEPTED, incident),
        rig.centers[1].ack(command.counter, codes.SOUNDING, incident, outputs=codes.SIREN),
    ]
    rig.receive(1, rig.gateways[1].batch(acks, int(rig.clock.at) - 9))
    seen = rig.reader.incident(1, incident)
    assert seen is not None
    assert [(ack["status"], ack["bearer"], ack["delay_s"], ack["countersigned"]) for ack in seen["acks"]] == [
        ("accepted", "sms", 9, False),
        ("sounding", "sms", 9, False),
    ]
    assert seen["timeline"][-1]["text"].endswith(f"sounding (siren), by SMS after 9 s (counter {command.counter})")
    assert rig.receipt(1).upto == rig.gateways[1].outbox


def test_a_forged_ack_in_a_batch_leaves_its_neighbour(rig: Rig) -> None:
    """The gateway made the envelope; the seal inside is the center's alone."""
    good = rig.centers[1].ack(0, codes.MAINS_LOST)
    forged = bytearray(rig.centers[1].ack(0, codes.TAMPER))
    forged[-1] ^= 1
    foreign = rig.centers[3].ack(0, codes.TAMPER)
    rig.receive(1, rig.gateways[1].batch([bytes(forged), good, foreign], int(rig.clock.at)))
    assert list(rig.fleet.status(1).news) == [codes.MAINS_LOST]
    assert len(rig.reader.refusals()) == 2


def test_evidence_marks_what_the_gateway_did_not_sign(installation: Installation) -> None:
    """A payload without signature, and the reason in the folder; the countersigned one is a COSE message as before."""
    rig = Rig(installation)
    incident = rig.alert().incident
    rig.receive(1, rig.gateways[1].batch([rig.centers[1].ack(0, codes.SOUNDING_LOCALLY, incident)], int(rig.clock.at)))
    rig.ack(1, status=codes.STOPPED_LOCALLY, incident=incident)
    rig.close()
    out = installation.folder / "evidence"
    assert evidence.export(load(installation.settings), incident, out) == 2
    names = sorted(path.name for path in out.iterdir())
    assert names == ["C000001-1.not-countersigned", "C000001-2.cose", "G000001.pub", "README.txt"]
    assert len((out / names[0]).read_bytes()) == countersign.PAYLOAD_SIZE


def test_what_a_center_says_that_is_not_known_yet_is_not_receipted(rig: Rig) -> None:
    """Its enrolment may be on its way: the gateway keeps it and brings it again."""
    ack = ACK.seal(Mac(bytes(32)), (0, 0, 4242, 0, PRESS, codes.PANIC, 0, 1, 0, 12_600))
    rig.receive(1, rig.gateways[1].countersign(ack, int(rig.clock.at)))
    assert (rig.owed, rig.receipt(1).upto) == (set(), 0)
    assert len(rig.reader.refusals()) == 1
