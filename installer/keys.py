"""The release key: an Ed25519 pair, the private half in PKCS 8 (PEM), the public half as 64 hexadecimal digits.

Kept off line: whoever holds it decides what every alarm center runs. It is never written over.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from installer.errors import InstallerError, WrongUse
from protocol.manifest import MAX_IMAGE


def public_path(private: Path) -> Path:
    """Where the public half of a key file lies."""
    return private.with_name(private.name + ".pub")


def create(private: Path) -> str:
    """Make a pair: `private` (mode 0600) and beside it its `.pub`; the public half as hexadecimal digits."""
    for path in (private, public_path(private)):
        if path.exists():
            raise _exists(path)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    _new(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _new(public_path(private), public.encode() + b"\n", 0o644)
    return public


def load_private(path: Path) -> Ed25519PrivateKey:
    """The key of a file that nobody else may read; raises WrongUse."""
    octets = read(path, "key")
    try:
        key = load_pem_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WrongUse(f"{path} is no private key that `sereno-install release key` made") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongUse(f"{path} is a key of another kind; releases are signed with Ed25519")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise WrongUse(f"{path} can be read by others than its owner: chmod 600 {path}")
    return key


def load_public(path: Path) -> bytes:
    """The 32 octets of a public half; raises WrongUse."""
    try:
        octets = bytes.fromhex(read(path, "public key").decode().strip())
    except ValueError as error:
        raise WrongUse(
            f"{path} is no public key: 64 hexadecimal digits, as in the .pub beside the private one"
        ) from error
    if len(octets) != 32:
        raise WrongUse(f"{path} is no public key: it has {len(octets)} octets, not 32")
    return octets


def read(path: Path, what: str) -> bytes:
    """The content of a file that was named on the command line, cut short where it is no file of ours; raises WrongUse."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_IMAGE + 1)
    except OSError as error:
        raise WrongUse(f"the {what} {path} cannot be read: {error.strerror}") from error


def write(path: Path, octets: bytes) -> None:
    """A result, whole or not at all; raises InstallerError."""
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_bytes(octets)
        temporary.replace(path)
    except OSError as error:
        raise InstallerError(f"{path} cannot be written: {error.strerror}") from error


def _exists(path: Path) -> WrongUse:
    return WrongUse(f"{path} exists, and a key is never written over; choose another name")


def _new(path: Path, octets: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise InstallerError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)
