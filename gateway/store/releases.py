"""Images of releases in a folder beside the outbox: manifests verified with the release key, images given out only as they were signed.

Made by wiring, called by the flow `cache`. What a power cut tears is found by its digest, and fetched again.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import StoreUnavailable
from protocol import manifest as manifests
from protocol.errors import Malformed
from protocol.manifest import Manifest

# The one that runs, the next one, and as many for a second kind of board: a megabyte at most.
KEPT = 4


class ReleaseFolder:
    """`key` is the release key's public half (32 octets); without one (empty) nothing is kept."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = Ed25519PublicKey.from_public_bytes(key) if key else None
        self._manifests: dict[bytes, Manifest] | None = None
        # Images whose digest was compared; from then on they are served out of memory.
        self._verified: dict[bytes, bytes] = {}

    def learn(self, octets: bytes) -> Manifest | None:
        """Keep a signed manifest; None when the release key did not sign it, or there is none. Raises StoreUnavailable."""
        found = self._signed(octets)
        if found is None or found.digest in self._all():
            return found
        try:
            self._folder.mkdir(exist_ok=True)
            self._path(found, "manifest").write_bytes(octets)
            self._all()[found.digest] = found
            self._give_way()
        except OSError as error:
            raise self._refusal(error) from error
        return found

    def known(self, sequence: int) -> list[Manifest]:
        """The manifests of a release, one for each board that was heard of."""
        return [found for found in self._all().values() if found.sequence == sequence]

    def length(self, manifest: Manifest) -> int:
        """How many octets of its image are here; its size when it is whole."""
        if self.image(manifest) is not None:
            return int(manifest.size)
        try:
            length = self._path(manifest, "part").stat().st_size
        except OSError:
            return 0
        return length if length < manifest.size else 0

    def add(self, manifest: Manifest, octets: bytes) -> bool:
        """The next octets of an image; False when they made it whole and it is not the signed one. Raises StoreUnavailable."""
        part, have = self._path(manifest, "part"), self.length(manifest)
        try:
            with part.open("ab" if have else "wb") as file:
                file.write(octets)
            if have + len(octets) < manifest.size:
                return True
            if self._signed_octets(part, manifest) is None:
                return False
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(self._path(manifest, "image"))
        except OSError as error:
            raise self._refusal(error) from error
        return True

    def image(self, manifest: Manifest) -> bytes | None:
        """A whole and verified image, or None."""
        if manifest.digest not in self._verified:
            octets = self._signed_octets(self._path(manifest, "image"), manifest)
            if octets is None:
                # Not there, or the card lost some of it: it is fetched again.
                return None
            while len(self._verified) >= KEPT:
                self._verified.pop(next(iter(self._verified)))
            self._verified[manifest.digest] = octets
        return self._verified[manifest.digest]

    def _all(self) -> dict[bytes, Manifest]:
        if self._manifests is None:
            self._manifests = {}
            for path in sorted(self._folder.glob("*.manifest")):
                try:
                    found = self._signed(path.read_bytes())
                except OSError:
                    continue
                if found is not None:
                    self._manifests[found.digest] = found
        return self._manifests

    def _signed(self, octets: bytes) -> Manifest | None:
        if self._key is None or len(octets) != manifests.SIZE:
            return None
        try:
            self._key.verify(octets[manifests.SIGNED :], manifests.CONTEXT + octets[: manifests.SIGNED])
            return manifests.unpack(octets)
        except (InvalidSignature, Malformed):
            return None

    @staticmethod
    def _signed_octets(path: Path, manifest: Manifest) -> bytes | None:
        try:
            octets = path.read_bytes()
        except OSError:
            return None
        whole = len(octets) == manifest.size and hashlib.sha256(octets).digest() == manifest.digest
        return octets if whole else None

    def _give_way(self) -> None:
        """The releases of the lowest sequences go first."""
        for old in sorted(self._all().values(), key=lambda one: one.sequence)[:-KEPT]:
            for kind in ("manifest", "part", "image"):
                self._path(old, kind).unlink(missing_ok=True)
            del self._all()[old.digest]

    def _path(self, manifest: Manifest, kind: str) -> Path:
        return self._folder / f"{manifest.digest[:8].hex()}.{kind}"

    def _refusal(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(f"{self._folder} cannot be written: {error.strerror}")
