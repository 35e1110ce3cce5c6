"""`sereno-central`: serve, check, settings, enroll, release, gateway, evidence. Says what went wrong in one sentence; exit 2 means: change something."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from central import settings as settings_file
from central.commands import check as checks
from central.commands import enroll, evidence, gateway, release
from central.domain.errors import CentralError, Refused

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(enroll.app, name="enroll")
app.add_typer(release.app, name="release")
app.add_typer(gateway.app, name="gateway")

SettingsPath = Annotated[
    Path, typer.Option("--settings", "-s", help="The settings file (`sereno-central settings` prints one).")
]
DEFAULT = Path("central.toml")


@app.command()
def serve(settings: SettingsPath = DEFAULT) -> None:
    """Run the service until SIGTERM or Ctrl-C. Logs are JSON lines on standard output."""
    from central.logs import configure
    from central.wiring import Central

    loaded = settings_file.load(settings)
    configure(loaded.log_level)
    try:
        import uvloop
    except ImportError:
        asyncio.run(Central(loaded).run())
        return

    async def main() -> None:
        await Central(loaded).run()

    uvloop.run(main())


@app.command()
def check(settings: SettingsPath = DEFAULT) -> None:
    """Look at settings, classes, database, keys and certificates without starting anything."""
    findings = checks.examine(settings)
    for finding in findings:
        typer.echo(f"{finding.level:7} {finding.text}")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(2)


@app.command("settings")
def print_settings() -> None:
    """Print a sample of the settings, every option with a comment."""
    typer.echo(settings_file.SAMPLE, nl=False)


@app.command("evidence")
def export_evidence(
    incident: Annotated[int, typer.Argument(help="The incident's number.")],
    out: Annotated[Path, typer.Option(help="The folder to write; made if it is not there.")],
    settings: SettingsPath = DEFAULT,
) -> None:
    """Export an incident's countersigned acks as COSE_Sign1, with the gateways' public keys."""
    count = evidence.export(settings_file.load(settings), incident, out)
    typer.echo(f"{count} signed acks in {out}")


def main() -> None:
    """The entry point: errors of ours become one sentence."""
    try:
        app()
    except Refused as error:
        sys.exit(_say(error, 2))
    except CentralError as error:
        sys.exit(_say(error, 1))
    except KeyboardInterrupt:
        sys.exit(130)


def _say(error: CentralError, code: int) -> int:
    print(f"sereno-central: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
