"""`sereno-central enroll`: who and what belongs to the system. Each command is safe to read twice before running once.

The order for a new city: municipality, broker, process, group, gateway, center; then app-key and operator.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from central import classes
from central import settings as settings_file
from central.domain.errors import NotFound, Refused
from central.domain.group import Ring
from central.domain.policy import loud_codes
from central.enrolment import Enrolment
from central.pki import AuthorityError
from central.store.database import connect, migrate
from central.store.keyring import Keyring, create_master
from protocol.errors import Malformed

app = typer.Typer(no_args_is_help=True, help=__doc__)

SettingsPath = Annotated[Path, typer.Option("--settings", "-s", help="The settings file.")]
Out = Annotated[Path, typer.Option(help="The folder below which the device's folder is written.")]
Municipality = Annotated[int, typer.Option(help="The municipality's number.")]
Request = Annotated[
    Path | None, typer.Option(help="A certificate request (PEM) of the device: its key was made there and stays there.")
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for programs.")]
DEFAULT = Path("central.toml")


@contextmanager
def enrolment(settings: Path) -> Iterator[Enrolment]:
    """An open enrolment, committed at the end; errors become one sentence."""
    loaded = settings_file.load(settings)
    loaded.state.mkdir(parents=True, exist_ok=True)
    create_master(loaded.master_key)
    db = connect(loaded.database)
    migrate(db)
    loud = loud_codes(classes.load(loaded.classes_file))
    db.execute("BEGIN IMMEDIATE")
    try:
        yield Enrolment(db, Keyring.load(loaded.master_key), loaded.authority, loud, loaded.releases.key)
        db.execute("COMMIT")
    except (AuthorityError, Malformed) as error:
        raise Refused(str(error)) from error
    finally:
        db.close()


@app.command()
def authority(settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """The root authority and the master key, before there is any municipality; those that exist are left alone."""
    with enrolment(settings) as enrol:
        _say(as_json, made=enrol.root_authority())


@app.command()
def municipality(name: Annotated[str, typer.Option()], settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """A city: its issuing authority is made (and the root authority, the first time)."""
    with enrolment(settings) as enrol:
        _say(as_json, municipality=enrol.municipality(name))


@app.command()
def group(
    name: Annotated[str, typer.Option()],
    polygon: Annotated[Path, typer.Option(help="GeoJSON: a Polygon, or a Feature or collection with one.")],
    municipality: Municipality = 1,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """A neighbourhood group and the area that it covers."""
    with enrolment(settings) as enrol:
        _say(as_json, group=enrol.group(municipality, name, read_polygon(polygon)))


@app.command()
def gateway(
    out: Out,
    municipality: Municipality = 1,
    again: Annotated[int | None, typer.Option(help="The number of a gateway whose card is replaced.")] = None,
    request: Request = None,
    number: Annotated[str | None, typer.Option(help="Where it takes short messages: +5492614000001.")] = None,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """A gateway: keys, certificates, and those of its local broker."""
    with enrolment(settings) as enrol:
        name = enrol.gateway(municipality, out, again, _requested(request), number)
        _say(as_json, gateway=name, folder=str(out / name))
    if number and not as_json:
        ours = ", ".join(settings_file.load(settings).sms.numbers) or "not in [sms] numbers of central's settings yet"
        typer.echo(f"numbers for its settings [sms]: {ours}")


@app.command()
def number(
    gateway: Annotated[str, typer.Argument(help="The gateway's name, G000001.")],
    number: Annotated[str, typer.Argument(help="Its number, +5492614000001; an empty one takes it away.")],
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """Where a gateway takes short messages: its card was changed, or it has a modem now."""
    with enrolment(settings) as enrol:
        enrol.sms_number(gateway, number)
        _say(as_json, gateway=gateway, number=number)


@app.command()
def center(
    group: Annotated[int, typer.Option()],
    gateway: Annotated[str, typer.Option(help="Its gateway's name, G000001.")],
    lat: Annotated[float, typer.Option(help="Latitude in degrees, WGS 84.")],
    lon: Annotated[float, typer.Option(help="Longitude in degrees, WGS 84.")],
    out: Out,
    host: Annotated[str, typer.Option(help="The gateway's address for its centers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of the gateway's local broker.")] = 8883,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """An alarm center: its folder, and its local keys in the gateway's folder below the same `--out`."""
    with enrolment(settings) as enrol:
        name = enrol.center(group, gateway, lat, lon, host, port, out)
        _say(as_json, center=name, folder=str(out / name))


@app.command()
def process(
    out: Out,
    municipality: Municipality = 1,
    request: Request = None,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """A certificate for a central process."""
    with enrolment(settings) as enrol:
        name = enrol.process(municipality, out, _requested(request))
        _say(as_json, process=name, folder=str(out / name))


@app.command()
def broker(
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    dns: Annotated[list[str], typer.Option(help="A name or address of the broker; may be repeated.")],
    municipality: Municipality = 1,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """The certificate of the broker beside central."""
    with enrolment(settings) as enrol:
        enrol.broker(municipality, dns, out)
        _say(as_json, broker=dns[0], folder=str(out))


@app.command("app-key")
def app_key(
    name: Annotated[str, typer.Option()],
    municipality: Municipality = 1,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """A key with which an app raises alerts. It is shown once."""
    with enrolment(settings) as enrol:
        _say(as_json, key=enrol.credential("app", municipality, name))


@app.command()
def operator(
    name: Annotated[str, typer.Option()],
    municipality: Municipality = 1,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """A token for an operator. It is shown once."""
    with enrolment(settings) as enrol:
        _say(as_json, token=enrol.credential("operator", municipality, name))


@app.command()
def city(
    plan: Annotated[
        Path, typer.Argument(help="TOML: municipality, [[group]] with name, polygon, port and [[group.center]].")
    ],
    out: Out,
    settings: SettingsPath = DEFAULT,
) -> None:
    """A whole new municipality from one file: each group with a gateway, all centers, a broker, a process, a key and a
    token. Prints one line of JSON."""
    try:
        content = tomllib.loads(plan.read_text())
        with enrolment(settings) as enrol:
            number = enrol.municipality(content["municipality"])
            enrol.broker(number, content.get("broker_names", ["localhost", "127.0.0.1"]), out / "broker")
            made: dict[str, Any] = {"municipality": number, "process": enrol.process(number, out), "groups": []}
            for one in content["group"]:
                ring = tuple((float(lon), float(lat)) for lon, lat in one["polygon"])
                area, name = enrol.group(number, one["name"], ring), enrol.gateway(number, out)
                centers = [
                    enrol.center(area, name, spot["lat"], spot["lon"], one.get("host", "127.0.0.1"), one["port"], out)
                    for spot in one.get("center", [])
                ]
                made["groups"].append({"group": area, "gateway": name, "centers": centers})
            made["key"] = enrol.credential("app", number, "app")
            made["token"] = enrol.credential("operator", number, "operator")
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{plan} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"{plan}: something is missing or of the wrong kind: {error}") from error
    typer.echo(json.dumps(made))


def read_polygon(path: Path) -> Ring:
    """The outer ring of the first polygon in a GeoJSON file; raises Refused."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path} is not JSON: {error}") from error
    try:
        while content["type"] != "Polygon":
            content = content["features"][0] if content["type"] == "FeatureCollection" else content["geometry"]
        return tuple((float(point[0]), float(point[1])) for point in content["coordinates"][0])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Refused(f"{path} holds no GeoJSON polygon") from error


def _requested(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"the certificate request {path} cannot be read: {error.strerror}") from error


def _say(as_json: bool, **values: Any) -> None:
    if as_json:
        typer.echo(json.dumps(values))
    else:
        typer.echo("  ".join(f"{name}: {value}" for name, value in values.items()))
