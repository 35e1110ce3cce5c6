"""Heartbeats in digests: what central knows of centers that say nothing else."""

from __future__ import annotations

from central.flows.fleet import Fleet
from protocol import hop
from tests.central.rig import NOW, Rig


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


def test_a_gateway_that_says_nothing_for_two_digests_is_silent() -> None:
    """And no longer once it is heard; before that, the time since central began to listen counts."""
    fleet = Fleet(NOW)
    assert [fleet.describe_gateway(1, NOW + later)["silent"] for later in (600, 601)] == [False, True]
    fleet.heard(1, NOW + 700)
    assert [fleet.describe_gateway(1, NOW + later)["silent"] for later in (1300, 1301)] == [False, True]


def test_refusals_are_told_by_municipality(rig: Rig) -> None:
    """What was not believed of one city's devices is no business of another's."""
    rig.greet(1)
    rig.greet(1, nonce=b"another!")
    told = {city: len(rig.reader.refusals(rig.devices.names_of(city))) for city in (1, 2)}
    assert told == {1: 1, 2: 0}
