"""Some alarm centers from their commissioning on, for campaign T4: alerts in the real chain, and what befalls boards and services
while the sirens are on. It strikes, mends and takes down what was seen; the rules are in simulator.overtime.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.boards import BoardProcess
from simulator.city import City
from simulator.errors import SimulatorError
from simulator.overtime import (
    BROKER,
    CENTRAL,
    FREEZE,
    GATEWAY,
    KILL,
    LINK,
    OF_BOARD,
    OF_OTHERS,
    POWER_CUT,
    STALL,
    Limits,
    Round,
    latest,
    violations,
)
from simulator.proxy import Proxy
from simulator.siren_timer import REST_S
from simulator.spells import spells

# The budget of a center in 15 minutes of its life.
PER_LIFE = 3
SPENT = "refused: budget spent"
_SOUND_S = 60.0


@dataclass
class Trial:
    """`rounds` with everything that befell them; `violations` are sentences."""

    rounds: list[Round] = field(default_factory=list)
    refused: int = 0
    violations: list[str] = field(default_factory=list)
    worst_s: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """What was done, in numbers; `latest_s` is how long after each control's moment a siren was on at the most."""
        kinds = Counter(kind for one in self.rounds for kind, _ in one.faults)
        return {
            "rounds": len(self.rounds),
            "faults": dict(kinds),
            "several": sum(len(one.faults) > 1 for one in self.rounds),
            "without_watchdog": sum(not one.watched for one in self.rounds),
            "refused_for_budget": self.refused,
            "latest_s": {why: round(late, 2) for why, late in sorted(self.worst_s.items())},
        }


class Life:
    """Some centers from their commissioning on: three activations each, and one that must be refused.

    `real` are the limits that the boards have; those of `limits` are judged by. They differ only where a test takes one out.
    `rest_s` is between two alerts, so that the timer relays let go; `refused_s` the patience for the one too many.
    """

    rest_s = REST_S + 0.5
    refused_s = 60.0

    def __init__(self, city: City, limits: Limits, dice: random.Random, real: Limits | None = None) -> None:
        self.limits = limits
        self.trial = Trial()
        self._city = city
        self._real = real or limits
        self._dice = dice
        self._names = [center.name for center in city.plan.centers]
        self._gateway = city.plan.groups[0].gateway
        self._proxy = Proxy(city.brokers[f"{self._gateway} broker"].port, dice.randrange(1 << 31))
        self._boards: BoardProcess | None = None
        self._alerts = 0

    @property
    def boards(self) -> BoardProcess:
        """The boards of this life; raises SimulatorError before `begin`."""
        if self._boards is None:
            raise SimulatorError("this life has not begun")
        return self._boards

    async def begin(self) -> None:
        """The centers on boards with these limits, behind a proxy; raises SimulatorError when they do not come up."""
        await self._proxy.start()
        self._boards = await BoardProcess.start(self._real.watchdog_s, self._real.hardware_s)
        for name in self._names:
            await self._city.boards.power(name, False)
            path = self._city.device(name) / "device.json"
            device = json.loads(path.read_text())
            device["endpoints"][0]["port"] = self._proxy.port
            path.write_text(json.dumps(device))
            await self.boards.add(name, path.parent, self._city.runtime)
            await self.boards.power(name, True)

    async def end(self) -> None:
        """The boards are gone."""
        if self._boards is not None:
            await self._boards.stop()
        await self._proxy.stop()

    async def run(self, waves: int = PER_LIFE, plan: Callable[[str], Round] | None = None) -> None:
        """`waves` alerts with faults, then one too many. `plan` makes the rounds of a center instead of the dice."""
        for _ in range(waves):
            await self.wave(plan or self._drawn)
        if waves == PER_LIFE:
            await self.one_too_many()
        sounded = {name: len(self._spells(name)) for name in self._names}
        self.trial.violations += [
            f"{name} sounded {times} times in 15 minutes" for name, times in sounded.items() if times > PER_LIFE
        ]

    async def wave(self, plan: Callable[[str], Round]) -> None:
        """One alert, and what befalls each center while its siren is on; then everything is mended."""
        rounds = [plan(name) for name in self._names]
        others = self._dice.sample(OF_OTHERS, self._dice.choice((0, 1, 1, 2)))
        for one in rounds:
            await self.watch(one.center, one.watched)
        began = time.monotonic()
        incident = await self._alert()
        results = await asyncio.gather(
            *(self._befall(one, began) for one in rounds), *(self._others(kind, rounds, began) for kind in others),
            return_exceptions=True,
        )  # fmt: skip
        self.trial.violations += [
            f"{incident}: {problem}" for problem in results if isinstance(problem, SimulatorError)
        ]
        for problem in results:
            if isinstance(problem, BaseException) and not isinstance(problem, SimulatorError):
                raise problem
        await self._off()
        for one in rounds:
            await self._mend(one)
        await self._restore(others)
        await asyncio.sleep(self.rest_s)
        for one in rounds:
            self._judge(one, began)

    async def one_too_many(self) -> None:
        """A fourth alert, after a start of every other center: each says that its budget is spent, and none sounds."""
        began = time.monotonic()
        for name in self._names[::2]:
            await self.between(name)
        incident = await self._alert()

        def refused(seen: dict[str, Any]) -> int:
            return len({ack["center"] for ack in seen["acks"] if ack["status"] == SPENT})

        try:
            await self._city.until(incident, lambda seen: refused(seen) == len(self._names), self.refused_s)
        except SimulatorError as error:
            self.trial.violations.append(f"the fourth activation was not refused by all: {error}")
        self.trial.refused += refused(await self._city.incident(incident))
        for name in self._names:
            if self._spells(name, began):
                self.trial.violations.append(f"{name} sounded for a fourth time")

    async def between(self, name: str) -> None:
        """A power cut without a siren."""
        await self.boards.power(name, False)
        await self.boards.power(name, True)

    async def watch(self, name: str, watched: bool) -> None:
        """With a watchdog, or with the hardware timer alone."""
        await self.boards.fault(name, "no_watchdog", not watched)

    async def strike(self, kind: str, name: str) -> None:
        """One fault of a board; raises SimulatorError when it has no interpreter (any more)."""
        if kind == KILL:
            await self.boards.kill(name)
        elif kind == FREEZE:
            await self.boards.freeze(name)
        elif kind == STALL:
            await self.boards.stall(name)
        else:
            await self.boards.power(name, False)

    def _drawn(self, name: str) -> Round:
        dice, one = self._dice, Round(name, self._dice.random() < 0.7)
        first = dice.choice((None, *OF_BOARD))
        if first is not None:
            one.planned.append((first, dice.uniform(0, self.limits.duration_s)))
            if dice.random() < 0.3:
                second = dice.choice([kind for kind in (KILL, POWER_CUT) if kind != first])
                one.planned.append((second, dice.uniform(one.planned[0][1], self.limits.duration_s)))
        return one

    async def _alert(self) -> str:
        """Raised as by a phone, until central accepts it; the incident."""
        self._alerts += 1
        return str((await self._city.alert(f"t4-{self._alerts:04d}-{time.monotonic_ns()}", group=1))["incident"])

    async def _befall(self, one: Round, began: float) -> None:
        sounds = lambda: self.boards.times_on(one.center, "siren", began)  # noqa: E731
        await self.boards.until(sounds, _SOUND_S, f"the siren of {one.center}")
        on = self._spells(one.center, began)[0][0]
        for kind, after_s in one.planned:
            await asyncio.sleep(max(0.0, on + after_s - time.monotonic()))
            try:
                await self.strike(kind, one.center)
            except SimulatorError:
                continue  # Somebody was quicker: there is nothing left to strike.
            one.faults.append((kind, time.monotonic()))

    async def _others(self, kind: str, rounds: list[Round], began: float) -> None:
        """Something that no siren depends on breaks, once all of them are on."""
        sounding = lambda: all(self.boards.times_on(one.center, "siren", began) for one in rounds)  # noqa: E731
        await self.boards.until(sounding, _SOUND_S, "all sirens")
        await asyncio.sleep(self._dice.uniform(0, self.limits.duration_s))
        if kind == LINK:
            await self._proxy.refuse()
            self._dice.choice((self._proxy.cut, self._proxy.half_open))()
        elif kind == BROKER:
            self._city.brokers[f"{self._gateway} broker"].kill()
        else:
            self._city.services[self._gateway if kind == GATEWAY else "central"].kill()
        for one in rounds:
            one.faults.append((kind, time.monotonic()))

    async def _restore(self, others: list[str]) -> None:
        if BROKER in others:
            await asyncio.to_thread(self._city.brokers[f"{self._gateway} broker"].start)
        if GATEWAY in others:
            self._city.services[self._gateway].start()
        if CENTRAL in others:
            self._city.services["central"].start()
            await self._city.central_up()
        self._proxy.heal()
        await self._proxy.refuse(False)

    async def _off(self) -> None:
        """Until every siren is off, or later than any may be on."""
        off = lambda: not any(self.boards.on(name) for name in self._names)  # noqa: E731
        longest_s = self.limits.duration_s + self.limits.hardware_s + self.limits.watchdog_s
        with contextlib.suppress(SimulatorError):  # Each that is still on is judged.
            await self.boards.until(off, longest_s, "silence")

    async def _mend(self, one: Round) -> None:
        """What stands still without a watchdog goes on or is started anew; what has no power gets it."""
        seen = self.boards.snapshot(one.center)
        if not one.watched and seen.powered and one.first(KILL, FREEZE, STALL) is not None:
            if seen.pid is not None and self._dice.random() < 0.5:
                await self.boards.thaw(one.center)
            else:
                await self.boards.power(one.center, False)
        await self.boards.power(one.center, True)

    def _spells(self, name: str, since: float = 0.0) -> list[tuple[float, float]]:
        return [one for one in spells(self.boards.history(name), "siren", time.monotonic()) if one[0] >= since]

    def _judge(self, one: Round, began: float) -> None:
        one.spells = self._spells(one.center, began)
        self.trial.rounds.append(one)
        self.trial.violations += violations(one, self.limits)
        for on, off in one.spells:
            end, why = latest(one, on, self.limits)
            self.trial.worst_s[why] = max(self.trial.worst_s.get(why, off - end), off - end)
