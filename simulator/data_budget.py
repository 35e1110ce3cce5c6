"""What a gateway costs on its cellular line in a month, at IP level: measured on the real chain with short intervals, then reckoned.

Real central, gateway and mosquitto; twenty centers' sealed words come from here. Between gateway and broker stands the proxy, and
the kernel counts octets and segments there, acknowledgements too. Used by `make bench` and by a test.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from protocol.codes import CENTRAL, DRILL, MAINS_LOST
from protocol.topics import UP, topic
from simulator.city import City
from simulator.errors import SimulatorError
from simulator.plan import city as city_plan
from simulator.proxy import Proxy
from simulator.voice import Voice
from simulator.wire import Wire

CENTERS = 20
BUDGET_MB = 15.0
# IPv4 without options, TCP with timestamps.
HEADER = 52
MONTH_S = 30 * 86_400
SIGN_S = 57
DIGEST_S = 7200
# After this nothing more follows an exchange: the kernel's delayed acknowledgement takes 40 ms, central's receipt 200.
_ANSWERED_S = 0.4
_CALM_S = 1.5
# How many centers are listened to for what each of them says.
_SPEAKERS = 5
_DEADLINE_S = 30.0


@dataclass(frozen=True)
class Cost:
    """Of one exchange, both directions: octets of TCP payload, segments."""

    octets: float
    segments: float

    @property
    def ip(self) -> float:
        """Octets at IP level."""
        return self.octets + HEADER * self.segments


@dataclass(frozen=True)
class Item:
    """A line of the month's account."""

    what: str
    times: int
    cost: Cost

    @property
    def megabytes(self) -> float:
        """Of the month, in millions of octets."""
        return self.times * self.cost.ip / 1e6


def account(costs: dict[str, Cost]) -> list[Item]:
    """A month with 20 centers and shipped settings, the sign of life first.

    A digest goes instead of a sign; whatever else central answers puts the next sign off, by half its pause on average.
    """
    others = [
        Item("digest of 20 heartbeats each 2 h", MONTH_S // DIGEST_S, costs["digest"]),
        Item("two hellos of a center each 6 h, answered", CENTERS * 4 * 30, costs["hello"]),
        Item("event of a center, or answer: 4 alerts with 4 answers, 4 more", CENTERS * 20, costs["event"]),
        Item("report of a center, one a day, as long as the longest", CENTERS * 30, costs["report"]),
        Item("another connection, once a day", 30, costs["connection"]),
    ]
    digests, hellos, events = (item.times for item in others[:3])
    signs = MONTH_S // SIGN_S - digests - (hellos + events) // 2
    return [Item(f"sign of life {SIGN_S} s after the last word, answered", signs, costs["sign"]), *others]


class Line(City):
    """A city without boards, whose only gateway reaches the broker through a proxy; `voices` are its centers."""

    def __init__(self) -> None:
        super().__init__(city_plan(1, CENTERS), broker="mosquitto")
        self.voices: list[Voice] = []
        self._wires: list[Wire] = []

    async def start(self) -> None:
        """Start central and the brokers, and connect the centers' voices to the gateway's own broker."""
        self._enroll()
        for broker in self.brokers.values():
            broker.start()
        self._proxy = Proxy(self.brokers["broker"].port)
        await self._proxy.start()
        for service in self.services.values():
            service.start()
        self._http = httpx.AsyncClient(base_url=self.url, timeout=10)
        await self.central_up()
        for center in self.plan.centers:
            folder = self.device(center.name)
            _as_pem(folder)
            self.voices.append(Voice(folder))
            wire = Wire(center.name, folder, self.brokers["G000001 broker"].port)
            self._wires.append(await asyncio.to_thread(wire.open))

    async def stop(self) -> None:
        """End everything in order and remove the folder."""
        for wire in self._wires:
            wire.close()
        await super().stop()
        await self._proxy.stop()

    async def gateway(self, sign_s: float, digest_s: float) -> None:
        """The gateway anew with these intervals, until it begins to connect."""
        service, before = self.services["G000001"], self._proxy.counts["connections"]
        await asyncio.to_thread(service.stop)
        (self.folder / "G000001" / "gateway.toml").write_text(
            f'[folders]\nkeys = "{self.device("G000001")}"\nstate = "{self.folder / "G000001" / "state"}"\n'
            f'[uplink]\nhost = "localhost"\nport = {self._proxy.port}\nsign_s = {sign_s}\n'
            f'[local]\nhost = "localhost"\nport = {self.brokers["G000001 broker"].port}\n'
            f"[centers]\ndigest_s = {digest_s}\n"
        )
        service.start()
        await self._until(lambda: self._proxy.counts["connections"] > before, "the gateway does not connect")

    def say(self, word: Callable[[Voice], bytes]) -> None:
        """Every center says this."""
        for wire, voice in zip(self._wires, self.voices, strict=True):
            wire.send(topic(voice.name, UP), word(voice))

    async def said(self, *words: Callable[[Voice], bytes]) -> Cost:
        """What it costs that one center says these words; a pause between two centers, for each speaks when it likes."""
        before = self.carried()
        for wire, voice in zip(self._wires[:_SPEAKERS], self.voices, strict=False):
            for word in words:
                wire.send(topic(voice.name, UP), word(voice))
            await asyncio.sleep(_ANSWERED_S)
        await self.calm()
        return share(before, self.carried(), _SPEAKERS)

    def carried(self) -> Cost:
        """So far, on the present connection."""
        return Cost(*self._proxy.carried())

    async def calm(self) -> None:
        """Wait until nothing has gone over the line for a second and a half."""
        seen, since = self._proxy.counts.copy(), time.monotonic()
        while time.monotonic() - since < _CALM_S:
            await asyncio.sleep(0.05)
            if self._proxy.counts != seen:
                seen, since = self._proxy.counts.copy(), time.monotonic()

    async def exchanges(self, count: int) -> Cost:
        """What one of the next `count` exchanges costs that begin upwards, each in a chunk of its own."""
        await self._chunks(1)
        before = self.carried()
        await self._chunks(count)
        return share(before, self.carried(), count)

    async def _chunks(self, count: int) -> None:
        wanted = self._proxy.counts["up chunks"] + count
        await self._until(lambda: self._proxy.counts["up chunks"] >= wanted, "the gateway says nothing")
        await asyncio.sleep(_ANSWERED_S)

    async def _until(self, met: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not met():
            if time.monotonic() > deadline:
                raise SimulatorError(f"{what}: {self.services['G000001'].tail()}")
            await asyncio.sleep(0.02)


async def measure(count: int = 5) -> dict[str, Cost]:
    """The cost of one of each: connection, hello, report, event, sign, digest (`count` of those two). Raises SimulatorError."""
    line, costs = Line(), dict[str, Cost]()
    try:
        await line.start()
        await line.gateway(SIGN_S, DIGEST_S)
        await line.calm()
        costs["connection"] = line.carried()
        costs["hello"] = await line.said(lambda one: one.hello(CENTRAL), lambda one: one.hello(DRILL))
        costs["report"] = await line.said(Voice.report)
        costs["event"] = await line.said(lambda one: one.event(MAINS_LOST))
        await line.gateway(1, DIGEST_S)
        await line.exchanges(3)
        costs["sign"] = await line.exchanges(count)
        await line.gateway(1, 1)
        await line.exchanges(3)
        line.say(Voice.beat)
        await line.exchanges(3)
        costs["digest"] = await line.exchanges(count)
    finally:
        await line.stop()
    return costs


def share(before: Cost, after: Cost, count: int) -> Cost:
    """Of one of `count`."""
    return Cost((after.octets - before.octets) / count, (after.segments - before.segments) / count)


def _as_pem(folder: Path) -> None:
    """A center's files as a client on a computer wants them."""
    for name in ("ca", "cert"):
        (folder / f"{name}.pem").write_text(ssl.DER_cert_to_PEM_cert((folder / f"{name}.der").read_bytes()))
    key = ssl.DER_cert_to_PEM_cert((folder / "key.der").read_bytes())
    (folder / "key.pem").write_text(key.replace("CERTIFICATE", "EC PRIVATE KEY"))


def main() -> int:
    """Measure, and print the month's account; 1 when it is over the budget."""
    try:
        items = account(asyncio.run(measure()))
    except SimulatorError as error:
        print(f"data budget: {error}", file=sys.stderr)
        return 1
    for item in items:
        cost = item.cost
        print(
            f"{item.what:72} {item.times:6} x {cost.ip:7.0f} octets in {cost.segments:5.1f} segments {item.megabytes:6.2f} MB"
        )
    total = sum(item.megabytes for item in items)
    print(f"{'a month of 30 days':72} {total:44.2f} MB")
    return int(total > BUDGET_MB)


if __name__ == "__main__":
    sys.exit(main())
