"""Makes and checks the signed manifest of an image. What boards would not read is not signed. Called by the release commands."""

from __future__ import annotations

import hashlib
import struct
import time
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.manifest import read
from installer.errors import InstallerError, WrongUse
from installer.image import Identity, identity
from protocol.errors import BadTag, Malformed
from protocol.manifest import CONTEXT, LAYOUT, MAGIC, Manifest, unpack

_DATE = "%Y-%m-%d"


def expiry(date: str) -> int:
    """Unix seconds at the beginning (UTC) of a day still to come; raises WrongUse."""
    try:
        seconds = int(datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise WrongUse(f"{date} is no day; write it as 2027-01-31") from error
    if seconds <= time.time():
        raise WrongUse(f"{date} is not in the future: no board would take this release")
    if seconds > 0xFFFFFFFF:
        raise WrongUse(f"{date} is too far away for a manifest")
    return seconds


def sign(image: bytes, key: Ed25519PrivateKey, minimum_from: int, expires: int) -> bytes:
    """The 148 octets of a signed manifest; raises WrongUse."""
    told = identity(image)
    if not 0 <= minimum_from < told.sequence:
        raise WrongUse(
            f"--minimum-from {minimum_from} fits no board: it must be 0, or below the sequence of the image, {told.sequence}"
        )
    fields = Manifest(
        told.sequence, told.board, told.version, len(image), hashlib.sha256(image).digest(), minimum_from, expires
    )
    body = struct.pack(
        LAYOUT, MAGIC, told.sequence, told.board.encode(), told.version.encode(), *fields[3:]
    )  # zero padded by struct
    try:
        same = unpack(body) == fields
    except Malformed as error:
        raise WrongUse(f"boards would not read this manifest: {error}") from error
    if not same:
        raise WrongUse("boards would read another manifest than this one")
    octets = body + key.sign(CONTEXT + body)
    # By the firmware's own verifier, on which every board depends.
    verify(image, octets, key.public_key().public_bytes_raw())
    return octets


def verify(image: bytes, manifest: bytes, public: bytes) -> Manifest:
    """The manifest, when it was signed with this key and is this image's; raises InstallerError."""
    try:
        fields = read(manifest, public)
    except Malformed as error:
        raise InstallerError(f"this is no manifest: {error}") from error
    except BadTag as error:
        raise InstallerError("the manifest was not signed with this key, or was changed since") from error
    if (fields.size, fields.digest) != (len(image), hashlib.sha256(image).digest()):
        raise InstallerError("the manifest is of another image, or the image was changed since")
    if identity(image) != Identity(fields.sequence, fields.version, fields.board):
        raise InstallerError("the manifest and the image name different releases")
    return fields  # type: ignore[no-any-return]


def described(fields: Manifest) -> dict[str, object]:
    """A manifest for people and programs."""
    return {
        "sequence": fields.sequence,
        "version": fields.version,
        "board": fields.board,
        "size": fields.size,
        "sha256": fields.digest.hex(),
        "minimum_from": fields.minimum_from,
        "expires": datetime.fromtimestamp(fields.expiry, UTC).strftime(_DATE),
    }
