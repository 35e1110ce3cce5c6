"""Heartbeats in digests: what central knows of centers that say nothing else."""

from __future__ import annotations

import structlog

from central.flows.fleet import Fleet
from protocol import gateway, hop
from tests.central.paper import NOW
from tests.central.rig import Rig


def test_one_damaged_heartbeat_does_not_silence_a_digest(rig: Rig) -> None:
    """The others of the same digest count, and what the gateway no longer has is not waited for."""
    good, bad = rig.centers[2].beat(), bytearray(rig.centers[1].beat())
    bad[-1] ^= 1
    oldest = (1 << 24) + 8
    digest = hop.digest(hop.Digest(int(rig.clock.at), oldest, [(0, bytes(bad)), (5, good)]))
    rig.receive(1, rig.gateways[1].envelope([digest]))
    assert (rig.fleet.status(1).up, rig.fleet.status(2).up) == (False, True)
    assert rig.receipt(1).upto == oldest - 1


def test_a_heartbeat_shown_again_is_no_sign_of_life(rig: Rig) -> None:
    """A gateway that repeats an old beat cannot make a dead center look alive."""
    beat = rig.centers[1].beat()
    rig.receive(1, rig.gateways[1].envelope([beat]))
    heard = rig.fleet.status(1).heard
    rig.clock.at += 600
    rig.receive(1, rig.gateways[1].envelope([beat]))
    assert rig.fleet.status(1).heard == heard > 0


def test_a_gateway_that_says_nothing_for_90_seconds_is_silent() -> None:
    """And no longer once it is heard; before that, the time since central began to listen counts."""
    fleet = Fleet(NOW)
    assert [fleet.describe_gateway(1, NOW + later)["silent"] for later in (89, 90)] == [False, True]
    fleet.heard(1, NOW + 700)
    assert [fleet.describe_gateway(1, NOW + later)["silent"] for later in (789, 790)] == [False, True]


def test_a_sign_of_life_is_answered_with_one(rig: Rig) -> None:
    """In 15 octets, once central knows what is behind the gateway; a digest is answered with a receipt."""
    oldest = (1 << 24) + 8
    rig.receive(1, rig.gateways[1].envelope([hop.digest(hop.Digest(int(NOW), oldest, []))]))
    assert rig.taken() == [(1, hop.receipt(hop.Receipt(oldest - 1, 0)))]
    rig.receive(1, rig.gateways[1].envelope([]))
    ((to, octets),) = rig.broker.sent
    assert (to, len(octets), rig.taken()) == (1, 15, [])


def test_central_that_knows_nothing_of_a_gateway_asks_it_for_everything(rig: Rig) -> None:
    """After a restart, with each answer until a digest came: otherwise an hour would pass without one."""
    for _ in range(2):
        rig.receive(1, rig.gateways[1].envelope([]))
    assert rig.taken() == [(1, gateway.ask())] * 2
    rig.receive(1, rig.gateways[1].envelope([hop.digest(hop.Digest(int(NOW), 1 << 24, []))]))
    rig.taken()
    rig.receive(1, rig.gateways[1].envelope([]))
    assert rig.taken() == []


def test_what_is_no_new_word_of_the_gateway_is_no_sign_of_its_life(rig: Rig) -> None:
    """A sign shown again, one that is forged, an ack under another's signature: nobody was heard and nobody is answered."""
    sign = rig.gateways[1].envelope([])
    rig.receive(1, sign)
    rig.taken()
    rig.clock.at += 60
    signed = rig.gateways[2].countersign(rig.centers[1].ack(), int(NOW), gateway=1)
    for octets in (sign, sign[:-1] + bytes([sign[-1] ^ 1]), signed):
        rig.receive(1, octets)
    assert (rig.fleet.gateways, rig.taken()) == ({1: NOW}, [])


def test_centers_behind_a_silent_gateway_are_unknown_and_not_down(rig: Rig) -> None:
    """One fault, told once and by name; the centers are as they were when the gateway is heard again."""
    for center in (1, 2):
        rig.receive(1, rig.gateways[1].envelope([rig.centers[center].beat()]))
    told = [rig.fleet.describe(1, NOW + later, 1) for later in (89, 90)]
    assert [(one["up"], one["behind"]) for one in told] == [(True, None), (None, "G000001")]
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            rig.clock.at += 45
            rig.faults.once()
        rig.receive(1, rig.gateways[1].envelope([]))
        rig.faults.once()
    said = [(line["event"], line.get("centers_unknown")) for line in lines if line["gateway"] == "G000001"]
    assert said == [("gateway silent", 2), ("gateway heard again", None)]
    assert rig.fleet.describe(1, rig.clock.at, 1)["up"]


def test_refusals_are_told_by_municipality(rig: Rig) -> None:
    """What was not believed of one city's devices is no business of another's."""
    rig.greet(1)
    rig.greet(1, nonce=b"another!")
    told = {city: len(rig.reader.refusals(rig.devices.names_of(city))) for city in (1, 2)}
    assert told == {1: 1, 2: 0}
