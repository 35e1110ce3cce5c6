"""Releases added and meant for centers, on the real store, with the release flow running beside."""

from __future__ import annotations

from typing import Any

from central.store.images import Images, verified
from protocol.messages import KIND_BLOCK, KIND_OFFER
from simulator import release
from tests.central.rig import NOW, Rig

IMAGE = release.image({"firmware/main.py": bytes(range(256)) * 11})
EXPIRY = int(NOW) + 30 * 86_400


class Shelf:
    """Releases added and meant as the commands do it, with the flows running beside."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.images = Images(rig.installation.folder / "state" / "releases")

    def add(self, sequence: int = 8, image: bytes = IMAGE, **other: Any) -> bytes:
        """A signed release; its manifest."""
        octets = release.manifest(image, sequence, **{"expiry": EXPIRY, **other})
        made = verified(octets, image, release.public_key())
        self.images.keep(made, image)
        self._write(lambda unit: unit.add_release(made, self.rig.clock.at))
        return octets

    def offer(self, sequence: int = 8, scope: str = "all", number: int = 0) -> None:
        """Mean it for somebody."""
        self._write(lambda unit: unit.offer(sequence, scope, number, self.rig.clock.at))

    def withdraw(self, sequence: int = 8) -> None:
        """Mean it for nobody."""
        self._write(lambda unit: unit.withdraw(sequence))

    def round(self, later_s: float = 0.0) -> list[int]:
        """One round of offers; the centers that got one."""
        self.rig.clock.at += later_s
        self.rig.run(self.rig.releases.once())
        return [frame[5] for frame in self.rig.frames(KIND_OFFER)]

    def report(self, center: int = 1, **body: Any) -> None:
        """A center's report."""
        player = self.rig.centers[center]
        self.rig.receive(player.gateway, self.rig.gateways[player.gateway].envelope([player.report(**body)]))

    def fetch(self, sequence: int = 8, offset: int = 0, center: int = 1, **other: Any) -> list[tuple[int, int, bytes]]:
        """A center's fetch, and the blocks that came."""
        player = self.rig.centers[center]
        frame = player.fetch(sequence, offset, **other)
        self.rig.receive(player.gateway, self.rig.gateways[player.gateway].envelope([frame]))
        return [player.block(answer) for answer in self.rig.frames(KIND_BLOCK)]

    def _write(self, work: Any) -> None:
        self.rig.run(self.rig.writer.write(work))
