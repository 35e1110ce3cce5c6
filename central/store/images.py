"""Release images and their manifests: verified when they come in, kept as files, and read again only whole and unchanged.

Called by the release commands and by the release flow. It says nothing of who gets one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.domain.errors import Refused, Unavailable
from central.domain.release import Release
from protocol import manifest
from protocol.errors import Malformed

# Few releases are on their way at once.
_KEPT = 4


def verified(octets: bytes, image: bytes, key: bytes) -> Release:
    """The release that the holder of `key` (32 octets, Ed25519) signed, if this is its image; raises Refused."""
    if len(octets) != manifest.SIZE:
        raise Refused(f"a signed manifest has {manifest.SIZE} octets, not {len(octets)}")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            octets[manifest.SIGNED :], manifest.CONTEXT + octets[: manifest.SIGNED]
        )
        fields = manifest.unpack(octets)
    except InvalidSignature as error:
        raise Refused("the manifest is not signed with the release key of these settings") from error
    except Malformed as error:
        raise Refused(f"the manifest cannot be read: {error}") from error
    if len(image) != fields.size or hashlib.sha256(image).digest() != fields.digest:
        raise Refused("the image is not the one that this manifest was made for")
    return Release(*fields, manifest=octets)


class Images:
    """The folder of images; those in use stay in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[bytes, bytes] = {}

    def path(self, release: Release) -> Path:
        """The file of a release's image."""
        return self._folder / f"{release.sequence}-{release.board}.image"

    def keep(self, release: Release, image: bytes) -> None:
        """Write an image whole or not at all, to last through a power cut; raises Unavailable."""
        path = self.path(release)
        temporary = path.with_name(path.name + ".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(image)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise Unavailable(f"the image {path} cannot be written: {error.strerror}") from error

    def image(self, release: Release) -> bytes:
        """A release's image; raises Unavailable when the file is gone or is not what was signed."""
        known = self._read.get(release.digest)
        if known is not None:
            return known
        path = self.path(release)
        try:
            octets = path.read_bytes()
        except OSError as error:
            raise Unavailable(f"the image {path} cannot be read: {error.strerror}; add the release again") from error
        if hashlib.sha256(octets).digest() != release.digest:
            raise Unavailable(f"the image {path} is damaged; add the release again")
        while len(self._read) >= _KEPT:
            self._read.pop(next(iter(self._read)))
        self._read[release.digest] = octets
        return octets
