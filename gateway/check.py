"""`sereno-gateway check`: everything that can be wrong before a gateway is left on its pole, in a technician's words.

Called by `__main__`. It changes nothing, and never connects with the gateway's own name, which would evict the
service that runs.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from gateway.certificates import certificate_of, certificates, context
from gateway.clock import SystemClock, synchronised
from gateway.connection import Endpoint, local, uplinks
from gateway.errors import SettingsWrong
from gateway.refusals import of_exception
from gateway.sections import GpioSettings, SerialSettings, SmsSettings
from gateway.settings import Settings
from gateway.store.keys import load, secret
from gateway.store.overlay import OverlayFile
from protocol.topics import center_name

OK, WARNING, ERROR = "ok", "warning", "error"
WARN_DAYS = 60
_CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Finding:
    """One line of the check."""

    level: str
    text: str


def findings(settings: Settings, connect: bool) -> list[Finding]:
    """Everything found, errors included; the settings themselves were read without an error."""
    found = [Finding(OK, "settings: every option is known and possible")]
    changed = OverlayFile(settings.folders.state).read()
    if changed.version or changed.reason:
        said = f"version {changed.version}, {changed.state}" if changed.version else changed.reason
        found.append(Finding(OK if changed.version else WARNING, f"settings from afar: {said}"))
    found += _state_folder(settings.folders.state, settings.outbox.min_free_mb)
    found += _clock()
    found.append(_pins(settings.gpio))
    found.append(_modem(settings.sms, settings.folders.keys))
    try:
        keys = load(settings.folders.keys)
        certificates(settings.folders.keys, keys.name)
    except SettingsWrong as error:
        return [*found, Finding(ERROR, str(error))]
    found.append(Finding(OK, f"keys: {keys.name}, sequence epoch {keys.sequence_epoch}"))
    names = ", ".join(center_name(center) for center in keys.centers)
    centers = (
        Finding(OK, f"centers: {names}") if keys.centers else Finding(WARNING, "centers: none is enrolled here yet")
    )
    found += [centers, *_line(settings.serial, keys.centers), *_dates(settings.folders.keys)]
    if connect:
        brokers = [("uplink", one) for one in uplinks(settings.uplink, changed.options.uplink)]
        brokers.append(("local", local(settings.local, keys.name)))
        found += [_reach(side, endpoint, settings.folders.keys) for side, endpoint in brokers]
    return found


def _state_folder(folder: Path, min_free_mb: int) -> list[Finding]:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return [
            Finding(ERROR, f"{folder} is not a folder that this user can write; make it and give it to the service")
        ]
    free_mb = shutil.disk_usage(folder).free >> 20
    if free_mb < min_free_mb:
        return [Finding(ERROR, f"{folder}: only {free_mb} MB are free, {min_free_mb} must stay; free some space")]
    return [Finding(OK, f"state: {folder}, {free_mb} MB free")]


def _clock() -> list[Finding]:
    if not SystemClock().sane():
        return [Finding(ERROR, f"clock: {datetime.now(UTC):%Y-%m-%d} cannot be right; set up time synchronisation")]
    if not synchronised():
        return [Finding(WARNING, "clock: the kernel does not call it synchronised; check chrony or systemd-timesyncd")]
    return [Finding(OK, "clock: synchronised")]


def _pins(section: GpioSettings) -> Finding:
    fitted = {**section.inputs(), **{f"{name} lamp": pin for name, pin in section.lamps().items()}}
    if section.modem_power:
        fitted["modem power"] = section.modem_power
    listed = ", ".join(f"{name} {pin}" for name, pin in fitted.items()) or "none is fitted"
    if section.backend == "none":
        if fitted:
            return Finding(WARNING, f'gpio: pins are set ({listed}), and not used while backend = "none"')
        return Finding(OK, "gpio: no pins are used")
    if section.backend == "mock":
        return Finding(WARNING, f"gpio: mock, for tests only: no button of this gateway works ({listed})")
    absent = [name for name in ("gpiozero", "lgpio") if find_spec(name) is None]
    if absent:
        # The service ends at its start for the want of these, so it is an error here.
        return Finding(
            ERROR,
            f'gpio: {" and ".join(absent)} not in this environment; on a Raspberry Pi call install.sh again, elsewhere set backend = "none"',
        )
    return Finding(OK, f"gpio: {section.backend}, {listed}")


def _modem(section: SmsSettings, keys: Path) -> Finding:
    if not section.device:
        if section.numbers:
            return Finding(WARNING, 'sms: central\'s numbers are set, and not used without "device"')
        return Finding(WARNING, "sms: no modem; while MQTT is away nothing but the neighbourhood itself works")
    if not section.numbers:
        return Finding(ERROR, f'sms: {section.device} has nobody to write to; put central\'s numbers in "numbers"')
    if section.pin_file:
        file = keys / section.pin_file
        try:
            pin = secret(file)
        except SettingsWrong as error:
            return Finding(ERROR, f"sms: {error}")
        if not re.fullmatch("[0-9]{4,8}", pin):
            return Finding(ERROR, f'sms: {file} holds no PIN; write its 4 to 8 digits, or take "pin_file" away')
    wrong = _no_serial_device(section.device)
    if wrong:
        return Finding(ERROR, f"sms: {section.device} {wrong}")
    return Finding(OK, f"sms: {section.device}, to {', '.join(section.numbers)}")


def _no_serial_device(device: str) -> str:
    """Why a path cannot be used as a serial line; empty when it can. It is not opened: somebody may be using it."""
    path = Path(device)
    if not path.exists():
        return "is not there; is it plugged in? `ls /dev/serial/by-id` shows what is"
    if not path.is_char_device():
        return "is not a serial device"
    return "" if os.access(path, os.R_OK | os.W_OK) else "is not for this user; put it in the group dialout"


def _line(section: SerialSettings, mine: Container[int]) -> list[Finding]:
    if not section.device:
        return [Finding(WARNING, 'serial: centers are named, and not used without "device"')] if section.centers else []
    if not section.centers:
        return [Finding(WARNING, f'serial: {section.device} has no centers; name them in "centers"')]
    strange = ", ".join(center_name(center) for center in section.centers if center not in mine)
    if strange:
        return [Finding(ERROR, f"serial: {strange} is not enrolled here; enrol it, or take it off the line's centers")]
    wrong = _no_serial_device(section.device)
    if wrong:
        return [Finding(ERROR, f"serial: {section.device} {wrong}")]
    return [Finding(OK, f"serial: {section.device}, {', '.join(map(center_name, section.centers))}")]


def _dates(folder: Path) -> list[Finding]:
    found = []
    now = datetime.now(UTC)
    for file in ("cert.pem", "ca.pem", "broker-cert.pem"):
        path = folder / file
        if file == "broker-cert.pem" and not path.exists():
            continue
        try:
            certificate = certificate_of(path)
        except SettingsWrong as error:
            found.append(Finding(ERROR, str(error)))
            continue
        last = certificate.not_valid_after_utc
        left_days = (last - now).days
        if now > last:
            found.append(Finding(ERROR, f"{path} expired on {last:%Y-%m-%d}; enrol this gateway again"))
        elif now < certificate.not_valid_before_utc:
            first = certificate.not_valid_before_utc
            found.append(Finding(ERROR, f"{path} is valid from {first:%Y-%m-%d} on only; check this machine's clock"))
        elif last - now < timedelta(days=WARN_DAYS):
            found.append(Finding(WARNING, f"{path} expires in {left_days} days, on {last:%Y-%m-%d}; renew it now"))
        else:
            found.append(Finding(OK, f"{file}: valid until {last:%Y-%m-%d}"))
    return found


def _reach(side: str, endpoint: Endpoint, folder: Path) -> Finding:
    where = f"{endpoint.host}:{endpoint.port}"
    try:
        made = context(folder, endpoint.name)
        with socket.create_connection((endpoint.host, endpoint.port), _CONNECT_TIMEOUT_S) as raw, made.wrap_socket(raw):
            return Finding(OK, f"{side}: {where} answers, and is {endpoint.name}")
    except (OSError, ValueError) as error:
        return Finding(ERROR, f"{side}: {of_exception(error, where, endpoint.name)}")
