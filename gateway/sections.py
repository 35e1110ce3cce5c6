"""The sections of the gateway's settings: every option with its default, its range and what it means.

Used by `settings` and, section by section, by the edges that they describe.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Protocol = Literal["auto", "5", "3.1.1"]
Level = Literal["low", "high"]
Pin = Annotated[int, Field(ge=0, le=27)]


class Section(BaseModel):
    """A table of the file; an option that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Folders(Section):
    """Where things are."""

    keys: Path = Field(
        default=Path("/etc/sereno/gateway"), description="The folder that `sereno-central enroll gateway` made."
    )
    state: Path = Field(
        default=Path("/var/lib/sereno-gateway"),
        description="Where this service keeps its outbox; must survive a power cut.",
    )
    runtime: str = Field(
        default="",
        description='Where it posts its state for `status`, every 5 s, best in memory: "/run/sereno-gateway"; empty means the state folder.',
    )

    @property
    def posted(self) -> Path:
        """The folder of the posted state."""
        return Path(self.runtime) if self.runtime else self.state


class UplinkSettings(Section):
    """The broker beside central."""

    host: str = Field(min_length=1, description="Host of central's broker.", examples=["central.example.org"])
    port: int = Field(default=8883, ge=1, le=65535, description="Its port.")
    name: str = Field(default="", description='The name its certificate is issued to; empty means the same as "host".')
    second_host: str = Field(
        default="",
        description="Host of a second broker of central's, tried when the first is not there; empty means there is none.",
    )
    second_port: int = Field(default=8883, ge=1, le=65535, description="The second one's port.")
    second_name: str = Field(
        default="", description='The name that the second one\'s certificate is issued to; empty means "second_host".'
    )
    protocol: Protocol = Field(
        default="auto", description='MQTT version: "auto" tries 5 and falls back, or "5", or "3.1.1".'
    )
    sign_s: float = Field(
        default=57.0,
        ge=1,
        le=57,
        description="Seconds between sealed signs of life, which central answers; a cellular carrier cuts idle lines after 60.",
    )
    keepalive_s: int = Field(
        default=75,
        ge=5,
        le=120,
        description="Seconds between MQTT's own pings; above sign_s none is ever sent, and none is paid for.",
    )
    user_timeout_s: int = Field(
        default=20,
        ge=5,
        le=120,
        description="Seconds that sent octets may stay unconfirmed before the line counts as dead.",
    )


class LocalSettings(Section):
    """The neighbourhood's own broker, on this machine."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Host of the local broker.")
    port: int = Field(default=8883, ge=1, le=65535, description="Its port.")
    name: str = Field(
        default="", description="The name its certificate is issued to; empty means this gateway's own name."
    )
    protocol: Protocol = Field(
        default="auto", description='MQTT version: "auto" tries 5 and falls back, or "5", or "3.1.1".'
    )
    keepalive_s: int = Field(default=15, ge=5, le=120, description="Seconds between signs of life.")
    user_timeout_s: int = Field(
        default=10,
        ge=5,
        le=120,
        description="Seconds that sent octets may stay unconfirmed before the line counts as dead.",
    )


class SerialSettings(Section):
    """An RS-485 line to alarm centers that have no network of their own."""

    device: str = Field(default="", description="The adapter, best by its name in /dev/serial/by-id; empty means none.")
    baud: int = Field(default=115_200, ge=9600, le=4_000_000, description="Bits per second, the same at every center.")
    centers: list[int] = Field(default=[], max_length=64, description="Numbers of those on it; others use the broker.")
    reply_ms: int = Field(default=30, ge=25, le=500, description="Milliseconds until a center must begin its answer.")


class OutboxSettings(Section):
    """Acks on their way to central."""

    max_rows: int = Field(
        default=20_000,
        ge=1,
        description="How many acks may wait for central's receipt; beyond it centers wait, nothing is dropped.",
    )
    min_free_mb: int = Field(
        default=64, ge=0, description="Megabytes that stay free on the disk of the state folder; below it centers wait."
    )
    resend_s: float = Field(
        default=3.0, gt=0, le=60, description="Seconds until an unconfirmed ack is sent again; doubles each time."
    )
    resend_max_s: float = Field(
        default=60.0, gt=0, le=600, description="The longest pause between two sendings of the same ack."
    )
    inflight: int = Field(
        default=64, ge=1, le=1000, description="How many old acks may be under way at once after an outage."
    )


class SmsSettings(Section):
    """Short messages to central: the second bearer, through a cellular modem on this machine."""

    device: str = Field(
        default="",
        description='Serial device of the modem\'s AT port, e.g. "/dev/ttyUSB2" or a name under /dev/serial/by-id; empty means no modem.',
    )
    baud: int = Field(default=115_200, ge=1200, le=4_000_000, description="Its speed; USB modems ignore it.")
    pin_file: str = Field(
        default="",
        description='File with the card\'s PIN (mode 600): "pin" in the folder of the keys; empty means that the card asks for none.',
    )
    apn: str = Field(
        default="",
        description="Access point of the data service, for the recovery ladder's first stage; empty leaves data alone.",
    )
    numbers: list[str] = Field(
        default=[], description="Numbers of central's modems, with + and country code; tried in turn.", max_length=4
    )
    text: bool = Field(
        default=False, description="Send as base64 text, where the way to central carries no 8-bit messages."
    )
    reboot: bool = Field(
        default=False,
        description="Whether a modem that nothing else brings back may restart this machine, after an hour.",
    )
    after_s: float = Field(
        default=8.0,
        ge=0,
        le=120,
        description="Seconds without central's receipt until what is urgent also goes by SMS.",
    )
    batch_s: float = Field(
        default=60.0, ge=0, le=3600, description="Seconds that the rest waits for MQTT to return before it goes by SMS."
    )

    @field_validator("numbers")
    @classmethod
    def _international(cls, numbers: list[str]) -> list[str]:
        for number in numbers:
            if not re.fullmatch(r"\+[0-9]{6,15}", number):
                raise ValueError(f'"{number}" is not a number with + and country code, e.g. "+5492615551234"')
        return numbers


class PanicSettings(Section):
    """What a press in this neighbourhood sounds; the centers' own tables and limits come after."""

    class_code: int = Field(default=1, ge=1, le=255, description="Number of the class; 1 is general.")
    strobe: bool = Field(default=True, description="Whether the strobes flash along.")
    duration_s: int = Field(default=30, ge=1, le=180, description="Seconds; no center sounds for longer than 180.")


class CentersSettings(Section):
    """Alarm centers of this gateway."""

    resend_s: float = Field(
        default=3.0, gt=0, le=60, description="Seconds until an unanswered command is passed on to its center again."
    )
    silent_after_s: float = Field(
        default=180.0, gt=0, description="Seconds without a sealed message after which a center counts as down."
    )
    hinted_after_s: float = Field(default=20.0, gt=0, description="The same, from the moment its last will arrived.")
    digest_s: float = Field(
        default=7200.0,
        gt=0,
        description="Seconds between two digests of all heartbeats to central; one that says something new goes within a minute.",
    )


class ClockSettings(Section):
    """How far this machine's clock is believed."""

    trust: Literal["auto", "always", "never"] = Field(
        default="auto",
        description='Whether this clock may call a command expired: "auto" asks the kernel if it is synchronised, "always", "never".',
    )


class GpioSettings(Section):
    """Buttons, contacts and lamps at this machine's own pins. No siren: that one is a center's."""

    backend: Literal["none", "lgpio", "mock"] = Field(
        default="none", description='"lgpio" on a Raspberry Pi, or "none".'
    )
    panic: Pin = Field(default=0, description="BCM number of the panic button's pin; 0 for what is not fitted.")
    silent: Pin = Field(default=0, description="The silent button's.")
    tamper: Pin = Field(default=0, description="That of the cabinet's contact.")
    mains: Pin = Field(default=0, description="That of what sees the mains.")
    link_lamp: Pin = Field(default=0, description="Lamp that is lit with the local broker, and blinks without.")
    uplink_lamp: Pin = Field(default=0, description="Lamp that is lit while central is there.")
    alarm_lamp: Pin = Field(default=0, description="Lamp that is lit during an alarm.")
    stop: Pin = Field(default=0, description="That of a key switch that silences the neighbourhood.")
    modem_power: Pin = Field(default=0, description="That of the relay that cuts the modem's supply; lit means cut.")
    press_level: Level = Field(default="low", description="Level of a button that is pressed.")
    tamper_level: Level = Field(default="high", description="Level of an open cabinet, and of a cut wire.")
    mains_level: Level = Field(default="high", description="Level while there is mains; a cut wire gives the other.")
    lamp_level: Level = Field(default="high", description="Level of a lamp that is lit.")
    hold_ms: int = Field(default=1000, ge=300, le=5000, description="Milliseconds that a button must be held to count.")

    @field_validator("backend")
    @classmethod
    def _real(cls, backend: str) -> str:
        if backend == "mock" and os.environ.get("SERENO_GATEWAY_ALLOW_MOCK") != "1":
            raise ValueError('a mock acknowledges sirens that do not exist; choose "lgpio" or "none"')
        return backend

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        if len(
            used := [*self.inputs().values(), *self.lamps().values(), *([self.modem_power] if self.modem_power else [])]
        ) > len(set(used)):
            raise ValueError("two things share a pin; give each its own")
        return self

    def inputs(self) -> dict[str, int]:
        """What is fitted of panic, silent, stop, tamper and mains: name and BCM number."""
        return {name: pin for name in ("panic", "silent", "stop", "tamper", "mains") if (pin := getattr(self, name))}

    def lamps(self) -> dict[str, int]:
        """What is fitted of link, uplink and alarm: name and BCM number."""
        return {name: pin for name in ("link", "uplink", "alarm") if (pin := getattr(self, f"{name}_lamp"))}


class MetricsSettings(Section):
    """Figures for Prometheus."""

    listen: str = Field(
        default="",
        description='Where this machine alone may ask for them, like "127.0.0.1:9108"; empty means nowhere.',
    )

    @field_validator("listen")
    @classmethod
    def _loopback(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        try:
            good = not listen or (ip_address(host.strip("[]")).is_loopback and 0 < int(port) < 65536)
        except ValueError:
            good = False
        if not good:
            raise ValueError('nobody but this machine may ask; write "127.0.0.1:" and a port, or nothing')
        return listen

    def address(self) -> tuple[str, int] | None:
        """Host and port, or None."""
        host, _, port = self.listen.rpartition(":")
        return (host.strip("[]"), int(port)) if port else None


class LogSettings(Section):
    """Lines of JSON on standard output."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important lines that are written."
    )
