"""The way to a center by SMS, for campaign T1: what arrives at the gateway's modem, and what the gateway sends to central's number.

It has the shape of simulator.wire. Hostile frames arrive in every wrapping that an attacker can make: bare, in an envelope under a
wrong key, and in an authentic one, as if the hop key had been stolen; legitimate ones in an authentic envelope, from any number.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from modem.pdu import Deliver
from protocol import countersign, gateway, hop
from protocol.errors import ProtocolError
from protocol.keys import gateway_pair
from protocol.layout import kind_of
from protocol.messages import KIND_ACK, KIND_ACKS, KIND_HELLO
from simulator.errors import SimulatorError
from simulator.modem.modems import Modems

T = TypeVar("T")
_NUMBERS = ("+5492610000000", "+5492619999999")


class SmsWire:
    """`own` is the gateway's number, `central` the one it sends to; `device` its folder, for the hop key."""

    def __init__(self, modems: Modems, own: str, central: str, device: Path, seed: int) -> None:
        keys = json.loads((device / "keys.json").read_text())
        self._modems = modems
        self._own = own
        self._central = central
        self._gateway = int(keys["gateway"])
        self._pair = gateway_pair(bytes.fromhex(keys["root"]), self._gateway)
        self._dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
        # Above whatever central used before, as central does after a restart.
        self._sequence = int(time.time())
        self._read = 0
        self._receipts: set[int] = set()

    def open(self, _topic: str) -> None:
        """Central's number is a telephone that takes everything."""
        self._modems.center.phone(self._central)

    def close(self) -> None:
        """Nothing is held."""

    def send(self, topic: str, frame: bytes) -> None:
        """A legitimate frame, in an authentic envelope."""
        del topic
        self._inject(self._envelope([frame]))

    def attack(self, topic: str, frame: bytes) -> None:
        """A hostile frame, wrapped in one of the three ways."""
        del topic
        way = self._dice.randrange(3)
        if way == 0 or not frame or len(frame) > hop.SMS_ROOM:
            self._inject(frame[: hop.SMS_SIZE])
            return
        try:
            octets = self._envelope([frame])
        except ProtocolError:
            octets = frame
        if way == 1:
            octets = octets[:-1] + bytes([octets[-1] ^ 1])
        self._inject(octets)

    def wait(self, found: Callable[[str, bytes], T], timeout_s: float) -> T:
        """The first thing that is true for a frame of a center; every ack is receipted. Raises SimulatorError."""
        deadline = time.monotonic() + timeout_s
        while True:
            messages = [one for one in self._modems.center.received(self._central) if isinstance(one, Deliver)]
            while self._read < len(messages):
                payload = messages[self._read].payload
                self._read += 1
                for frame in self._opened(payload) if isinstance(payload, bytes) else ():
                    value = found("", frame)
                    if value:
                        return value
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise SimulatorError(f"nothing by SMS within {timeout_s:g} s")
            self._modems.wait(self._central, "delivered", count=self._read + 1, timeout_s=left_s)

    def _opened(self, octets: bytes) -> list[bytes]:
        """The centers' frames in what the gateway sent."""
        if kind_of(octets) == KIND_ACK:
            message = countersign.unpack(octets)
            self._receipt(message.sequence, 1)
            return [message.ack]
        frames = []
        for frame in hop.open(self._pair.up, octets).frames:
            if kind_of(frame) == KIND_ACKS:
                batch = gateway.read_acks(frame)
                self._receipt(batch.sequence, len(batch.acks))
                frames += batch.acks
            elif kind_of(frame) == KIND_HELLO:
                frames.append(frame)
        return frames

    def _receipt(self, sequence: int, count: int) -> None:
        self._inject(self._envelope([hop.receipt(hop.Receipt(sequence + count - 1, 0))]))

    def _envelope(self, frames: list[bytes]) -> bytes:
        self._sequence += 1
        return hop.seal(self._pair.down, self._gateway, self._sequence, frames)

    def _inject(self, octets: bytes) -> None:
        if octets:
            self._modems.center.inject(self._dice.choice(_NUMBERS), self._own, octets)
