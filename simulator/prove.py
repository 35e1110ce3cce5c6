"""`make prove`: the long campaigns of the threat model by number, each against the real parts. Exit 0 only without violations."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator import campaign_soak, campaign_t1, campaign_t2, campaign_t3, campaign_t4, campaign_t17
from simulator.errors import SimulatorError


@dataclass(frozen=True)
class Proof:
    """One campaign: how many attacks, kills, rounds or orders (`runs`), how often the property was broken, what was seen."""

    threat: str
    runs: int
    violations: int
    seconds: float
    seed: int
    figures: dict[str, Any]


@dataclass
class Outcome:
    """What a campaign tells: `violations` are sentences, `figures` plain JSON."""

    runs: int
    violations: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


async def t1(runs: int | None, seed: int) -> Outcome:
    """Hostile frames: 100,000 in all, half by MQTT and half by SMS, half against MicroPython and half against CPython."""
    frames = (runs or 100_000) // 4
    violations = []
    for runtime, sms in itertools.product(("micropython", "cpython"), (False, True)):
        siege = await campaign_t1.campaign(frames, runtime, seed, sms)
        way = f"{runtime} by {'SMS' if sms else 'MQTT'}"
        violations += [f"{way}: {one}" for one in siege.violations]
        refusals = ", ".join(f"{name} {count}" for name, count in sorted(siege.refusals.items()))
        print(
            f"T1 {way}: {sum(siege.sent.values())} frames of {len(siege.sent)} kinds; answered: {refusals}",
            file=sys.stderr,
        )
    return Outcome(frames * 4, violations)


async def t2(runs: int | None, seed: int) -> Outcome:
    """kill -9 in the middle of alerts: 1,000 times central, 500 times a gateway."""
    central, gateway = runs or 1000, (runs + 1) // 2 if runs else 500
    violations = await campaign_t2.campaign(central, seed)
    violations += [f"gateway: {one}" for one in await campaign_t2.campaign(gateway, seed, campaign_t2.GATEWAY)]
    return Outcome(central + gateway, violations, {"central": central, "gateway": gateway})


async def t3(runs: int | None, seed: int) -> Outcome:
    """Power cuts of the disk, with what was not synced lost or torn: 600 under a gateway's memory, 300 under central's database."""
    gateway = campaign_t3.campaign(campaign_t3.OUTBOX, runs or 600, seed)
    central = campaign_t3.campaign(campaign_t3.DATABASE, (runs + 1) // 2 if runs else 300, seed)
    violations = [f"gateway: {one}" for one in gateway.violations] + [f"central: {one}" for one in central.violations]
    return Outcome(
        gateway.cuts + central.cuts, violations, {"gateway": gateway.figures(), "central": central.figures()}
    )


async def t4(runs: int | None, seed: int) -> Outcome:
    """Sirens while programs, power, links, brokers and services fail: 300 rounds with limits of seconds, 6 with the full ones."""
    quick, full = campaign_t4.QUICK, campaign_t4.FULL
    for limits in (quick,) if runs else (quick, full):
        print(
            f"T4: activations of {limits.duration_s:g} s, watchdog {limits.watchdog_s:g} s, timer relay {limits.hardware_s:g} s",
            file=sys.stderr,
        )
    trial = await campaign_t4.campaign(runs or 300, seed, whole=not runs)
    return Outcome(len(trial.rounds), trial.violations, trial.figures())


async def t17(runs: int | None, seed: int) -> Outcome:
    """Power cuts anywhere in an update, 1,000; manifests and images wrong in every way, ten for each cut."""
    trial = campaign_t17.campaign(runs or 1000, 10 * (runs or 1000), seed)
    offered = sum(trial.offered.values())
    figures = {"cuts": trial.cuts, "boots": trial.boots, "offered": offered, "judged": trial.judged}
    return Outcome(trial.cuts + offered, trial.violations, {**figures, "kinds": len(trial.offered)})


async def soak(runs: int | None, seed: int) -> Outcome:
    """Twenty real centers on a bad network for 600 seconds."""
    trial = await campaign_soak.campaign(20, runs or 600, seed)
    return Outcome(trial.orders, trial.violations, trial.figures)


CAMPAIGNS: dict[str, Callable[[int | None, int], Coroutine[Any, Any, Outcome]]] = {
    "T1": t1,
    "T2": t2,
    "T3": t3,
    "T4": t4,
    "T17": t17,
    "soak": soak,
}
# As long as each takes on a machine with two processors, and what --runs counts.
LASTS = {
    "T1": ("about 15 minutes", "hostile frames"),
    "T2": ("about an hour", "kills"),
    "T3": ("about 3 minutes", "power cuts of a gateway's disk, half as many of central's"),
    "T4": ("about 13 minutes", "rounds; without those of the full limits"),
    "T17": ("about a minute", "power cuts, and ten times as many manifests"),
    "soak": ("about 12 minutes", "seconds"),
}


def main() -> int:
    """Arguments: the threats, and for a shorter campaign --runs."""
    lines = [f"  {name:5} {lasts}; --runs counts {counted}" for name, (lasts, counted) in LASTS.items()]
    parser = argparse.ArgumentParser(
        prog="make prove", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["how long each takes, on two processors:", *lines]),
    )  # fmt: skip
    parser.add_argument("threats", nargs="*", help=f"of {', '.join(CAMPAIGNS)}; all by default")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    parser.add_argument("--runs", type=int, help="this many instead of the campaign's own number")
    parser.add_argument(
        "--seed",
        type=int,
        help="the same dice again; what happens when depends on the machine, except in T17 and the gateway's T3",
    )
    arguments = parser.parse_args()
    spelt = {name.lower(): name for name in CAMPAIGNS}
    names = [spelt.get(name.lower(), name) for name in arguments.threats] or list(CAMPAIGNS)
    unknown = [name for name in names if name not in CAMPAIGNS]
    if unknown:
        parser.error(f"no campaign {unknown[0]}; there are {', '.join(CAMPAIGNS)}")
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 31)
    proofs = []
    for name in names:
        started = time.monotonic()
        try:
            outcome = asyncio.run(CAMPAIGNS[name](arguments.runs, seed))
        except SimulatorError as error:
            print(f"{name} could not be run: {error}", file=sys.stderr)
            return 2
        seconds = round(time.monotonic() - started, 1)
        proof = Proof(name, outcome.runs, len(outcome.violations), seconds, seed, outcome.figures)
        proofs.append(proof)
        for violation in outcome.violations[:20]:
            print(f"{name} violated: {violation}", file=sys.stderr)
        if outcome.figures:
            print(f"{name}: {json.dumps(outcome.figures)}", file=sys.stderr)
        print(
            f"{name}: {proof.runs} runs, {proof.violations} violations, {proof.seconds:.0f} s, seed {seed}",
            file=sys.stderr,
        )
    if arguments.json:
        print(json.dumps([asdict(proof) for proof in proofs]))
    return 1 if any(proof.violations for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main())
