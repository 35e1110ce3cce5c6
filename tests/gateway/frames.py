"""Sealed frames as central and the centers make them, from roots that the gateway never sees."""

from __future__ import annotations

import time
from typing import Any

from protocol.codes import ACCEPTED, ACTIVATE, CENTRAL, GENERAL, LOCAL, SIREN
from protocol.keys import Pair, center_pairs, gateway_pair
from protocol.messages import (
    ACK,
    BEAT,
    COMMAND,
    CONFIRM,
    FETCH,
    HELLO,
    TIME,
    Ack,
    Beat,
    Command,
    Confirm,
    Fetch,
    Hello,
    Time,
)
from protocol.release import BLOCK, BLOCK_SIZE, OFFER

GATEWAY = "G000001"
MINE = (1, 2)
FOREIGN = 3
ROOT = bytes(range(32))
SEED = bytes(range(100, 132))
NONCE = b"boot one"
DEADLINE_S = 10.0
INCIDENT = 7_777_777_777


def center_root(center: int) -> bytes:
    """A center's 32 octets, which only the center and central hold."""
    return bytes([center]) * 32


def command(center: int = 1, counter: int = 1, **changed: Any) -> bytes:
    """A sealed command of central's."""
    message = Command(
        CENTRAL, 0, center, 1, counter, int(time.time()), 120, INCIDENT, 1, GENERAL, ACTIVATE | SIREN, 30, 0
    )
    message = message._replace(**changed)
    return COMMAND.seal(center_pairs(center_root(center), center, 0)[message.authority].down, message, NONCE)


def ack(center: int = 1, counter: int = 1, sequence: int = 1, authority: int = CENTRAL, **changed: Any) -> bytes:
    """A center's sealed ack."""
    message = Ack(authority, 0, center, counter, INCIDENT, ACCEPTED, 0, sequence, 0, 12_600)._replace(**changed)
    return ACK.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def hello(
    center: int = 1, authority: int = LOCAL, boot: int = 1, nonce: bytes = NONCE, local: int = 0, request: int = 9
) -> bytes:
    """A center's sealed hello."""
    message = Hello(authority, 0, center, boot, nonce, request, 0, local, 0, 0, 1)
    return HELLO.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def beat(center: int = 1, authority: int = LOCAL, sequence: int = 1) -> bytes:
    """A center's sealed heartbeat."""
    message = Beat(authority, 0, center, sequence, 60, 12_600, 1, 0, 0)
    return BEAT.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def time_frame(center: int = 1) -> bytes:
    """Central's answer to a hello."""
    message = Time(CENTRAL, 0, center, int(time.time()), 0, 0, 9)
    return TIME.seal(center_pairs(center_root(center), center, 0)[CENTRAL].down, message, NONCE)


def hop_keys() -> Pair:
    """The hop keys, as central holds them."""
    return gateway_pair(ROOT, 1)


def confirm_frame(center: int = 1, authority: int = CENTRAL, sequence: int = 5) -> bytes:
    """Central has stored an event."""
    keys = center_pairs(center_root(center), center, 0)[authority].down
    return CONFIRM.seal(keys, Confirm(authority, 0, center, sequence), NONCE)


def offer_frame(center: int = 1, authority: int = CENTRAL) -> bytes:
    """A manifest of 148 octets on its way to a center."""
    keys = center_pairs(center_root(center), center, 0)[authority].down
    return OFFER.seal(keys, (authority, 0, center), bytes(148), NONCE)


def block_frame(center: int = 1, authority: int = CENTRAL, offset: int = 0) -> bytes:
    """A whole block of a program."""
    keys = center_pairs(center_root(center), center, 0)[authority].down
    return BLOCK.seal(keys, (authority, 0, center, 8, offset), bytes(BLOCK_SIZE), NONCE)


def fetch_frame(center: int = 1, authority: int = CENTRAL, offset: int = 0) -> bytes:
    """A center asks for a block."""
    keys = center_pairs(center_root(center), center, 0)[authority].up
    return FETCH.seal(keys, Fetch(authority, 0, center, 8, offset))
