"""Campaign T4: sirens are on while programs are killed, frozen and stalled, power and links cut, brokers and services killed.

In the real chain, from an alert to the board's own history: a siren goes off in time whatever befell its board, and no center
sounds more than three times in 15 minutes of its life, however often it starts. Watchdog and timer relay are set to seconds,
so that a round is short; a few rounds have the full limits.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from simulator.city import City
from simulator.demo import runtime
from simulator.life import PER_LIFE, Life, Trial
from simulator.overtime import FREEZE, KILL, STALL, Limits, Round
from simulator.plan import city as city_plan

# Each ends a siren at a moment of its own, so that none hides that another did not. The margin is for a busy machine.
QUICK = Limits(duration_s=3.0, watchdog_s=1.5, hardware_s=4.0, margin_s=0.5)
FULL = Limits(duration_s=180.0, watchdog_s=8.0, hardware_s=185.0, margin_s=0.5)
CENTERS = 10
SETTINGS = 'grouping_s = 0\nsilent_button_class = "general"'
CLASSES = """
[general]
code = 1
title = "Alerta"
silent = false
home = ["siren", "strobe"]
away = []
duration_s = {}
"""


async def live(
    centers: int, limits: Limits, seed: int, walk: Callable[[Life], Awaitable[None]], make: type[Life] = Life
) -> Trial:
    """One life in a fresh city; what it saw. `make` is Life, or one from which something was taken out."""
    city = City(city_plan(1, centers), runtime(), settings=SETTINGS, classes=CLASSES.format(round(limits.duration_s)))
    try:
        await city.start()
        life = make(city, limits, random.Random(seed))  # noqa: S311 - reproducible by its seed
        try:
            await life.begin()
            await walk(life)
        finally:
            await life.end()
        return life.trial
    finally:
        await city.stop()


def full(name: str) -> Round:
    """A round with the full limits, by the center: each control is the only one left in one of them."""
    plans = (
        Round(name, True), Round(name, False, [(STALL, 20.0)]), Round(name, False, [(KILL, 40.0)]),
        Round(name, False, [(FREEZE, 60.0)]), Round(name, True, [(KILL, 80.0)]), Round(name, True, [(STALL, 100.0)]),
    )  # fmt: skip
    return plans[int(name[1:]) % len(plans)]


FULL_ROUNDS = 6


async def campaign(rounds: int, seed: int, centers: int = CENTERS, whole: bool = True) -> Trial:
    """`rounds` quick rounds in as many lives as that takes, then with `whole` some with the full limits."""
    all_of_it = Trial()
    trials = []
    for number in range(-(-rounds // (centers * PER_LIFE))):
        trials.append(await live(centers, QUICK, seed + number, lambda life: life.run()))
    if whole:
        trials.append(await live(FULL_ROUNDS, FULL, seed - 1, lambda life: life.run(1, full)))
    for trial in trials:
        all_of_it.rounds += trial.rounds
        all_of_it.refused += trial.refused
        all_of_it.violations += trial.violations
        for why, late in trial.worst_s.items():
            all_of_it.worst_s[why] = max(all_of_it.worst_s.get(why, late), late)
    return all_of_it
