"""A neighbourhood of two centers that said hello, and what is done to it: for the tests of autonomy and of group stops."""

from __future__ import annotations

from pathlib import Path

from gateway.ports import UPLINK, Received, Sensed
from protocol import codes, gateway, hop
from protocol.keys import center_pair
from protocol.messages import ACK, COMMAND, Command
from protocol.topics import DOWN, topic
from tests.gateway import frames
from tests.gateway.desk import Desk

OWN = 1 << 63 | 1 << 32 | 5


def alone(folder: Path, max_rows: int = 100) -> Desk:
    """A gateway whose two centers said hello, its WAN down."""
    desk = Desk(folder, max_rows=max_rows)
    for center in frames.MINE:
        desk.up(frames.hello(center, boot=3, local=10), name=f"C00000{center}")
    desk.link(UPLINK, False)
    desk.passed(1), desk.passed(2)
    return desk


def commands(desk: Desk, center: int) -> list[Command]:
    """Local commands passed on to a center, opened as the center does."""
    key = center_pair(frames.center_root(center), center, 0, codes.LOCAL).down
    return [COMMAND.open(key, frame, frames.NONCE) for frame in desk.passed(center)]


def press(center: int = 1, status: int = codes.PANIC, age: int = 0, incident: int = OWN) -> bytes:
    """A center's own event as it tells its gateway."""
    return frames.ack(center, 0, 5, codes.LOCAL, status=status, incident=incident, age=age)


def sense(desk: Desk, status: int) -> None:
    """One of the gateway's own inputs."""
    desk.turns.turn([Sensed(status, desk.clock.at)])


def stop(desk: Desk, order: int = 1, issued: int | None = None, group: int = 0) -> None:
    """Central's group stop arrives by SMS."""
    told = gateway.StopGroup(order, desk.clock.now() if issued is None else issued, 60, frames.INCIDENT, group)
    octets = hop.seal(frames.hop_keys().down, 1, 100 + order, [gateway.stop_group(told)])
    desk.turns.turn([Received(UPLINK, topic(frames.GATEWAY, DOWN), octets, False, lambda: None, codes.BEARER_SMS)])


def own_events(desk: Desk) -> list[tuple[int, int, int]]:
    """What the gateway said of itself: status, incident, number; opened as central does."""
    kept = [message.octets for message in desk.kept() if gateway.gateway_of(ACK.peek(message.octets).center)]
    opened = [ACK.open(frames.hop_keys().up, octets) for octets in kept]
    return [(ack.status, ack.incident, ack.battery) for ack in opened]
