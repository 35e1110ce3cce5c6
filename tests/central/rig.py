"""An enrolled throw-away installation, and central's flows on its real store with a fake broker and a settable clock."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sqlite3
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from central import classes
from central.commands.enroll import enrolment
from central.devices import Devices
from central.domain.alert import Alert, Position
from central.domain.bearer import SmsPolicy
from central.domain.owed import Owed
from central.flows.acks import Acks
from central.flows.dispatch import Sealer
from central.flows.events import Events
from central.flows.faults import Faults
from central.flows.fleet import Fleet
from central.flows.greetings import Greetings
from central.flows.intake import Intake, Recorded
from central.flows.links import Links
from central.flows.operators import Operators
from central.flows.releases import Releases
from central.flows.remote import Remote
from central.flows.rounds import Rounds
from central.flows.sms import SmsRounds
from central.flows.uplink import Uplink
from central.store.database import connect
from central.store.images import Images
from central.store.keyring import Keyring
from central.store.reader import Reader
from central.store.unit import Unit
from central.store.writer import Writer
from protocol import codes, hop
from protocol.topics import UP, center_name, gateway_name, topic
from tests.central.paper import NOW, Clock, FakeBroker, PaperSms
from tests.central.players import CenterPlayer, GatewayPlayer

T = TypeVar("T")

NUMBERS = {1: "+5492614000001", 2: "+5492614000002"}
# Group 1 is the square around HOME; group 2 lies a kilometre further east.
HOME = Position(-34.6000, -58.4000)
AWAY = Position(-34.7000, -58.9000)
SQUARES = {1: (-58.405, -34.605, -58.395, -34.595), 2: (-58.385, -34.605, -58.375, -34.595)}


@dataclass(frozen=True)
class Installation:
    """Where the files of an enrolled installation are, and its secrets."""

    folder: Path
    app: str
    operator: str
    foreign_operator: str

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "central.toml"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "state" / "central.db"

    def copy(self, to: Path) -> Installation:
        """The same installation in another folder, free to be changed."""
        shutil.copytree(self.folder, to)
        return Installation(to, self.app, self.operator, self.foreign_operator)


def square(group: int) -> tuple[tuple[float, float], ...]:
    """The closed ring of a group's polygon."""
    west, south, east, north = SQUARES[group]
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


def enrol(folder: Path) -> Installation:
    """Centers 1 and 2 in group 1 behind gateway 1; center 3 in group 2 behind gateway 2; a second municipality."""
    folder.mkdir()
    settings = folder / "central.toml"
    settings.write_text('state = "state"\nprocess = "S01"\n')
    with enrolment(settings) as it:
        city, other = it.municipality("Tandil"), it.municipality("Azul")
        it.broker(city, ["localhost", "127.0.0.1"], folder / "broker")
        it.process(city, folder)
        for group, count in ((1, 2), (2, 1)):
            it.group(city, f"Barrio {group}", square(group))
            name = it.gateway(city, folder, number=NUMBERS[group])
            for _ in range(count):
                it.center(group, name, HOME.lat, HOME.lon, "127.0.0.1", 8883, folder)
        keys = (it.credential("app", city, "app"), it.credential("operator", city, "Ana"))
        return Installation(folder, *keys, it.credential("operator", other, "Beto"))


BUTTONS = dict.fromkeys(codes.LOUD_PRESSES, "general") | dict.fromkeys(codes.SILENT_PRESSES, "gender_violence")


class Rig:
    """Central without its doors. Every verb runs to its end before it returns."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.clock, self.broker, self.sms = Clock(), FakeBroker(), PaperSms()
        self.links, self.owed_by_sms = Links(self.broker, NOW, SmsPolicy()), Owed()
        path, master = installation.database, installation.folder / "state" / "master.key"
        self.writer = Writer(path)
        self.writer.start()
        self.reader = Reader(path)
        self._devices_db = connect(path, read_only=True)
        self.devices = Devices(self._devices_db, Keyring.load(master))
        self.devices.reload()
        sealer, self.fleet, self.owed = Sealer(self.devices), Fleet(), set[int]()
        self.faults = Faults(self.fleet, self.devices, self.clock)
        ids = itertools.count(7_000_000_000_000_000_001)
        world = (self.writer, self.broker, self.clock)
        self.intake = Intake(*world, self.devices, classes.load(classes.SHIPPED), sealer, lambda: next(ids))
        self.rounds = Rounds(*world, sealer)
        self.operators = Operators(*world, sealer)
        self.acks = acks = Acks(
            *world,
            self.devices,
            self.devices,
            sealer,
            Events(self.devices, sealer, self.intake, BUTTONS),
            self.fleet,
            self._owe,
        )
        images = Images(installation.folder / "state" / "releases")
        self.releases = Releases(*world, self.devices, self.devices, sealer, images)
        greetings = Greetings(*world, self.devices, self.devices, sealer, self.fleet, self.releases, self.owed_by_sms)
        self.remote = Remote(*world, sealer)
        flows = (acks, greetings, self.releases, self.links, self.remote)
        self.uplink = Uplink(*world, self.devices, self.devices, sealer, self.fleet, *flows)
        self.sms_rounds = SmsRounds(
            self.writer, self.sms, self.clock, sealer, self.links, self.owed_by_sms, SmsPolicy()
        )
        self.gateways = {n: self.gateway_player(n) for n in (1, 2)}
        self.centers = {n: CenterPlayer(self.device(n)) for n in (1, 2, 3)}
        self._ids = itertools.count(1)

    def close(self) -> None:
        """Let go of the database."""
        self.writer.stop()
        self.reader.close()
        self._devices_db.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine with a deadline."""
        return asyncio.run(asyncio.wait_for(work, 10))

    def alert(self, class_name: str = "general", *, id: str | None = None, **fields: Any) -> Recorded:
        """One alert of an app; without a group or position it is of group 1."""
        fields = fields if "position" in fields or "group" in fields else {**fields, "group": 1}
        name = id or f"alert-{next(self._ids):06d}"
        return self.run(self.intake.record(Alert(name, 1, class_name, "app", reporter=None, **fields)))

    def receive(self, gateway: int, octets: bytes) -> None:
        """One message on a gateway's topic."""
        self.run(self.uplink.receive(topic(gateway_name(gateway), UP), octets))

    def greet(self, center: int, **changes: Any) -> None:
        """A center's hello, carried by its gateway."""
        player = self.centers[center]
        gateway = self.gateways[player.gateway]
        self.receive(gateway.number, gateway.envelope([player.hello(**changes)]))

    def ack(self, center: int, **fields: Any) -> bytes:
        """A center's ack, countersigned and received; the 120 octets."""
        player = self.centers[center]
        gateway = self.gateways[player.gateway]
        octets = gateway.countersign(player.ack(**fields), int(self.clock.at))
        self.receive(gateway.number, octets)
        return octets

    def short(self, octets: bytes) -> bool:
        """One short message from whomever; whether it may be forgotten."""
        return self.run(self.uplink.receive_sms(octets))

    def sms_round(self, later_s: float = 0.0) -> list[tuple[int, list[bytes]]]:
        """Let time pass, then one round of short messages; the gateway and frames of each."""
        self.clock.at += later_s
        self.run(self.sms_rounds.once())
        sent, self.sms.sent = self.sms.sent, []
        numbers = {number: gateway for gateway, number in NUMBERS.items()}
        assert all(len(octets) <= hop.SMS_SIZE for _, octets in sent)
        return [(numbers[to], self.gateways[numbers[to]].open(octets)) for to, octets in sent]

    def _owe(self, gateway: int, bearer: int, status: int, confirm: bytes) -> None:
        self.owed.add(gateway)
        if bearer == codes.BEARER_SMS:
            self.owed_by_sms.receipt(gateway, status, confirm, self.clock.at)

    def round(self, later_s: float = 0.0) -> None:
        """Let time pass, then one round."""
        self.clock.at += later_s
        self.run(self.rounds.once())

    def taken(self) -> list[tuple[int, bytes]]:
        """The frames sent since the last call, with the gateway of each; the envelopes' seals are checked."""
        sent, self.broker.sent = self.broker.sent, []
        return [(number, frame) for number, octets in sent for frame in self.gateways[number].open(octets)]

    def frames(self, kind: int) -> list[bytes]:
        """The frames of one kind among those taken."""
        return [frame for _, frame in self.taken() if frame[0] >> 2 & 0x0F == kind]

    def commands(self, incident: int) -> list[dict[str, Any]]:
        """An incident's commands as rows, in the order of issue."""
        found = self.reader.incident(1, incident)
        assert found is not None
        return list(found["commands"])

    def states(self, incident: int) -> list[str]:
        """The states of an incident's commands."""
        return [row["state"] for row in self.commands(incident)]

    def state(self, incident: int) -> str:
        """An incident's own state."""
        found = self.reader.incident(1, incident)
        assert found is not None
        return str(found["state"])

    def kinds(self, incident: int) -> list[str]:
        """The kinds of an incident's timeline entries."""
        return [entry["kind"] for entry in self.reader.entries_of(incident)]

    def refusals(self) -> list[str]:
        """Why things were not believed, oldest first."""
        return [row["reason"] for row in reversed(self.reader.refusals())]

    def receipt(self, gateway: int) -> hop.Receipt:
        """What central holds of a gateway's outbox."""
        return hop.Receipt(*self.run(self.writer.write(lambda unit: _receipt(unit, gateway))))

    def snapshot(self) -> list[Any]:
        """Every row that an unbelieved message must not change."""
        with sqlite3.connect(f"file:{self.installation.database}?mode=ro", uri=True) as db:
            tables = ("incident", "alert", "command", "ack", "entry", "center")
            rows = [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]
        db.close()
        return rows

    def gateway_player(self, number: int) -> GatewayPlayer:
        """A gateway with the keys that enrolment wrote last."""
        return GatewayPlayer(number, self._json(gateway_name(number), "keys.json"))

    def device(self, center: int) -> dict[str, Any]:
        """What enrolment wrote for a center."""
        return self._json(center_name(center), "device.json")

    def _json(self, folder: str, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.installation.folder / folder / name).read_text())
        return content


def _receipt(unit: Unit, gateway: int) -> tuple[int, int]:
    return unit.receipt(gateway)
