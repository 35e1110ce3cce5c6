"""`sereno-central gateway`: what gateways run, and the few settings that can be changed from afar, endpoints above all.

A change of endpoints is tried by the gateway: if central is not heard over them within ten minutes, it goes back by itself.
"""

from __future__ import annotations

import json
import re
import time
from typing import Annotated, Any

import typer

from central.commands.desk import DEFAULT, Json, SettingsPath, database, device, say, table
from central.domain.errors import Refused
from central.domain.remote import address, known_version
from central.flows.remote import settings as document
from central.settings import SMS_NUMBER
from central.store.unit import Unit
from protocol.hop import SMS_ROOM
from protocol.topics import gateway_name

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command("settings")
def change(
    gateway: Annotated[str, typer.Argument(help="Its name, like G000001.")],
    uplink: Annotated[
        list[str] | None,
        typer.Option(
            help="host:port[,name of the certificate] of central's broker; once or twice, tried in this order."
        ),
    ] = None,
    number: Annotated[list[str] | None, typer.Option(help="Number of a modem of central's; up to four.")] = None,
    digest_s: Annotated[float | None, typer.Option(min=60, max=86_400, help="Seconds between two digests.")] = None,
    settings: SettingsPath = DEFAULT,
    as_json: Json = False,
) -> None:
    """Tell a gateway what to run with; what is not named here stands as in its own settings file."""
    addresses, numbers = [address(one) for one in uplink or []], number or []
    if len(addresses) > 2 or len(numbers) > 4:
        raise Refused("a gateway keeps two endpoints and four numbers at most")
    for one in numbers:
        if not re.fullmatch(SMS_NUMBER, one):
            raise Refused(f'"{one}" is not a number with + and country code, e.g. +5492615551234')
    options: dict[str, Any] = {"uplink": addresses, "central_numbers": numbers, "digest_s": digest_s}
    options = {name: value for name, value in options.items() if value}
    with database(settings) as (_, db):
        number_of_it, rows = device(db, gateway, "G"), Unit(db)
        version = rows.wish(number_of_it, options, time.time())
        frame = document(next(wish for wish in rows.wishes() if wish.gateway == number_of_it))
    say(
        as_json,
        {"gateway": gateway, "version": version, "wanted": json.dumps(options), "fits_sms": len(frame) <= SMS_ROOM},
    )


@app.command("list")
def show(settings: SettingsPath = DEFAULT, as_json: Json = False) -> None:
    """What each gateway says that it runs, and whether it knows yet what it was told."""
    now = time.time()
    with database(settings) as (_, db):
        rows = [_row(*one, now) for one in Unit(db).gateways()]
    table(as_json, "gateways", rows)


def _row(
    number: int, at: float | None, status: dict[str, Any], wanted: int | None, options: str, now: float
) -> dict[str, Any]:
    said = status.get("settings")
    said = said if isinstance(said, dict) else {}
    return {
        "gateway": gateway_name(number),
        "program": status.get("program", ""),
        "uplink": status.get("uplink", ""),
        "settings": known_version(status) or None,
        "state": said.get("state", ""),
        "reason": said.get("reason", ""),
        "wanted": wanted if wanted != known_version(status) else None,
        "said_s_ago": round(now - at) if at is not None else None,
    }
