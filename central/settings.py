"""Central's settings: one TOML file, every option with a comment in the sample that `sereno-central settings` prints."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from central.classes import SHIPPED
from central.domain.errors import Refused
from central.domain.policy import Policies
from protocol import codes

# International form: + and 8 to 15 digits (ITU-T E.164).
SMS_NUMBER = r"^\+[1-9][0-9]{7,14}$"

SAMPLE = """\
# Settings of central. Lines that begin with # show the default; paths are relative to this file.

# The folder of everything central keeps: its database, the master key, the authorities' files.
state = "state"

# Where the API, the operators' page and the live feed listen. Put a TLS proxy in front for the outside.
#http_host = "127.0.0.1"
# Its port.
#http_port = 8080

# The broker beside central, by a name that its certificate holds.
#broker_host = "localhost"
# Its port.
#broker_port = 8883

# This process's certificate: a folder with ca.pem, cert.pem and key.pem, named as the certificate
# (made by `sereno-central enroll process`).
process = "S01"

# MQTT version: "auto" tries 5 and falls back to 3.1.1; "5" or "3.1.1" insists.
#protocol = "auto"

# The classes of alert and their policies; the shipped ones when it is not given.
#classes_file = "classes.toml"

# The class of an alert that is raised by the button on an alarm center, or by a fob of its.
#panic_class = "general"

# The class of an alert that is raised by the silent button on an alarm center, or by a silent fob;
# whatever that class does, a silent button moves nothing.
#silent_button_class = "gender_violence"

# Presses of one class in one group within this time belong to one incident (seconds).
#grouping_s = 900

# When nothing has sounded or nobody has acknowledged by then, the console calls for attention (seconds, at most 120).
#deadline_s = 120

# A gateway that said nothing sealed for this long is silent, and what is behind it unknown (seconds, at least 90: it
# says a sign of life each 57 s, and again each 5 s until it is answered).
#gateway_silent_s = 90

# Programs of alarm centers: the public key (64 hexadecimal digits, Ed25519) that verifies releases when they are added,
# and that centers are given when they are enrolled; the folder of images. A table [releases] at the end of the file
# says the same. Without a key none is added.
#releases = { key = "...", folder = "state/releases" }

# Short messages, the second way to the gateways that have a number (`sereno-central enroll number`): `devices` are modems on this
# machine (names under /dev/serial/by-id), their cards' PIN in `pin_file`; a provider takes one HTTP POST of JSON for each
# message at `provider_url`, with the token in `provider_token_file`, and brings what comes to /api/1/sms/inbound with the token
# in `inbound_token_file`. `text` and `provider_text` say where only text is carried (it is base64 then). `numbers` are
# central's own, for the settings of gateways. Files with secrets have mode 600. A table [sms] at the end says the same.
#sms = { devices = [], numbers = [], pin_file = "...", text = false, provider_url = "...", provider_token_file = "...", provider_text = true, inbound_token_file = "..." }

# Lines of the log: "debug", "info", "warning" or "error".
#log_level = "info"
"""


class ReleaseSettings(BaseModel):
    """Where programs of alarm centers come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    folder: Path | None = None


class SmsSettings(BaseModel):
    """The second bearer: modems, a provider, both or none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: tuple[str, ...] = ()
    numbers: tuple[Annotated[str, Field(pattern=SMS_NUMBER)], ...] = ()
    pin_file: Path | None = None
    text: bool = False
    provider_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    provider_token_file: Path | None = None
    provider_text: bool = True
    inbound_token_file: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> SmsSettings:
        if self.provider_url and self.provider_token_file is None:
            raise ValueError("provider_url needs provider_token_file")
        return self

    def against(self, base: Path) -> SmsSettings:
        """The same with paths against a folder."""
        files = {name: getattr(self, name) for name in ("pin_file", "provider_token_file", "inbound_token_file")}
        return self.model_copy(update={name: base / file for name, file in files.items() if file is not None})


def secret(file: Path) -> str:
    """What a file with a secret holds; raises Refused when it cannot be read, is empty or is open to others."""
    try:
        mode, text = file.stat().st_mode, file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise Refused(f"{file} is open to others; run: chmod 600 {file}")
    if not text:
        raise Refused(f"{file} is empty; it holds a secret in one line")
    return text


class Settings(BaseModel):
    """All options; `load` resolves paths against the file's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Path
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    broker_host: str = "localhost"
    broker_port: Annotated[int, Field(ge=1, le=65535)] = 8883
    process: Path
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    classes_file: Path = SHIPPED
    panic_class: str = "general"
    silent_button_class: str = "gender_violence"
    grouping_s: Annotated[float, Field(ge=0, le=86400)] = 900
    deadline_s: Annotated[float, Field(ge=1, le=120)] = 120
    gateway_silent_s: Annotated[float, Field(ge=90, le=3600)] = 90
    releases: ReleaseSettings = ReleaseSettings()
    sms: SmsSettings = SmsSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def button_classes(self) -> dict[int, str]:
        """The class of an alert by the event of the button or fob that was pressed."""
        loud = dict.fromkeys(codes.LOUD_PRESSES, self.panic_class)
        return loud | dict.fromkeys(codes.SILENT_PRESSES, self.silent_button_class)

    def button_problem(self, policies: Policies) -> str:
        """What is wrong with the classes of the buttons, in one sentence; empty when nothing is."""
        for option in ("panic_class", "silent_button_class"):
            if getattr(self, option) not in policies:
                return f"{option} {getattr(self, option)!r} is not one of the classes: {', '.join(policies)}"
        return ""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state / "central.db"

    @property
    def master_key(self) -> Path:
        """The file with the key that wraps devices' roots."""
        return self.state / "master.key"

    @property
    def release_folder(self) -> Path:
        """The folder of release images."""
        return self.releases.folder or self.state / "releases"

    @property
    def authority(self) -> Path:
        """The folder of the certificate authorities; move root-key.pem offline after enrolling municipalities."""
        return self.state / "authority"


def load(path: Path) -> Settings:
    """The settings of a file; raises Refused with one sentence that says what to change."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise Refused(f"the settings {path} cannot be read: {error.strerror}; see `sereno-central settings`") from error
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"the settings {path} are not TOML: {error}") from error
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        what = (
            "is not a setting (see `sereno-central settings`)" if first["type"] == "extra_forbidden" else first["msg"]
        )
        raise Refused(f"{path}: {name}: {what}") from error
    base = path.resolve().parent
    paths = {name: base / getattr(settings, name) for name in ("state", "process", "classes_file")}
    releases = settings.releases
    if releases.folder is not None:
        releases = releases.model_copy(update={"folder": base / releases.folder})
    return settings.model_copy(update={**paths, "releases": releases, "sms": settings.sms.against(base)})
