"""Campaign T2: central, or a gateway, is killed with -9 at random moments under load; no accepted alert is lost, no output doubled.

Each round raises alerts from several phones at once, kills the victim somewhere among them, starts it again, and lets the
phones retry with the same ids. A class that moves only the indicator is used: it spends no budget, so that every round can be seen at
the outputs. Doubled means that one center executed one (incident, activation) twice by its own sealed word.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from simulator.city import City
from simulator.demo import runtime
from simulator.errors import SimulatorError
from simulator.plan import city as city_plan

CLASSES = """
[general]
code = 1
title = "Prueba"
silent = false
home = ["indicator"]
away = []
duration_s = 1
"""
# Every alert opens an incident of its own.
SETTINGS = 'grouping_s = 0\nsilent_button_class = "general"'
PHONES = 4
# After so many kills central is left alone until everything accepted has been sounded: killed twice a second for ever it
# could only tell a person, and a center's window holds 64 counters.
SETTLE_EVERY = 10
_TOLD_S = 60.0


class Phones:
    """Raise alerts and insist until they are answered, as the app does."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.accepted: dict[str, str] = {}
        self.violations: list[str] = []

    async def raise_alert(self, identifier: str) -> None:
        """Until central says 202, always with the same id."""
        while True:
            try:
                answer = await self._city.alert(identifier, group=1)
            except (httpx.TransportError, SimulatorError):
                await asyncio.sleep(0.02)
                continue
            before = self.accepted.setdefault(identifier, answer["incident"])
            if before != answer["incident"]:
                self.violations.append(f"{identifier} became two incidents, {before} and {answer['incident']}")
            return


@dataclass(frozen=True)
class Victim:
    """Who is killed, how long after the alerts at most (its start and its work are somewhere in that time), and how often in a row."""

    service: str
    within_s: float
    settle_every: int


CENTRAL = Victim("central", 0.03, SETTLE_EVERY)
# A gateway starts in about a second, carries in a few milliseconds, and sends again what central has not confirmed.
GATEWAY = Victim("G000001", 1.5, 5)


async def campaign(rounds: int, seed: int, victim: Victim = CENTRAL) -> list[str]:
    """The violations in `rounds` kills."""
    dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
    city = City(city_plan(1, 2), runtime(), settings=SETTINGS, classes=CLASSES)
    try:
        await city.start()
        phones = Phones(city)
        violations: list[str] = []
        for number in range(rounds):
            alerts = [
                asyncio.create_task(phones.raise_alert(f"t2-{seed}-{number:05d}-{phone}")) for phone in range(PHONES)
            ]
            await asyncio.sleep(dice.uniform(0, victim.within_s))
            city.services[victim.service].restart()
            await asyncio.wait_for(asyncio.gather(*alerts), _TOLD_S)
            if (number + 1) % victim.settle_every == 0 or number + 1 == rounds:
                await city.central_up()
                violations += await _audit(city, phones)
        return phones.violations + violations
    finally:
        await city.stop()


def _whole(incident: dict[str, Any], centers: int) -> bool:
    """Every center said that it sounded, and the last word on every command that stands is that it stopped."""
    standing = [one["state"] for one in incident["commands"] if one["state"] != "superseded"]
    return incident["centers_sounded"] == centers and standing == ["done"] * centers


async def _audit(city: City, phones: Phones) -> list[str]:
    """Every accepted alert's incident is there, was obeyed by every center, once."""
    violations = []
    accepted, phones.accepted = phones.accepted, {}
    centers = {center.name for center in city.plan.centers}
    for identifier, incident in accepted.items():
        try:
            seen = await city.until(incident, lambda one: _whole(one, len(centers)), _TOLD_S)
        except SimulatorError as error:
            violations.append(f"{identifier} lost: {error}")
            continue
        sounded = Counter(ack["center"] for ack in seen["acks"] if ack["status"] == "sounding")
        violations += [
            f"{identifier}: {name} was switched on {times} times" for name, times in sounded.items() if times > 1
        ]
    return violations
