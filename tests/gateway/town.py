"""A gateway on paper with a cache of releases, central as the test plays it, and what its two centers say."""

from __future__ import annotations

from pathlib import Path

from gateway.ports import UPLINK
from protocol import gateway
from protocol.codes import CENTRAL
from protocol.gateway import PIECE_SIZE, Piece, Want
from protocol.keys import Pair, center_pairs
from protocol.messages import FETCH, KIND_FETCH, KIND_GATEWAY, Fetch
from protocol.release import OFFER
from simulator import release
from tests.gateway.desk import Desk
from tests.gateway.frames import NONCE, center_root, hello

IMAGE = bytes(range(256)) * 20 + b"the end"
MANIFEST = release.manifest(IMAGE, 8)
KEY = release.public_key()
PIECES = range(0, len(IMAGE), PIECE_SIZE)


def pairs(center: int) -> dict[int, Pair]:
    """The three pairs of a center, by authority."""
    return center_pairs(center_root(center), center, 0)


class Town:
    """A desk, central as the test plays it, and what its two centers say."""

    def __init__(self, folder: Path, key: bytes = KEY) -> None:
        self.folder = folder
        self.sequence = self.passed_up = 0
        self.desk = Desk(folder, release_key=key)
        self._greet()

    def restart(self) -> None:
        """The gateway starts anew on the same folder; its centers greet it."""
        self.desk.store.close()
        self.desk = Desk(self.folder, self.desk.clock, release_key=KEY)
        self._greet()

    def _greet(self) -> None:
        self.desk.link(UPLINK, True)
        for center in (1, 2):
            self.desk.up(hello(center), name=f"C00000{center}")
        self.desk.local.sent.clear()

    def down(self, frame: bytes) -> None:
        """A frame of central's."""
        self.sequence += 1
        self.desk.down(self.sequence, [frame])

    def offer(self, *centers: int, manifest: bytes = MANIFEST) -> None:
        """Central's offers pass."""
        for center in centers:
            self.down(OFFER.seal(pairs(center)[CENTRAL].down, (CENTRAL, 0, center), manifest, NONCE))
            assert OFFER.open(pairs(center)[CENTRAL].down, self.desk.passed(center)[0], NONCE)

    def fetch(self, center: int = 1, offset: int = 0, number: int = 8) -> list[bytes]:
        """A center asks; the blocks that it is given."""
        self.desk.up(
            FETCH.seal(pairs(center)[CENTRAL].up, Fetch(CENTRAL, 0, center, number, offset)), name=f"C00000{center}"
        )
        return self.desk.passed(center)

    def wants(self) -> list[Want]:
        """What the gateway asked central for since the last call."""
        found = [frame for frame in self.desk.frames(KIND_GATEWAY) if gateway.about(frame) == gateway.WANT]
        self.passed_up = len(self.desk.frames(KIND_FETCH))
        self.desk.uplink.sent.clear()
        return [gateway.read_want(frame) for frame in found]

    def answer(self, want: Want, image: bytes = IMAGE) -> None:
        """Central sends a piece."""
        octets = image[want.offset : want.offset + PIECE_SIZE]
        self.down(gateway.piece(Piece(want.image, want.offset, octets)))

    def download(self, image: bytes = IMAGE) -> list[int]:
        """Central answers for as long as it is asked; the offsets."""
        offsets = []
        while wants := self.wants():
            assert len(wants) == 1
            offsets.append(wants[0].offset)
            self.answer(wants[0], image)
        return offsets
