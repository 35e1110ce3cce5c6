"""The gateway's part of `make bench`: what it adds to a message on its way, how fast it keeps, what it costs idle, how it starts full.

A real gateway process between two real brokers; the bench plays central on the one and a center on the other. Floors: the two
brokers' own round trips, and one durable SQLite commit, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509 import load_der_x509_certificate

from protocol import codes, countersign, hop
from protocol.keys import center_pair, gateway_pair
from protocol.layout import NO_NONCE, kind_of
from protocol.messages import ACK, COMMAND, KIND_ACK, KIND_COMMAND, Ack, Command
from protocol.topics import DOWN, UP, number_of, topic
from simulator.city import City
from simulator.errors import SimulatorError
from simulator.figures import Figure, percentile
from simulator.floors import commits, round_trips
from simulator.plan import city as city_plan
from simulator.wire import Wire

CENTERS = 20
MESSAGES = 60
FLOOD = 2000
BACKLOG = 100_000
IDLE_S = 20.0
_WAIT_S = 60.0


class Stretch:
    """Central at one end, a center at the other, the gateway between them; everything that is sent is sealed."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.gateway = city.plan.groups[0].gateway
        self.center = city.plan.centers[0].name
        keys = json.loads((city.device(self.gateway) / "keys.json").read_text())
        self._pair = gateway_pair(bytes.fromhex(keys["root"]), keys["gateway"])
        device = json.loads((city.device(self.center) / "device.json").read_text())
        self._seals = center_pair(bytes.fromhex(device["root"]), device["center"], device["epoch"], codes.CENTRAL)
        self._number, self._group, self._own = device["center"], device["group"], number_of(self.gateway)
        self._sequence = count(int(time.time()))
        self._counter = count(1_000_000)
        self._said = count(1)
        self.above = Wire("S01", city.device("S01"), city.brokers["broker"].port)
        self.below = Wire(self.center, _client(city, self.center), city.brokers[f"{self.gateway} broker"].port)

    def open(self) -> None:
        """Both ends connect."""
        self.above.open(topic(self.gateway, UP), topic("S01", DOWN))
        self.below.open(topic(self.center, DOWN))

    def close(self) -> None:
        """Both ends leave."""
        self.above.close()
        self.below.close()

    def down(self) -> float:
        """Seconds from central's publish to the center's side."""
        command = Command(
            codes.CENTRAL, 0, self._number, self._group, next(self._counter), int(time.time()), 5, 1, 1, 1,
            codes.PROBE, 0, 0,
        )  # fmt: skip
        frame = COMMAND.seal(self._seals.down, command, NO_NONCE)
        octets = hop.seal(self._pair.down, self._own, next(self._sequence), [frame])
        began = time.perf_counter()
        self.above.send(topic(self.gateway, DOWN), octets)
        self.below.wait(lambda _topic, got: kind_of(got) == KIND_COMMAND and got == frame, _WAIT_S)
        return time.perf_counter() - began

    def ack(self) -> bytes:
        """A sealed ack of the center's that was never said before."""
        message = Ack(
            codes.CENTRAL, 0, self._number, next(self._counter), 1, codes.ACCEPTED, 0, next(self._said), 0, 12_600
        )
        return ACK.seal(self._seals.up, message)

    def up(self) -> float:
        """Seconds from the center's publish to central's side, kept on disk and countersigned between."""
        ack = self.ack()
        began = time.perf_counter()
        self.below.send(topic(self.center, UP), ack)
        self.above.wait(lambda _topic, got: self._carries(got, ack), _WAIT_S)
        return time.perf_counter() - began

    def flood(self, number: int) -> float:
        """Acks a second, from the first publish until central's side has every one of them."""
        acks = {self.ack() for _ in range(number)}
        began = time.perf_counter()
        for ack in acks:
            self.below.send(topic(self.center, UP), ack)
        while acks:
            octets = self.above.wait(lambda _topic, got: got if kind_of(got) == KIND_ACK else None, _WAIT_S)
            acks.discard(countersign.unpack(octets).ack)
        return number / (time.perf_counter() - began)

    def receipt(self) -> None:
        """Central confirms everything of this epoch."""
        octets = hop.receipt(hop.Receipt((1 << 24) + 0xFFFF, 0))
        self.above.send(topic(self.gateway, DOWN), hop.seal(self._pair.down, self._own, next(self._sequence), [octets]))

    @staticmethod
    def _carries(octets: bytes, ack: bytes) -> bool:
        return kind_of(octets) == KIND_ACK and countersign.unpack(octets).ack == ack


def _client(city: City, center: str) -> Path:
    """PEM files of a center's certificate, which it has in DER."""
    source, folder = city.device(center), city.folder / f"{center} client"
    folder.mkdir(exist_ok=True)
    for stem in ("ca", "cert"):
        certificate = load_der_x509_certificate((source / f"{stem}.der").read_bytes())
        (folder / f"{stem}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    key = load_der_private_key((source / "key.der").read_bytes(), None)
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


async def gateway_figures(rounds: int) -> list[Figure]:
    """The figures; raises SimulatorError."""
    city = City(city_plan(1, CENTERS))
    try:
        await city.start()
        idle = await asyncio.to_thread(_idle, city)
        city.services["central"].stop()
        for center in city.plan.centers:
            await city.boards.power(center.name, False)
        return await asyncio.to_thread(_measured, Stretch(city), rounds) + idle
    finally:
        await city.stop()


def _idle(city: City) -> list[Figure]:
    """Memory and processor of a gateway with twenty centers and nothing going on; the floor is a bare interpreter."""
    process = psutil.Process(city.services[city.plan.groups[0].gateway].pid)
    before, began = process.cpu_times(), time.perf_counter()
    time.sleep(IDLE_S)
    after, lasted = process.cpu_times(), time.perf_counter() - began
    used = (after.user + after.system - before.user - before.system) / lasted
    resident = process.memory_info().rss / 1e6
    bare = psutil.Process().memory_info().rss / 1e6
    return [
        Figure("gateway_idle_memory", resident, "MB", bare, resident / bare),
        Figure("gateway_idle_processor", used * 100, "%", 100.0, used),
    ]


def _measured(stretch: Stretch, rounds: int) -> list[Figure]:
    seen: dict[str, list[list[float]]] = {name: [] for name in ("down", "up", "loops", "commits", "flood")}
    stretch.open()
    try:
        for number in range(rounds):
            seen["loops"].append(round_trips(stretch.above, topic("S01", DOWN), MESSAGES))
            seen["down"].append([stretch.down() for _ in range(MESSAGES)])
            seen["commits"].append(commits(stretch.city.folder / f"floor-{number}.db", MESSAGES))
            seen["up"].append([stretch.up() for _ in range(MESSAGES)])
            seen["flood"].append([stretch.flood(FLOOD)])
            stretch.receipt()
        figures = [
            _way(name, label, share, seen) for name in ("down", "up") for label, share in (("p50", 0.5), ("p99", 0.99))
        ]
        rate = statistics.median(one[0] for one in seen["flood"])
        single = 1 / statistics.median(percentile(one, 0.5) for one in seen["commits"])
        return [*figures, Figure("gateway_acks_kept", rate, "/s", single, rate / single), _full_start(stretch)]
    finally:
        stretch.close()


def _way(name: str, label: str, share: float, seen: dict[str, list[list[float]]]) -> Figure:
    """What is left of a way when the two brokers' own time (and the commit, which every way has) is not counted."""
    whole = statistics.median(percentile(one, share) for one in seen[name]) * 1000
    brokers = 2 * statistics.median(percentile(one, share) for one in seen["loops"]) * 1000
    return Figure(f"gateway_{name}_{label}", whole, "ms", brokers, whole / brokers)


def _full_start(stretch: Stretch) -> Figure:
    """Seconds from the start of a gateway with 100,000 acks on its disk until a new ack has passed; the floor: without them."""
    service = stretch.city.services[stretch.gateway]
    empty = _first_ack(stretch, service.restart)
    service.stop()
    settings = stretch.city.folder / stretch.gateway / "gateway.toml"
    settings.write_text(settings.read_text() + f"[outbox]\nmax_rows = {2 * BACKLOG}\n")
    db = sqlite3.connect(stretch.city.folder / stretch.gateway / "state" / "outbox.db")
    old = int(time.time()) - 3600
    first = (1 << 24) + 0x20000
    with db:
        rows = ((f"ack {n}", "answer", first + n, old, "", 0.0, None, stretch.ack()) for n in range(BACKLOG))
        db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute("UPDATE sequence SET last = ? WHERE name = 'outbox 1'", (first + BACKLOG,))
    db.close()
    full = _first_ack(stretch, service.start)
    return Figure("gateway_start_full", full, "s", empty, full / empty)


def _first_ack(stretch: Stretch, start: Callable[[], None]) -> float:
    ack = stretch.ack()
    stretch.below.send(topic(stretch.center, UP), ack)
    began = time.perf_counter()
    start()
    deadline = began + _WAIT_S
    while time.perf_counter() < deadline:
        # Nobody is subscribed until the gateway is there: said again until it comes through.
        stretch.below.send(topic(stretch.center, UP), ack)
        try:
            stretch.above.wait(lambda _topic, got: stretch._carries(got, ack), 0.2)
            return time.perf_counter() - began
        except SimulatorError:
            continue
    raise SimulatorError("the gateway carried nothing after its start")
