"""`sereno-sim drill`: runs a script against a fresh city, records everything, and judges at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from simulator import intruder
from simulator.city import City, central_number, gateway_number
from simulator.demo import runtime
from simulator.errors import SimulatorError
from simulator.fob import FIXED, ROLLING, Fob, fob_key
from simulator.plan import city as city_plan
from simulator.proxy import Proxy
from simulator.script import Alert, Faults, FobPress, ModemAct, Script, Step, load
from simulator.verdict import Change, Entry, Verdict, judge
from simulator.wan import move, wan

_POLL_S = 0.1
_BLIP_US = 40


@dataclass(frozen=True)
class Result:
    """A drill's outcome."""

    name: str
    passed: bool
    seconds: float
    runtime: str
    broker: str
    verdicts: list[Verdict]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """For people."""
        lines = [
            f"{'met    ' if one.met else 'NOT MET'} {one.expected}" + ("" if one.met else f": {one.reason}")
            for one in self.verdicts
        ]
        head = f"{self.name}: {'passed' if self.passed else 'FAILED'} in {self.seconds:.1f} s ({self.runtime}, {self.broker})"
        return "\n".join([head, *lines])


async def run(path: Path, broker: str | None = None) -> Result:
    """Load, build, run, judge; raises SimulatorError when the drill itself could not be run."""
    script = load(path)
    city = City(city_plan(script.groups, script.centers_per_group), runtime(), broker, modems=script.modems)
    started = time.monotonic()
    try:
        await city.start()
        async with contextlib.AsyncExitStack() as lines:
            stage = _Stage(city, {name: await lines.enter_async_context(wan(city, name)) for name in script.lines})
            await stage.play(script)
            verdicts = await stage.judge(script)
        interpreter = city.boards.snapshot(city.plan.centers[0].name).runtime
    finally:
        await city.stop()
    passed = all(verdict.met for verdict in verdicts)
    return Result(script.name, passed, round(time.monotonic() - started, 1), interpreter, city.broker_kind, verdicts)


class _Stage:
    def __init__(self, city: City, lines: dict[str, Proxy]) -> None:
        self._city = city
        self._lines = lines
        self._began = 0.0
        self._wall = 0.0
        self._alerts: dict[str, str] = {}
        self._fobs: dict[tuple[int, int], Fob] = {}
        self._sent: dict[Fob, list[int]] = {}
        self._on_air: dict[str, float] = {}
        self._do: dict[str, Callable[[Any], Awaitable[object]]] = {
            "alert": self._alert,
            "press": lambda name: city.boards.press(name),
            "release": lambda name: city.boards.release(name),
            "kill": self._kill,
            "stop": self._stop,
            "start": self._start,
            "power_off": lambda name: city.boards.power(name, False),
            "power_on": lambda name: city.boards.power(name, True),
            "stall": lambda name: city.boards.stall(name),
            "freeze": lambda name: city.boards.freeze(name),
            "thaw": lambda name: city.boards.thaw(name),
            "evict": lambda name: intruder.evict(city, name),
            "retain": lambda name: intruder.retain(city, name),
            "half_open": self._half_open,
            "heal": self._heal,
            "move": lambda name: move(city, name, lines[name]),
            "modem": self._modem,
            "silence": self._silence,
        }
        self._do_at: dict[str, Callable[[str, Any], Awaitable[None]]] = {
            "fault": lambda name, fault: city.boards.fault(name, fault),
            "repair": lambda name, fault: city.boards.fault(name, fault, False),
            "set": self._set,
            "fob": self._fob,
            "type": lambda name, text: city.boards.type(name, text),
        }

    async def play(self, script: Script) -> None:
        """Do every step at its time, and let the time of the last expectation pass."""
        self._began, self._wall = time.monotonic(), time.time()
        pending = []
        for step in sorted(script.do, key=lambda one: one.at_s):
            await self._at(step.at_s)
            # A step that waits (an alert while central is down) must not hold up the next one.
            pending.append(asyncio.create_task(self._step(step)))
        await self._at(script.length_s)
        for task in pending:
            task.cancel() if not task.done() else task.result()

    async def judge(self, script: Script) -> list[Verdict]:
        """Verdicts on what was seen."""
        boards = self._city.boards
        outputs = {
            center.name: [Change(at - self._began, on) for at, on in boards.history(center.name)]
            for center in self._city.plan.centers
        }
        timelines = {}
        for alert, incident in self._alerts.items():
            entries = (await self._city.incident(incident))["timeline"]
            timelines[alert] = [Entry(one["at"] - self._wall, one["kind"], one["text"]) for one in entries]
        now_s = time.monotonic() - self._began
        known = await self._city.fleet()
        fleet = {
            center["center"]: [Entry(now_s - one["s_ago"], one["event"], "") for one in center["events"]]
            for center in known["centers"]
        }
        faults = Faults(
            silent=[one["gateway"] for one in known["gateways"] if one["silent"]],
            behind=[one["center"] for one in known["centers"] if one["behind"]],
            blackouts=[one["centers"] for one in known["blackouts"]],
        )
        return [judge(expect, outputs, timelines, fleet, faults) for expect in script.expect]

    async def _at(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self._began + at_s - time.monotonic()))

    async def _step(self, step: Step) -> None:
        what = getattr(step, step.action)
        if step.center is not None:
            await self._do_at[step.action](step.center, what)
        else:
            await self._do[step.action](what)

    async def _alert(self, alert: Alert) -> None:
        """As a phone does: again, with the same id, until it is answered."""
        fields: dict[str, Any] = {"class_": alert.class_, "age_s": alert.age_s, "group": alert.group}
        if alert.away:
            fields["position"] = {"lat": -32.89, "lon": -68.90, "accuracy_m": 10}
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await self._city.alert(f"drill-{alert.id}-0001", **fields)
                self._alerts[alert.id] = answer["incident"]
                return
            await asyncio.sleep(_POLL_S)

    async def _set(self, center: str, values: dict[str, int]) -> None:
        for name, value in values.items():
            await self._city.boards.set_input(center, name, value)

    async def _fob(self, center: str, press: FobPress) -> None:
        kind = {"fixed": FIXED, "rolling": ROLLING}[press.kind]
        fob = self._fobs.setdefault((kind, press.identity), Fob(kind, press.identity, 0))
        if press.key and not fob.key:
            fob.key = fob_key(int(press.key, 16), press.identity)
        if not press.again or fob not in self._sent:
            self._sent[fob] = [us for _, us in fob.press(press.button)]
        # A receiver knows by the silence before it that this is another press.
        silence_us = int((time.monotonic() - self._on_air.get(center, self._began)) * 1e6)
        await self._city.boards.radio(center, [_BLIP_US, max(1, silence_us), *self._sent[fob]])
        self._on_air[center] = time.monotonic()

    async def _kill(self, name: str) -> None:
        if name[0] == "C":
            await self._city.boards.kill(name)
        elif name in self._city.services:
            self._city.services[name].kill()
        else:
            self._broker(name).kill()

    async def _stop(self, name: str) -> None:
        if name in self._city.services:
            await asyncio.to_thread(self._city.services[name].stop)
        else:
            self._broker(name).stop()

    async def _start(self, name: str) -> None:
        if name in self._city.services:
            self._city.services[name].start()
        else:
            await asyncio.to_thread(self._broker(name).start)

    async def _half_open(self, gateway: str) -> None:
        """What stands carries nothing more, and no other connection gets through."""
        self._lines[gateway].half_open()
        await self._lines[gateway].refuse()

    async def _heal(self, gateway: str) -> None:
        self._lines[gateway].heal()
        await self._lines[gateway].refuse(False)

    async def _modem(self, what: ModemAct) -> None:
        number = central_number() if what.of == "central" else gateway_number(int(what.of[1:]))
        modem = next((one for one in self._city.modems if one.number == number), None)
        if modem is None:
            raise SimulatorError(f"{what.of} has no modem in this city")
        modem.act(what.act, what.value)

    async def _silence(self, alert: str) -> None:
        if alert not in self._alerts:
            raise SimulatorError(f"no alert {alert!r} has been answered yet, there is nothing to silence")
        await self._city.act(self._alerts[alert], "stop")

    def _broker(self, name: str) -> Any:
        try:
            return self._city.brokers[name]
        except KeyError:
            there = ", ".join([*self._city.services, *self._city.brokers])
            raise SimulatorError(f"there is no {name!r} in this city; there are: {there}") from None
