"""`sereno-central release`: programs of alarm centers. Add a signed one, offer it to some, watch it arrive, withdraw it.

The order: add (verified with the key of the settings), offer to one center, status, then to a group, then to all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from central import settings as settings_file
from central.commands.desk import DEFAULT, Json, SettingsPath, database, device, need, say, table
from central.domain.errors import NotFound, Refused
from central.domain.release import Offer, Program, Release, against
from central.store.images import Images, verified
from central.store.releases import ReleaseRows
from protocol.manifest import MAX_IMAGE
from protocol.topics import center_name

app = typer.Typer(no_args_is_help=True, help=__doc__)

Sequence = Annotated[int, typer.Argument(min=1, max=0xFFFFFFFF, help="The release's sequence.")]


@dataclass
class Desk:
    """The rows and the folder of releases, open for one command."""

    rows: ReleaseRows
    images: Images
    db: Any

    def of(self, sequence: int) -> list[Release]:
        """The releases of a sequence, one for each board; raises NotFound."""
        found = [release for release in self.rows.releases() if release.sequence == sequence]
        if not found:
            raise NotFound(f"there is no release {sequence}; `sereno-central release list` shows those there are")
        return found


@contextmanager
def desk(path: Path) -> Iterator[Desk]:
    """An open desk, committed at the end."""
    with database(path) as (settings, db):
        yield Desk(ReleaseRows(db), Images(settings.release_folder), db)


@app.command()
def add(
    image: Annotated[Path, typer.Argument(help="The image, as `sereno-install release build` wrote it.")],
    manifest: Annotated[Path, typer.Argument(help="Its signed manifest, from `sereno-install release sign`.")],
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """Take a signed release. Nobody is offered it yet."""
    key = settings_file.load(settings).releases.key
    if key is None:
        raise Refused(f"{settings} has no release key: set key in [releases] to the public key of your releases")
    # Before the database is held: alerts must not wait for a slow disk.
    octets = _read(image)
    release = verified(_read(manifest), octets, bytes.fromhex(key))
    if release.expiry <= time.time():
        raise Refused(f"release {release.sequence} expired on {_date(release.expiry)}: sign it again")
    with desk(settings) as it:
        known = [one for one in it.rows.releases() if (one.sequence, one.board) == (release.sequence, release.board)]
        if known and known[0].digest != release.digest:
            raise Refused(
                f"release {release.sequence} for {release.board} is there with another image: raise the sequence"
            )
        it.images.keep(release, octets)
        if known and known[0].manifest != release.manifest:
            it.rows.renew_release(release)
        elif not known:
            it.rows.add_release(release, time.time())
    say(as_json, _described(release) | {"repeated": bool(known)})


@app.command("list")
def list_all(settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """Every release, and whom it is meant for."""
    with desk(settings) as it:
        rows = [_described(one) | {"for": _meant(it.rows, one.sequence) or "nobody"} for one in it.rows.releases()]
    table(as_json, "releases", rows)


@app.command()
def offer(
    sequence: Sequence,
    center: Annotated[str | None, typer.Option(help="One center, C000001.")] = None,
    group: Annotated[int | None, typer.Option(min=1, max=0xFFFF, help="The centers of a group, by its number.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every center.")] = False,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """Mean a release for a center, a group, or all. Those of another board, or that run it or a newer one, are left alone."""
    if (center is not None) + (group is not None) + everybody != 1:
        raise Refused("say to whom: one of --center, --group or --all")
    now = time.time()
    with desk(settings) as it:
        releases = it.of(sequence)
        for release in releases:
            if release.expiry <= now:
                raise Refused(f"release {sequence} expired on {_date(release.expiry)}: sign it again, and add it")
            it.images.image(release)
        scope, number = "all", 0
        if center is not None:
            scope, number = "center", device(it.db, center, "C")
        elif group is not None:
            scope, number = "group", need(it.db, "group", group)
        it.rows.offer(sequence, scope, number, now)
        reasons = [row["why_not"] for row in _status(it, now, sequence)]
    left = {reason: reasons.count(reason) for reason in sorted(set(reasons)) if reason}
    say(as_json, {"release": sequence, "for": _who(scope, number), "centers": reasons.count(""), "left_alone": left})


@app.command()
def withdraw(sequence: Sequence, settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """Offer a release to nobody any more, and send no further block of it. Centers that run it keep it."""
    with desk(settings) as it:
        it.of(sequence)
        was = _meant(it.rows, sequence)
        it.rows.withdraw(sequence)
    say(as_json, {"release": sequence, "withdrawn_from": was or "nobody"})


@app.command()
def status(settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """What each center runs, what it is offered and how far that is, from its newest report."""
    with desk(settings) as it:
        rows = _status(it, time.time())
    table(as_json, "centers", rows)


def _status(it: Desk, now: float, sequence: int | None = None) -> list[dict[str, Any]]:
    """A row for each center; with `sequence` only those that this release is meant for."""
    rows = []
    for number, group in it.db.execute('SELECT number, "group" FROM center ORDER BY number').fetchall():
        program = it.rows.program(number)
        offers = [one for one in it.rows.offers_of(number, group) if sequence in (None, one.release.sequence)]
        if sequence is None or offers:
            rows.append(_row(number, program, offers, now))
    return rows


def _row(number: int, program: Program | None, offers: list[Offer], now: float) -> dict[str, Any]:
    open_ones = [one for one in offers if not against(one, program, None, now)]
    newest = max(open_ones or offers, key=lambda one: one.release.sequence, default=None)
    return {
        "center": center_name(number),
        "board": program.board if program else "",
        "running": program.running if program else None,
        "version": program.version if program else "",
        "offered": newest.release.sequence if newest else None,
        "why_not": against(newest, program, None, now) if newest else "",
        "pending": program.update or None if program else None,
        "percent": program.percent if program else 0,
        "state": program.state if program else "",
        "error": program.error if program else "",
        "reported_s_ago": round(now - program.at) if program else None,
    }


def _meant(rows: ReleaseRows, sequence: int) -> str:
    return ", ".join(_who(scope, number) for scope, number in rows.targets(sequence))


def _who(scope: str, number: int) -> str:
    return {"all": "all", "group": f"group {number}", "center": center_name(number or 1)}[scope]


def _described(release: Release) -> dict[str, Any]:
    return {
        "release": release.sequence,
        "version": release.version,
        "board": release.board,
        "size": release.size,
        "minimum_from": release.minimum_from,
        "expires": _date(release.expiry),
    }


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_IMAGE + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
