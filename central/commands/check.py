"""`sereno-central check`: everything that can be found wrong without starting anything."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from central import classes
from central import settings as settings_file
from central.broker.mqtt import tls
from central.devices import Devices
from central.domain.errors import CentralError
from central.settings import Settings, secret
from central.store.database import connect
from central.store.images import Images
from central.store.keyring import Keyring
from central.store.releases import ReleaseRows

WARN_BEFORE = timedelta(days=60)


@dataclass(frozen=True)
class Finding:
    """`level` is ok, warning or error."""

    level: str
    text: str


def examine(path: Path) -> list[Finding]:
    """Findings in the order of what depends on what."""
    try:
        settings = settings_file.load(path)
    except CentralError as error:
        return [Finding("error", str(error))]
    findings = [Finding("ok", f"settings {path}")]
    for look in (_classes, _state, _releases, _sms, _certificate):
        try:
            findings.extend(look(settings))
        except CentralError as error:
            findings.append(Finding("error", str(error)))
    return findings


def _classes(settings: Settings) -> Iterator[Finding]:
    policies = classes.load(settings.classes_file)
    yield Finding("ok", f"{len(policies)} classes: {', '.join(policies)}")
    problem = settings.button_problem(policies)
    if problem:
        yield Finding("error", problem)


def _state(settings: Settings) -> Iterator[Finding]:
    if not settings.database.exists():
        yield Finding("error", f"there is no database at {settings.database}; run `sereno-central enroll municipality`")
        return
    if not os.access(settings.state, os.W_OK):
        yield Finding("error", f"{settings.state} cannot be written by this user")
    db = connect(settings.database, read_only=True)
    devices = Devices(db, Keyring.load(settings.master_key))
    devices.reload()
    for name in devices.damaged():
        yield Finding("error", f"the key of {name} cannot be opened with {settings.master_key}; enroll it again")
    counts = [db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in ("group", "gateway", "center")]  # noqa: S608
    db.close()
    yield Finding("ok", f"database: {counts[0]} groups, {counts[1]} gateways, {counts[2]} centers")
    if (settings.authority / "root-key.pem").exists():
        yield Finding(
            "warning", f"the root authority's key is online: move {settings.authority}/root-key.pem to a safe place"
        )


def _releases(settings: Settings) -> Iterator[Finding]:
    if not settings.database.exists():
        return
    db = connect(settings.database, read_only=True)
    try:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'release'").fetchone() is None:
            # A database of before; the next start brings it up to date.
            return
        rows, images = ReleaseRows(db), Images(settings.release_folder)
        for release in rows.releases():
            if rows.targets(release.sequence):
                try:
                    images.image(release)
                except CentralError as error:
                    yield Finding("error", f"release {release.sequence} is offered, but {error}")
    finally:
        db.close()


def _sms(settings: Settings) -> Iterator[Finding]:
    sms = settings.sms
    for file in (sms.pin_file, sms.provider_token_file, sms.inbound_token_file):
        if file is not None:
            secret(file)
    for device in sms.devices:
        if not Path(device).exists():
            yield Finding("warning", f"the modem {device} is not there; is it plugged in and switched on?")
    if not settings.database.exists():
        return
    with contextlib.closing(connect(settings.database, read_only=True)) as db:
        columns = [row["name"] for row in db.execute("PRAGMA table_info(gateway)")]
        if "sms_number" not in columns:
            # A database of before; the next start brings it up to date.
            return
        total, reached = db.execute("SELECT count(*), count(sms_number) FROM gateway").fetchone()
    ways = [f"{len(sms.devices)} modems"] if sms.devices else []
    ways += ["a provider"] if sms.provider_url else []
    if ways:
        yield Finding("ok", f"short messages by {' and '.join(ways)}; {reached} of {total} gateways have a number")
        if not sms.numbers:
            yield Finding("warning", "[sms] numbers is empty: gateways must be told where central takes short messages")
    elif reached:
        yield Finding("warning", f"{reached} gateways have a number, but [sms] names no modem and no provider")


def _certificate(settings: Settings) -> Iterator[Finding]:
    tls(settings.process)
    key = settings.process / "key.pem"
    if stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("error", f"{key} is open to others; run: chmod 600 {key}")
    certificate = x509.load_pem_x509_certificate((settings.process / "cert.pem").read_bytes())
    if certificate.not_valid_before_utc > datetime.now(UTC):
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        yield Finding(
            "error", f"the certificate in {settings.process} begins on {begins} only: check this machine's clock"
        )
        return
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta():
        yield Finding(
            "error", f"the certificate in {settings.process} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    elif left < WARN_BEFORE:
        yield Finding("warning", f"the certificate in {settings.process} ends in {left.days} days")
    else:
        yield Finding("ok", f"certificate valid until {certificate.not_valid_after_utc:%Y-%m-%d}")
