"""Campaign T1: hostile frames of every kind against the real firmware, by MQTT, with legitimate frames between them.

The campaign holds the gateway's certificate on the center's broker (root there) and plays central with the center's own
root, so that it can also make frames that are validly sealed and must still be refused. Violations: an output other than the
one a legitimate frame asked for, or a legitimate frame that was not acted on.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter

from protocol import codes
from protocol.errors import ProtocolError
from protocol.layout import kind_of
from protocol.messages import ACK, HELLO, KIND_ACK, KIND_HELLO, TIME, Command, Time
from protocol.topics import DOWN, UP, topic
from simulator.city import City, central_number, gateway_number
from simulator.errors import SimulatorError
from simulator.hostile import KINDS, Target, make
from simulator.plan import city as city_plan
from simulator.sms_wire import SmsWire
from simulator.wire import Wire

# Hostile frames between two legitimate ones. A probe must be answered behind them: then all were looked at.
BATCH = 200
# Every so many batches the legitimate frame moves the indicator, which no hostile frame may do.
MOVE_EVERY = 10
_ANSWER_S = 90.0  # a hello goes by SMS at most once a minute
_INDICATOR = codes.ACTIVATE | codes.INDICATOR


class Siege:
    """One center under attack; `violations` are sentences."""

    def __init__(self, city: City, name: str, seed: int, wire: Wire | SmsWire) -> None:
        self._city = city
        self._name = name
        self._dice = random.Random(seed)  # noqa: S311 - reproducible by its seed
        self.wire = wire
        device = json.loads((city.device(name) / "device.json").read_text())
        self.target = Target(device["center"], device["group"], bytes.fromhex(device["root"]))
        self.violations: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._incident = 1
        self._moved = 0

    async def run(self, frames: int) -> None:
        """Send `frames` hostile frames, evenly of every kind."""
        await asyncio.to_thread(self.wire.open, topic("+", UP))
        try:
            await self._restart()
            kinds = list(KINDS)
            for number in range(0, frames, BATCH):
                for offset in range(min(BATCH, frames - number)):
                    kind = kinds[(number + offset) % len(kinds)]
                    self.wire.attack(topic(self._name, DOWN), make(kind, self.target, int(time.time()), self._dice))
                    self.sent[kind] += 1
                await self.legitimate(moves=number // BATCH % MOVE_EVERY == 0)
        finally:
            self.wire.close()
        self._judge()

    async def _restart(self) -> None:
        """Use some frames in one boot, then cut the power, so that frames of an earlier boot exist."""
        await self.synchronise()
        for _ in range(8):
            self.target.earlier.append(self.target.seal(self._probe()))
            # Also some of the earlier boot that were never delivered: their counters are unused.
            self.target.earlier.append(self.target.seal(self.target.command(int(time.time()), ttl=300)))
        await self.synchronise()
        for _ in range(4):
            await self.legitimate(moves=False)

    async def synchronise(self) -> None:
        """Cut the power, and answer the hellos of the new boot."""
        await self._city.boards.power(self._name, False)
        await self._city.boards.power(self._name, True)
        deadline = time.monotonic() + _ANSWER_S
        answered = False
        while not answered:
            if time.monotonic() > deadline:
                raise SimulatorError(f"{self._name} did not say hello")
            answered = await asyncio.to_thread(self.wire.wait, self._greet, _ANSWER_S)
        self.target.captured.clear()

    def _greet(self, _topic: str, frame: bytes) -> bool:
        """Answer hellos as central does; true once the central one was answered."""
        try:
            if kind_of(frame) != KIND_HELLO:
                return False
            claimed = HELLO.peek(frame)
            pair = self.target.pairs[claimed.authority]
            hello = HELLO.open(pair.up, frame)
        except ProtocolError:
            return False
        self.target.nonce = hello.nonce
        told = {codes.CENTRAL: hello.central, codes.LOCAL: hello.local, codes.DRILL: hello.drill}
        for authority, counter in told.items():
            self.target.counters[authority] = max(self.target.counters.get(authority, 0), counter)
        floor = self.target.counters[hello.authority]
        answer = Time(hello.authority, hello.epoch, hello.center, int(time.time()), 0, floor, hello.request)
        self.wire.send(topic(self._name, DOWN), TIME.seal(pair.down, answer, hello.nonce))
        return bool(hello.authority == codes.CENTRAL)

    def _probe(self, action: int = codes.PROBE) -> Command:
        self._incident += 1
        return self.target.command(
            int(time.time()), counter=self.target.next_counter(), action=action, duration=1, incident=self._incident
        )

    async def legitimate(self, *, moves: bool) -> None:
        """A frame that must be obeyed, behind all hostile ones: its ack also says that those were looked at."""
        if moves:
            # On a quick interpreter the indicator of the move before may still be on, and would hide this one.
            await self._city.boards.until(lambda: not self._city.boards.on(self._name, "indicator"), 5, "a rest")
        command = self._probe(_INDICATOR if moves else codes.PROBE)
        counter = self.target.counters[codes.CENTRAL]
        frame = self.target.seal(command)
        began = time.monotonic()
        self.wire.send(topic(self._name, DOWN), frame)
        self.target.captured.append(frame)
        del self.target.captured[:-64]

        def answered(_topic: str, octets: bytes) -> int:
            if kind_of(octets) == KIND_HELLO:
                self._greet(_topic, octets)
            if kind_of(octets) != KIND_ACK or len(octets) != ACK.size:
                return 0
            ack = ACK.open(self.target.pairs[ACK.peek(octets).authority].up, octets)
            if codes.refused(ack.status):
                self.refusals[codes.status_name(ack.status)] += 1
            return int(ack.status) if ack.counter == counter and ack.authority == codes.CENTRAL else 0

        try:
            status = await asyncio.to_thread(self.wire.wait, answered, _ANSWER_S)
        except SimulatorError:
            self.violations.append(f"legitimate frame {counter} was not answered")
            return
        if status != codes.ACCEPTED:
            self.violations.append(f"legitimate frame {counter} was answered {codes.status_name(status)}")
        elif moves:
            lit = lambda: self._city.boards.times_on(self._name, "indicator", began)  # noqa: E731
            try:
                await self._city.boards.until(lit, 5, f"the indicator of frame {counter}")
            except SimulatorError as error:
                self.violations.append(str(error))
            else:
                self._moved += 1

    def _judge(self) -> None:
        for output in ("siren", "strobe", "floodlight"):
            times = self._city.boards.times_on(self._name, output)
            if times:
                self.violations.append(f"{output} of {self._name} was energised {times} times")
        indicated = self._city.boards.times_on(self._name, "indicator")
        if indicated > self._moved:
            self.violations.append(f"indicator on {indicated} times, asked {self._moved} times")


async def campaign(frames: int, runtime: str, seed: int, sms: bool = False) -> Siege:
    """A fresh center on one interpreter, `frames` hostile frames by MQTT or by SMS; the siege with what it saw."""
    city = City(city_plan(1, 1), runtime, modems=sms)
    gateway = city.plan.groups[0].gateway
    try:
        await city.start()
        city.services["central"].kill()
        wire: Wire | SmsWire
        if sms:
            # The gateway stays, with nothing but its modem towards central.
            city.brokers["broker"].kill()
            wire = SmsWire(city.modems, gateway_number(1), central_number(), city.device(gateway), seed)
        else:
            # The gateway would answer hellos too; here the campaign is all that the center talks to.
            city.services[gateway].kill()
            wire = Wire(gateway, city.device(gateway), city.brokers[f"{gateway} broker"].port)
        siege = Siege(city, "C000001", seed, wire)
        await siege.run(frames)
        return siege
    finally:
        await city.stop()
