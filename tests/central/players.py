"""Plays a center and a gateway with the keys that enrolment gave them: real seals, real signatures."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import countersign, hop, report
from protocol import gateway as events
from protocol.codes import ACCEPTED, BEARER_MQTT, CENTRAL
from protocol.keys import center_pair, gateway_pair
from protocol.messages import ACK, BEAT, COMMAND, CONFIRM, FETCH, HELLO, TIME, Ack, Beat, Fetch, Hello
from protocol.release import BLOCK, OFFER


class CenterPlayer:
    """An alarm center's wire behaviour, from its device.json; `boot` and `nonce` are those of its present boot."""

    def __init__(self, device: dict[str, Any]) -> None:
        self.number: int = device["center"]
        self.group: int = device["group"]
        self.gateway = int(device["gateway"][1:])
        self._root = bytes.fromhex(device["root"])
        self._epoch: int = device["epoch"]
        self.boot = 0
        self.nonce = b""
        self.sequence = 0
        self.reboot()

    def reboot(self) -> None:
        """A new boot count and nonce."""
        self.boot += 1
        self.nonce = self.number.to_bytes(4, "big") + self.boot.to_bytes(4, "big")

    def hello(self, authority: int = CENTRAL, **changes: Any) -> bytes:
        """A sealed hello of this boot."""
        message = Hello(authority, self._epoch, self.number, self.boot, self.nonce, 1, 0, 0, 0, self.sequence, 1)
        return HELLO.seal(self._pair(authority).up, message._replace(**changes))

    def ack(
        self,
        counter: int = 0,
        status: int = ACCEPTED,
        incident: int = 0,
        *,
        outputs: int = 0,
        age: int = 0,
        authority: int = CENTRAL,
        sequence: int | None = None,
        battery: int = 12600,
    ) -> bytes:
        """A sealed ack with the next sequence of its own, or a given one."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        message = Ack(authority, self._epoch, self.number, counter, incident, status, outputs, sequence, age, battery)
        return ACK.seal(self._pair(authority).up, message)

    def beat(self) -> bytes:
        """A sealed heartbeat."""
        self.sequence += 1
        return BEAT.seal(self._pair(CENTRAL).up, Beat(CENTRAL, 0, self.number, self.sequence, 60, 12600, 5, 0, 0))

    def command(self, frame: bytes) -> Any:
        """A command's fields; raises BadTag when it was not sealed for this center in this boot."""
        return COMMAND.open(self._pair(frame[0] & 3).down, frame, self.nonce)

    def time(self, frame: bytes) -> Any:
        """A TIME's fields; raises BadTag when it was not sealed for this center in this boot."""
        return TIME.open(self._pair(frame[0] & 3).down, frame, self.nonce)

    def report(self, authority: int = CENTRAL, **body: Any) -> bytes:
        """A sealed report with this body."""
        self.sequence += 1
        return report.seal(self._pair(authority).up, report.Report(authority, 0, self.number, self.sequence, body))

    def fetch(self, release: int, offset: int = 0, authority: int = CENTRAL, key: int | None = None) -> bytes:
        """A sealed question for a block; `key` is the authority whose key seals it, where that is another one."""
        pair = self._pair(authority if key is None else key)
        return FETCH.seal(pair.up, Fetch(authority, self._epoch, self.number, release, offset))

    def offered(self, frame: bytes) -> bytes:
        """The manifest of an OFFER; raises BadTag as the others do."""
        return bytes(OFFER.open(self._pair(CENTRAL).down, frame, self.nonce)[1])

    def block(self, frame: bytes) -> tuple[int, int, bytes]:
        """Release, offset and octets of a BLOCK; raises BadTag as the others do."""
        head, octets = BLOCK.open(self._pair(CENTRAL).down, frame, self.nonce)
        return head.release, head.offset, bytes(octets)

    def confirmed(self, frame: bytes) -> int:
        """The sequence that a CONFIRM names; raises BadTag when it was not sealed for this center in this boot."""
        return int(CONFIRM.open(self._pair(CENTRAL).down, frame, self.nonce).sequence)

    def _pair(self, authority: int) -> Any:
        return center_pair(self._root, self.number, self._epoch, authority)


class GatewayPlayer:
    """A gateway's side of the hop, from its keys.json."""

    def __init__(self, number: int, keys: dict[str, Any]) -> None:
        self.number = number
        self._pair = gateway_pair(bytes.fromhex(keys["root"]), number)
        self._signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(keys["sign"]))
        self._up = 0
        self._down = 0
        self.outbox: int = keys["sequence_epoch"] << 24

    @property
    def highest_down(self) -> int:
        """The sequence of the last envelope from central."""
        return self._down

    def envelope(self, frames: list[bytes], *, gateway: int | None = None) -> bytes:
        """Frames upwards, under the next sequence; with `gateway` it says that it is that one."""
        self._up += 1
        return hop.seal(self._pair.up, gateway or self.number, self._up, frames)

    def open(self, octets: bytes) -> list[bytes]:
        """The frames of an envelope from central; its sequence must have risen."""
        envelope = hop.open(self._pair.down, octets)
        assert (self.number, True) == (envelope.gateway, envelope.sequence > self._down)
        self._down = envelope.sequence
        return list(envelope.frames)

    def event(
        self,
        status: int,
        incident: int = 0,
        *,
        age: int = 0,
        number: int = 0,
        counter: int = 0,
        gateway: int | None = None,
    ) -> bytes:
        """A sealed event of its own under the next outbox sequence; with `gateway` it says that it is that one."""
        told = events.event(gateway or self.number, status, incident, self.outbox + 1, age)
        return ACK.seal(self._pair.up, told._replace(battery=number, counter=counter))

    def batch(self, acks: list[bytes], now: int) -> bytes:
        """An envelope with acks under the next outbox sequences, as it goes by SMS."""
        frame = events.acks(events.Acks(self.outbox + 1, now, acks))
        self.outbox += len(acks)
        return self.envelope([frame])

    def countersign(self, ack: bytes, now: int, *, sequence: int | None = None, gateway: int | None = None) -> bytes:
        """The 120 octets of an ack under the next outbox sequence or a given one."""
        if sequence is None:
            self.outbox += 1
            sequence = self.outbox
        number = self.number if gateway is None else gateway
        unsigned = countersign.Countersigned(ack, number, sequence, now, BEARER_MQTT, 0, b"")
        signature = self._signer.sign(countersign.to_sign(unsigned))
        return countersign.pack(unsigned._replace(signature=signature))
