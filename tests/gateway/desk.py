"""The gateway's flows over the real store, with a virtual clock and hand-written ends: no broker, no thread, no wait."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.domain.delivery import Delivery
from gateway.domain.moment import Moment
from gateway.domain.presence import Presence
from gateway.domain.priority import Schedule
from gateway.domain.remote import Options
from gateway.flows.assembly import Ends, Flows, Limits
from gateway.flows.state import State, Tally
from gateway.ports import LOCAL, UPLINK, LinkChanged, Received, Stored
from gateway.store.keys import CenterKeys
from gateway.store.outbox import SqliteStore
from gateway.store.overlay import OverlayFile
from gateway.store.releases import ReleaseFolder
from protocol import codes, countersign, hop
from protocol.countersign import Countersigned
from protocol.hop import Receipt
from protocol.keys import center_pair
from protocol.layout import kind_of
from protocol.messages import KIND_HOP
from protocol.topics import DOWN, UP, topic
from tests.gateway.frames import GATEWAY, MINE, SEED, center_root, hop_keys
from tests.gateway.lines import Lines


@dataclass
class VirtualClock:
    """A clock that a test moves."""

    at: float = 1000.0
    wall: int = 1_800_000_000
    is_sane: bool = True
    is_trusted: bool = True
    boot: str = "boot one"

    def monotonic(self) -> float:
        return self.at

    def now(self) -> int:
        return self.wall

    def stamp(self) -> tuple[int, int]:
        return self.wall, 0

    def sane(self) -> bool:
        return self.is_sane

    def trusted(self) -> bool:
        return self.is_trusted

    def moment(self) -> Moment:
        return Moment(self.wall, self.boot, self.at)

    def move(self, seconds: float) -> None:
        """Both clocks on."""
        self.at += seconds
        self.wall += int(seconds)


@dataclass
class PaperUplink:
    """Keeps what was published."""

    connected: bool = True
    sent: list[bytes] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)

    def publish(self, payload: bytes, sure: bool = True) -> bool:
        if self.connected:
            self.sent.append(payload)
        return self.connected

    def drop(self, reason: str) -> None:
        self.drops.append(reason)


@dataclass
class PaperSms:
    """Keeps what was handed over for sending."""

    ready: bool = True
    rssi: int = 20
    free: int = 8
    sent: list[bytes] = field(default_factory=list)

    def room(self) -> int:
        return self.free

    def publish(self, payload: bytes) -> bool:
        self.sent.append(payload)
        return True

    def state(self) -> dict[str, Any]:
        return {"ready": self.ready}


@dataclass
class PaperLocal:
    """Keeps what was published: center, frame, expiry."""

    connected: bool = True
    sent: list[tuple[int, bytes, int | None]] = field(default_factory=list)
    probes: int = 0
    drops: list[str] = field(default_factory=list)

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        if self.connected:
            self.sent.append((center, frame, expiry_s))
        return self.connected

    def probe(self) -> bool:
        self.probes += 1
        return True

    def drop(self, reason: str) -> None:
        self.drops.append(reason)


@dataclass
class PaperBoard:
    """Keeps the last state."""

    document: dict[str, Any] = field(default_factory=dict)

    def post(self, document: dict[str, Any]) -> None:
        self.document = document


@dataclass
class PaperLamps:
    """Keeps what was shown last: uplink, local, alarm."""

    shown: tuple[bool, bool, bool] = (False, False, False)

    def show(self, uplink: bool, local: bool, alarm: bool) -> None:
        self.shown = (uplink, local, alarm)


class Signature:
    """The gateway's key."""

    def sign(self, octets: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(SEED).sign(octets)


class Desk:
    """One gateway on paper; the folder holds its real store, so that a second Desk on it is a restart."""

    def __init__(
        self,
        folder: Path,
        clock: VirtualClock | None = None,
        max_rows: int = 100,
        epoch: int = 1,
        sms: PaperSms | None = None,
        release_key: bytes = b"",
        groups: dict[int, int] | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock or VirtualClock()
        self.uplink, self.local, self.board, self.log = PaperUplink(), PaperLocal(), PaperBoard(), Lines()
        self.store = SqliteStore(folder / "outbox.db", epoch, 0)
        self.store.open()
        keys = {
            center: CenterKeys(
                center, (groups or {}).get(center, 1), 0, center_pair(center_root(center), center, 0, codes.LOCAL)
            )
            for center in MINE
        }
        self.state = State(
            1,
            keys,
            Delivery(3.0),
            Schedule(3.0, 60.0, 4),
            Presence(keys, 180.0, 20.0, self.clock.at),
            Tally(self.log),
        )
        self.sms, self.lamps = sms, PaperLamps()
        self.used: list[Options] = []
        ends = Ends(
            self.store, self.uplink, sms, self.local, Signature(), self.board, self.lamps, self.clock, self.log,
            ReleaseFolder(folder / "releases", release_key), OverlayFile(folder), self.used.append,
        )  # fmt: skip
        self.flows = Flows(SimpleQueue(), self.state, ends, hop_keys(), Limits(max_rows))
        self.outbox, self.turns, self.rounds = self.flows.outbox, self.flows.turns, self.flows.rounds
        self.flows.resume()
        self.acknowledged: list[bytes] = []

    def received(self, side: str, where: str, payload: bytes, retained: bool = False) -> Received:
        """A message whose PUBACK is noted."""
        return Received(side, where, payload, retained, lambda: self.acknowledged.append(payload))

    def down(self, sequence: int, frames: list[bytes], gateway: int = 1, forged: bool = False) -> bytes:
        """An envelope arrives from central."""
        octets = hop.seal(hop_keys().up if forged else hop_keys().down, gateway, sequence, frames)
        self.turns.turn([self.received(UPLINK, topic(GATEWAY, DOWN), octets)])
        return octets

    def receipt(self, sequence: int, upto: int, beyond: int = 0) -> None:
        """Central confirms."""
        self.down(sequence, [hop.receipt(Receipt(upto, beyond))])

    def up(self, *frames: bytes, name: str = "C000001") -> None:
        """A center speaks; several frames wait together."""
        self.turns.turn([self.received(LOCAL, topic(name, UP), frame) for frame in frames])

    def link(self, side: str, up: bool) -> None:
        """A connection comes or goes."""
        (self.uplink if side == UPLINK else self.local).connected = up
        self.turns.turn([LinkChanged(side, up, "test")])

    def tick(self, seconds: float = 0.0) -> None:
        """Time passes, then one round."""
        self.clock.move(seconds)
        self.turns.turn([])
        self.rounds.tick()

    def acks(self) -> list[Countersigned]:
        """Countersigned acks handed to the uplink since the last call."""
        found = [countersign.unpack(octets) for octets in self.uplink.sent if kind_of(octets) != KIND_HOP]
        self.uplink.sent = [octets for octets in self.uplink.sent if kind_of(octets) == KIND_HOP]
        return found

    def frames(self, kind: int) -> list[bytes]:
        """Frames of one kind in the upward envelopes handed over so far."""
        envelopes = [hop.open(hop_keys().up, octets) for octets in self.uplink.sent if kind_of(octets) == KIND_HOP]
        return [frame for envelope in envelopes for frame in envelope.frames if kind_of(frame) == kind]

    def kept(self) -> list[Stored]:
        """The outbox on disk, oldest first."""
        return [message for message in self.store.messages() if message.sequence is not None]

    def waiting(self) -> list[Stored]:
        """Commands on disk."""
        return [message for message in self.store.messages() if message.sequence is None]

    def passed(self, center: int = 1) -> list[bytes]:
        """Frames passed on to a center since the last call."""
        found = [frame for number, frame, _ in self.local.sent if number == center]
        self.local.sent = [entry for entry in self.local.sent if entry[0] != center]
        return found

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Within it the kernel refuses every octet by which the store's log would grow."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = self.folder.joinpath("outbox.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
