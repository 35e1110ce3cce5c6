"""Root keys of devices: wrapped in the database under a master key that lives in a file of its own.

A copy of the database alone is worth nothing. Unwrapped keys are derived once and kept in memory.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from central.domain.errors import CentralError
from protocol.keys import ROOT_SIZE, Pair, center_pair, gateway_pair
from protocol.topics import center_name, gateway_name

_NONCE = 12


class KeyringError(CentralError):
    """The master key is missing, open to others, or not the one that wrapped the database's keys."""


def create_master(path: Path) -> None:
    """Make the master key file (mode 0600); leaves an existing one alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")


class Keyring:
    """Wraps and unwraps roots, and hands out the seals derived from them."""

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(master)
        self._centers: dict[tuple[int, int, int], Pair] = {}
        # By the wrapped root too: a replaced gateway has another one.
        self._gateways: dict[tuple[int, bytes], Pair] = {}

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """The keyring of a master key file; raises KeyringError with what to do."""
        try:
            mode = path.stat().st_mode
            text = path.read_text().strip()
        except OSError as error:
            raise KeyringError(
                f"the master key {path} cannot be read ({error.strerror}); enrolment makes it"
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise KeyringError(f"the master key {path} is open to others; run: chmod 600 {path}")
        try:
            return cls(bytes.fromhex(text))
        except ValueError as error:
            raise KeyringError(f"the master key {path} is not 64 hexadecimal digits") from error

    def new_root(self) -> bytes:
        """32 random octets."""
        return secrets.token_bytes(ROOT_SIZE)

    def wrap(self, device: str, root: bytes) -> bytes:
        """A root for the database, bound to its device's name."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, root, device.encode())

    def unwrap(self, device: str, wrapped: bytes) -> bytes:
        """The root of a device; raises KeyringError when the master key is another one."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], device.encode())
        except (InvalidTag, ValueError) as error:
            raise KeyringError(f"the key of {device} is damaged, or was wrapped under another master key") from error

    def center(self, number: int, wrapped: bytes, epoch: int, authority: int) -> Pair:
        """The seals between an authority and a center."""
        found = self._centers.get((number, epoch, authority))
        if found is None:
            found = center_pair(self.unwrap(center_name(number), wrapped), number, epoch, authority)
            self._centers[number, epoch, authority] = found
        return found

    def gateway(self, number: int, wrapped: bytes) -> Pair:
        """The hop seals between central and a gateway."""
        found = self._gateways.get((number, wrapped))
        if found is None:
            found = gateway_pair(self.unwrap(gateway_name(number), wrapped), number)
            self._gateways[number, wrapped] = found
        return found
