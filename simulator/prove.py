"""`make prove`: the long campaigns of the threat model by number, each against the real parts. Exit 0 only without violations."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Any

from simulator import campaign_t1, campaign_t2
from simulator.errors import SimulatorError


@dataclass(frozen=True)
class Proof:
    """One campaign: how many attacks or kills (`runs`), and how often the property was broken."""

    threat: str
    runs: int
    violations: int
    seconds: float
    seed: int


async def t1(runs: int | None, seed: int) -> tuple[int, list[str]]:
    """Hostile frames: 100,000 in all, half against MicroPython, half against CPython."""
    frames = (runs or 100_000) // 2
    violations = []
    for runtime in ("micropython", "cpython"):
        siege = await campaign_t1.campaign(frames, runtime, seed)
        violations += [f"{runtime}: {one}" for one in siege.violations]
        refusals = ", ".join(f"{name} {count}" for name, count in sorted(siege.refusals.items()))
        print(
            f"T1 {runtime}: {sum(siege.sent.values())} frames of {len(siege.sent)} kinds; answered: {refusals}",
            file=sys.stderr,
        )
    return frames * 2, violations


async def t2(runs: int | None, seed: int) -> tuple[int, list[str]]:
    """kill -9 of central in the middle of alerts: 1,000 rounds."""
    rounds = runs or 1000
    return rounds, await campaign_t2.campaign(rounds, seed)


CAMPAIGNS: dict[str, Callable[[int | None, int], Coroutine[Any, Any, tuple[int, list[str]]]]] = {"T1": t1, "T2": t2}


def main() -> int:
    """Arguments: the threats, and for a shorter campaign --runs."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument(
        "threats", nargs="*", help=f"numbers of the threat model, of {', '.join(CAMPAIGNS)}; all by default"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    parser.add_argument("--runs", type=int, help="frames or kills instead of the campaign's own number")
    parser.add_argument("--seed", type=int, help="repeat a campaign exactly")
    arguments = parser.parse_args()
    names = [name.upper() for name in arguments.threats] or list(CAMPAIGNS)
    unknown = [name for name in names if name not in CAMPAIGNS]
    if unknown:
        parser.error(f"no campaign {unknown[0]}; there are {', '.join(CAMPAIGNS)}")
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 31)
    proofs = []
    for name in names:
        started = time.monotonic()
        try:
            runs, violations = asyncio.run(CAMPAIGNS[name](arguments.runs, seed))
        except SimulatorError as error:
            print(f"{name} could not be run: {error}", file=sys.stderr)
            return 2
        proof = Proof(name, runs, len(violations), round(time.monotonic() - started, 1), seed)
        proofs.append(proof)
        for violation in violations[:20]:
            print(f"{name} violated: {violation}", file=sys.stderr)
        print(
            f"{name}: {proof.runs} runs, {proof.violations} violations, {proof.seconds:.0f} s, seed {seed}",
            file=sys.stderr,
        )
    if arguments.json:
        print(json.dumps([asdict(proof) for proof in proofs]))
    return 1 if any(proof.violations for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main())
