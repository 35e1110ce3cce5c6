"""`sereno-gateway run | check | status | settings`: the command line, for systemd and for a technician.

Exit codes: 0 good, 1 cannot run here and now, 2 the settings or the installed files are wrong.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway import check as checks
from gateway import health, notify
from gateway.errors import CannotRun, GatewayError, SettingsWrong
from gateway.logs import start as start_log
from gateway.ports import Log
from gateway.settings import DEFAULT_PATH, load, sample
from gateway.store.keys import load as load_keys
from gateway.wiring import Gateway

app = typer.Typer(
    name="sereno-gateway",
    help="The service between central and the alarm centers of a neighbourhood.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SettingsFile = Annotated[Path, typer.Option("--settings", "-s", help="The TOML file.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]


@app.command()
def run(settings: SettingsFile = DEFAULT_PATH) -> None:
    """Carry messages until SIGTERM or SIGINT. Missing brokers are waited for."""
    ended = threading.Event()
    failures: list[str] = []

    def failed(reason: str) -> None:
        failures.append(reason)
        ended.set()

    try:
        loaded = load(settings)
        log = start_log(loaded.log.level, load_keys(loaded.folders.keys).name)
        gateway = Gateway(loaded, log, failed)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        gateway.start()
    except GatewayError as error:
        _end(error)
    notify.tell("READY=1", "STATUS=started")
    _stay(gateway, log, ended)
    notify.tell("STOPPING=1", "STATUS=ending")
    gateway.stop()
    if failures:
        _end(CannotRun(failures[0]))


@app.command()
def check(
    settings: SettingsFile = DEFAULT_PATH,
    connect: Annotated[bool, typer.Option(help="Also reach both brokers (TLS only, nobody is evicted).")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at settings, keys, certificates, disk and clock; exit 2 when something is wrong."""
    try:
        found = checks.findings(load(settings), connect)
    except SettingsWrong as error:
        found = [checks.Finding(checks.ERROR, str(error))]
    good = not any(finding.level == checks.ERROR for finding in found)
    if as_json:
        typer.echo(json.dumps({"good": good, "findings": [vars(finding) for finding in found]}))
    else:
        for finding in found:
            typer.echo(f"{finding.level:8} {finding.text}")
    if not good:
        raise typer.Exit(2)


@app.command()
def status(settings: SettingsFile = DEFAULT_PATH, as_json: AsJson = False) -> None:
    """What the running gateway says of itself, and what to do about each fault; exit 1 when none runs."""
    try:
        document = health.read(load(settings).folders.posted, int(time.time()))
    except GatewayError as error:
        _end(error)
    typer.echo(json.dumps(document) if as_json else "\n".join(health.lines(document)))


@app.command(name="settings")
def print_settings() -> None:
    """Print a settings file with every option, its default and what it means."""
    typer.echo(sample(), nl=False)


def _stay(gateway: Gateway, log: Log, ended: threading.Event) -> None:
    """Until the end: tell systemd what goes on, and that this program lives, as long as it does."""
    watchdog_s = notify.watchdog_s() or 40.0
    told: list[str] = []
    while not ended.wait(watchdog_s / 4):
        ailing = gateway.ailing(watchdog_s / 2)
        if ailing and ailing != told:
            log.error("not_alive", reasons=ailing)
        told = ailing
        notify.tell(f"STATUS={'; '.join(ailing) or gateway.summary()}", *([] if ailing else ["WATCHDOG=1"]))


def _end(error: GatewayError) -> NoReturn:
    typer.echo(f"sereno-gateway: {error}", err=True)
    raise typer.Exit(2 if isinstance(error, SettingsWrong) else 1)


def main() -> None:
    """The entry point."""
    sys.exit(app())


if __name__ == "__main__":
    main()
