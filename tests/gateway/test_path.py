"""The path through a whole gateway between two real brokers."""

from __future__ import annotations

from protocol.codes import CENTRAL
from protocol.keys import center_pairs
from protocol.messages import ACK
from tests.gateway import rig
from tests.gateway.rig import Neighbourhood


def test_a_command_reaches_its_center_unchanged_and_its_ack_comes_back_countersigned(
    neighbourhood: Neighbourhood,
) -> None:
    """Central's octets arrive as they were sealed; the center's ack arrives with this gateway's signature."""
    central, center = neighbourhood.central(), neighbourhood.center()
    neighbourhood.gateway()
    frame = rig.command()
    central.down([frame])
    assert center.next_down()[0] == frame
    center.up(rig.ack())
    message = central.next_ack()
    assert (message.ack, message.gateway, message.sequence) == (rig.ack(), 1, 1 << 24 | 1)
    opened = ACK.open(center_pairs(rig.center_root(1), 1, 0)[CENTRAL].up, message.ack)
    assert opened.incident == rig.INCIDENT
