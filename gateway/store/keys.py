"""The gateway's key folder, as enrolment wrote it: its own keys, and the local pair of each of its centers.

Called by wiring and `check`. Refuses files that others may read. It never holds a center's root key.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import SettingsWrong
from protocol.keys import Pair, gateway_pair
from protocol.topics import center_name, gateway_name

_HEX_32 = r"^[0-9a-fA-F]{64}$"
_File = TypeVar("_File", bound=BaseModel)


class _GatewayFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    gateway: int = Field(ge=1, le=65535)
    root: str = Field(pattern=_HEX_32)
    sequence_epoch: int = Field(ge=1, le=255)
    sign: str = Field(pattern=_HEX_32)
    release_key: str | None = Field(default=None, pattern=_HEX_32)


class _CenterFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    center: int = Field(ge=1, le=999_999)
    group: int = Field(ge=0, le=65535)
    epoch: int = Field(ge=0, le=255)
    down: str = Field(pattern=_HEX_32)
    up: str = Field(pattern=_HEX_32)


@dataclass(frozen=True)
class CenterKeys:
    """A center's local pair, its key epoch and its group."""

    center: int
    group: int
    epoch: int
    pair: Pair = field(repr=False)


@dataclass(frozen=True)
class GatewayKeys:
    """All that this gateway can do: the hop keys with central, its signature, the local pairs of its centers.

    `release_key` is the public one that programs of centers are signed with; empty when enrolment gave none.
    """

    gateway: int
    sequence_epoch: int
    hop: Pair = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)
    centers: dict[int, CenterKeys]
    release_key: bytes = b""

    @property
    def name(self) -> str:
        """`G000001`: its certificate's name, client id and topic."""
        return gateway_name(self.gateway)

    def sign(self, octets: bytes) -> bytes:
        """64 octets of Ed25519 signature."""
        return self.signing.sign(octets)


def load(folder: Path) -> GatewayKeys:
    """The keys in a folder; raises SettingsWrong with a sentence that names the file and what to do."""
    own = _read(folder / "keys.json", _GatewayFile)
    centers: dict[int, CenterKeys] = {}
    # systemd hands a folder over flattened: centers_C000001.json (systemd.exec(5), LoadCredential).
    for path in sorted([*folder.glob("centers/C*.json"), *folder.glob("centers_C*.json")]):
        entry = _read(path, _CenterFile)
        if path.stem.removeprefix("centers_") != center_name(entry.center):
            raise SettingsWrong(f"{path} holds the keys of {center_name(entry.center)}; enrol that center again")
        pair = Pair(bytes.fromhex(entry.down), bytes.fromhex(entry.up))
        centers[entry.center] = CenterKeys(entry.center, entry.group, entry.epoch, pair)
    signing = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(own.sign))
    hop = gateway_pair(bytes.fromhex(own.root), own.gateway)
    release_key = bytes.fromhex(own.release_key or "")
    return GatewayKeys(own.gateway, own.sequence_epoch, hop, signing, centers, release_key)


def secret_mode(path: Path) -> None:
    """Raise SettingsWrong when a secret is missing or others than its owner may read it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsWrong(f"{path} cannot be read ({error.strerror}); copy the folder that enrolment made") from error
    if os.environ.get("CREDENTIALS_DIRECTORY") == str(path.parent):
        return  # systemd made it for this service alone; where it does so by an access list, that shows as the group's bits
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsWrong(f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}")


def secret(path: Path) -> str:
    """One word in a file of its own, such as a card's PIN; raises SettingsWrong."""
    if not path.exists():
        raise SettingsWrong(f"{path} is not there; write the word into it, for its owner alone (chmod 600)")
    secret_mode(path)
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"{path} cannot be read") from error


def _read(path: Path, model: type[_File]) -> _File:
    secret_mode(path)
    try:
        return model.model_validate(json.loads(path.read_text()))
    except OSError as error:
        raise SettingsWrong(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, ValidationError) as error:
        # The values are secrets: say which field, never what stands in it.
        fields = error.errors() if isinstance(error, ValidationError) else []
        where = ", ".join(".".join(map(str, entry["loc"])) or "the whole" for entry in fields) or "it is not JSON"
        raise SettingsWrong(f"{path} is not a key file of Sereno ({where}); enrol again") from None
