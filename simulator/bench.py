"""`make bench`: tap to durable, to siren, to ack through the real chain, beside the floor of the same machine in the same run.

Rounds alternate between the floor and the product; a figure is the median of the rounds' p50 (or p99), a ratio is of medians.
The floor of tap-to-siren and tap-to-ack: one raw QoS 1 publish-deliver on the same broker plus one durable SQLite commit. It is a
floor, not a peer: the chain crosses three brokers' hops, two services and an interpreter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
from dataclasses import asdict, dataclass

from protocol.topics import DOWN, topic
from simulator.bench_center import button_figures, center_figures
from simulator.bench_gateway import gateway_figures
from simulator.city import City
from simulator.demo import runtime
from simulator.errors import SimulatorError
from simulator.figures import Figure, percentile
from simulator.floors import commits, round_trips
from simulator.once import tap
from simulator.plan import city as city_plan
from simulator.wire import Wire

ROUNDS = 5
PER_ROUND = 40

# The indicator spends no budget, so that hundreds of alerts can be measured on the real firmware's output.
CLASSES = """
[general]
code = 1
title = "Medición"
silent = false
home = ["indicator"]
away = []
duration_s = 1
"""


@dataclass
class Round:
    """Milliseconds of each sample of one round."""

    durable: list[float]
    siren: list[float]
    ack: list[float]
    broker: list[float]
    commit: list[float]


async def measure(rounds: int, progress: bool) -> list[Figure]:
    """Run the rounds and compare."""
    city = City(
        city_plan(1, 3),
        runtime(),
        "mosquitto",
        settings='grouping_s = 0\nsilent_button_class = "general"',
        classes=CLASSES,
    )
    try:
        await city.start()
        wire = Wire("S01", city.device("S01"), city.brokers["broker"].port)
        seen = []
        for number in range(rounds):
            if progress:
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
            seen.append(await _round(city, wire, number))
    finally:
        await city.stop()
    return _figures(seen)


async def _round(city: City, wire: Wire, number: int) -> Round:
    found = Round([], [], [], [], [])
    names = [center.name for center in city.plan.centers]
    for index in range(PER_ROUND):
        run = await tap(city, f"bench-{number:02d}-{index:03d}", output="indicator")
        found.durable.append(run.tap_to_durable_ms)
        found.siren.append(run.tap_to_siren_ms)
        found.ack.append(run.tap_to_ack_ms)
        await city.boards.until(lambda: not any(city.boards.on(name, "indicator") for name in names), 10)
    # Floors, on the same machine and minute. Central keeps its own certificate; the wire uses it while central is down.
    city.services["central"].stop()
    own = topic("S01", DOWN)
    opened = await asyncio.to_thread(Wire("S01", wire.folder, wire.port).open, own)
    try:
        found.broker += [1000 * one for one in await asyncio.to_thread(round_trips, opened, own, PER_ROUND)]
    finally:
        opened.close()
    found.commit += [1000 * one for one in commits(city.folder / "floor.db", PER_ROUND)]
    city.services["central"].start()
    await city.central_up()
    return found


def _figures(seen: list[Round]) -> list[Figure]:
    figures = []
    for name, floor_of in (("durable", ("commit",)), ("siren", ("broker", "commit")), ("ack", ("broker", "commit"))):
        for label, share in (("p50", 0.50), ("p99", 0.99)):
            value = statistics.median(percentile(getattr(one, name), share) for one in seen)
            floor = statistics.median(sum(percentile(getattr(one, part), share) for part in floor_of) for one in seen)
            figures.append(Figure(f"tap_to_{name}_{label}", value, "ms", floor, value / floor))
    return figures


def main() -> int:
    """Arguments: --json, --rounds."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"alternating rounds, {ROUNDS} by default")
    arguments = parser.parse_args()
    try:
        figures = center_figures(arguments.rounds)
        figures += asyncio.run(button_figures(arguments.rounds))
        figures += asyncio.run(gateway_figures(arguments.rounds))
        figures += asyncio.run(measure(arguments.rounds, progress=True))
    except SimulatorError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {arguments.rounds} rounds of {PER_ROUND}",
        file=sys.stderr,
    )
    for figure in figures:
        line = f"{figure.name:24} {figure.value:8.2f} {figure.unit:2}   floor {figure.floor:8.2f}   ratio {figure.ratio:5.2f}"
        print(line, file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
