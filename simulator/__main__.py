"""`sereno-sim`: demo, drill and modem. Hardware that is not there, around the real firmware, gateway and central."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from simulator import demo as demos
from simulator import drill as drills
from simulator.errors import SimulatorError
from simulator.modem import console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

BrokerKind = Annotated[str | None, typer.Option(help="mosquitto or amqtt; the first one that is installed by default.")]


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="One general alert, its times, and out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object on the last line.")] = False,
    broker: BrokerKind = None,
) -> None:
    """Build a city of two groups and six centers, show it live, press an alert after a few seconds, then wait for yours."""
    _known(broker)
    if as_json and not once:
        raise SimulatorError("--json goes with --once: demo --once --json")
    asyncio.run(demos.once(as_json, broker) if once else demos.live(broker))


@app.command()
def drill(
    script: Annotated[Path, typer.Argument(help="A drill file; simulator/drills/ has some.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on the last line.")] = False,
    broker: BrokerKind = None,
) -> None:
    """Run a scripted drill against a fresh city: at t do this, between t1 and t2 expect that. Exit 1 when it is not met."""
    _known(broker)
    result = asyncio.run(drills.run(script, broker))
    if as_json:
        print(json.dumps(result.as_dict()))
    else:
        print(result.as_text())
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def modem(
    number: Annotated[list[str], typer.Option(help="The number of a modem, as +5492611111111; once for each.")],
    dialect: Annotated[str, typer.Option(help="sim7600 or quectel.")] = "sim7600",
    links: Annotated[Path | None, typer.Option(help="The folder for the links to the ports.")] = None,
    pin: Annotated[str, typer.Option(help="The PIN of the cards; none by default.")] = "",
    usb: Annotated[bool, typer.Option("--usb", help="A port goes whenever its modem's power goes.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Start, register and send as slowly as a real one.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Show every line and every message.")] = False,
) -> None:
    """Run cellular modems on ptys, joined by one message center; type `help` for the faults they can have."""
    console.run(number, dialect, links, pin, usb, slow, trace)


def _known(broker: str | None) -> None:
    if broker not in (None, "mosquitto", "amqtt"):
        raise SimulatorError(f"there is no broker {broker!r} here; choose mosquitto or amqtt")


def main() -> None:
    """The entry point: errors of ours become one sentence."""
    try:
        app()
    except SimulatorError as error:
        print(f"sereno-sim: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


if __name__ == "__main__":
    main()
