"""What central changed from afar, in a file beside the outbox: judged option by option, written whole or not at all.

Made by wiring, which puts it over the settings file. The local broker, keys and pins are no options of it and cannot become any.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.domain.remote import Address, Judged, Options, Overlay
from gateway.errors import StoreUnavailable

_FILE = "remote.json"
_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Endpoint(_Form):
    host: _Host
    port: int = Field(default=8883, ge=1, le=65535)
    name: _Host | None = None


class _Options(_Form):
    uplink: list[_Endpoint] = Field(default=[], max_length=2)
    central_numbers: list[Annotated[str, Field(pattern=r"^\+[0-9]{6,15}$")]] = Field(default=[], max_length=4)
    digest_s: float | None = Field(default=None, ge=60, le=86_400)

    def options(self) -> Options:
        """The same as the flows know it."""
        uplink = tuple(Address(one.host, one.port, one.name or "") for one in self.uplink)
        return Options(uplink, tuple(self.central_numbers), self.digest_s)


class _Document(_Options):
    version: int = Field(ge=1, le=0xFFFFFFFF)


class _Kept(_Form):
    version: int
    state: str
    reason: str
    options: _Options
    before: _Options | None


class OverlayFile:
    """`remote.json` in the state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def read(self) -> Overlay:
        """What is kept; of a damaged file its reason alone, and the settings file holds."""
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Overlay()
        except (OSError, ValueError) as error:
            return Overlay(reason=f"{self._path} cannot be read: {str(error).splitlines()[0]}")
        before = kept.before.options() if kept.before else None
        return Overlay(kept.version, kept.state, kept.reason, kept.options.options(), before)

    def keep(self, overlay: Overlay) -> None:
        """To last through a power cut; raises StoreUnavailable."""
        entry = {**asdict(overlay), "options": _plain(overlay.options)}
        entry["before"] = _plain(overlay.before) if overlay.before else None
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w") as file:
                json.dump(entry, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be written: {error.strerror}") from error

    def judged(self, document: dict[str, object]) -> Judged:
        """What a document of central's wants, or the one reason why not."""
        try:
            form = _Document.model_validate(document)
        except ValidationError as error:
            version = document.get("version")
            known = isinstance(version, int) and not isinstance(version, bool) and 1 <= version <= 0xFFFFFFFF
            return Judged(version if known and isinstance(version, int) else 0, None, _reason(error))
        return Judged(form.version, form.options())


def _plain(options: Options) -> dict[str, Any]:
    uplink = [{name: value for name, value in one._asdict().items() if value} for one in options.uplink]
    return {"uplink": uplink, "central_numbers": list(options.central_numbers), "digest_s": options.digest_s}


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    what = "cannot be changed from afar" if first["type"] == "extra_forbidden" else first["msg"].lower()
    return f"{where}: {what}"[:120]
