"""One device's trouble stays its own: keys that are damaged, counters at their end, gateways that speak for others."""

from __future__ import annotations

import asyncio
import sqlite3

import httpx
import pytest

from central.api.access import Access
from central.api.alerts import AlertDoor
from central.api.application import application
from central.api.feed import Feed
from central.broker.mqtt import MqttBroker, tls
from central.commands.enroll import enrolment
from central.domain.alert import Alert
from central.domain.errors import Unavailable
from central.flows.intake import Recorded
from central.settings import load
from central.wiring import Central
from protocol import hop, report
from protocol.codes import CENTRAL
from protocol.keys import center_pair
from protocol.messages import COMMAND
from tests.central.players import CenterPlayer
from tests.central.rig import HOME, Installation, Rig

LAST_COUNTER = 0xFFFFFFFF


def test_an_app_sounds_no_group_of_another_municipality(rig: Rig) -> None:
    """Its key speaks for its own city; the alert is kept for that city's operators."""
    rig.greet(1)
    rig.taken()
    foreign = Alert("from-azul-1", 2, "general", "app", group=1, position=HOME)
    recorded = rig.run(rig.intake.record(foreign))
    assert (rig.taken(), recorded.plan) == ([], ["no group for this alert: operators only"])
    assert rig.reader.incidents(1) == []
    (kept,) = rig.reader.incidents(2)
    assert kept["id"] == str(recorded.incident)


def test_a_center_whose_counters_ran_out_costs_nobody_else_the_alert(rig: Rig) -> None:
    """A hello may tell of the highest counter there is; that center expires on the timeline, its neighbour sounds."""
    rig.greet(1, central=LAST_COUNTER)
    rig.greet(2)
    rig.taken()
    recorded = rig.alert()
    (frame,) = rig.frames(COMMAND.kind)
    assert rig.centers[2].command(frame).incident == recorded.incident
    assert [reason.endswith("could not be sealed") for reason in recorded.plan[1:]] == [True, False]
    rig.round(120)
    assert rig.states(recorded.incident) == ["expired", "expired"]


@pytest.mark.parametrize("table", ["gateway", "center"])
def test_a_damaged_key_in_the_database_costs_nobody_else_the_alert(installation: Installation, table: str) -> None:
    """The alert is saved whatever cannot be unwrapped, and the rounds of other gateways go on."""
    first = Rig(installation)
    for center in (1, 2, 3):
        first.greet(center)
    first.close()
    with sqlite3.connect(installation.database) as db:
        db.execute(f"UPDATE {table} SET root = zeroblob(60) WHERE number = 1")
    db.close()
    rig = Rig(installation)
    hurt, whole = rig.alert(), rig.alert(group=2)
    assert rig.states(hurt.incident) == ["pending", "pending"]
    commanded = [COMMAND.peek(frame).center for frame in rig.frames(COMMAND.kind)]
    expected = [3] if table == "gateway" else [2, 3]
    assert expected == commanded
    rig.round(3)
    assert expected == [COMMAND.peek(frame).center for frame in rig.frames(COMMAND.kind)]
    assert rig.states(whole.incident) == ["pending"]
    rig.close()


def test_envelopes_go_on_above_what_a_gateway_may_have_seen(rig: Rig) -> None:
    """A restored database knows lower numbers than the gateways; raising never lowers."""
    rig.greet(1)
    rig.taken()
    for floor in (500, 10):
        rig.run(rig.writer.write(lambda unit, floor=floor: unit.raise_hops(floor)))
    rig.alert()
    ((_, octets),) = rig.broker.sent
    assert int.from_bytes(octets[3:7], "big") == 501


def test_a_gateway_tells_of_its_own_centers_only(rig: Rig) -> None:
    """Whether others are up is not its to say, nor is a number that nobody enrolled."""
    words = [hop.presence(hop.Presence(number, 1, 5)) for number in (3, 999_999, 1)]
    rig.receive(1, rig.gateways[1].envelope(words))
    assert {number: status.up for number, status in rig.fleet.centers.items()} == {1: True}


def test_a_heartbeat_brought_by_another_gateway_is_no_sign_of_life(rig: Rig) -> None:
    """It was recorded somewhere; the center hangs on its own gateway."""
    rig.receive(1, rig.gateways[1].envelope([rig.centers[3].beat()]))
    assert rig.fleet.centers == {}


def test_a_report_shown_again_does_not_come_back(rig: Rig) -> None:
    """The newest sequence counts, whatever order they arrive in."""
    for sequence, volts in ((7, 12), (9, 11), (8, 13), (7, 12)):
        rig.receive(1, rig.gateways[1].envelope([_report(rig, sequence, {"volts": volts})]))
    assert rig.fleet.status(1).report == {"volts": 11}


def test_a_bad_frame_leaves_the_rest_of_its_envelope(rig: Rig) -> None:
    """A damaged heartbeat before a hello: the hello is answered."""
    bad = bytearray(rig.centers[1].beat())
    bad[-1] ^= 1
    rig.receive(1, rig.gateways[1].envelope([bytes(bad), rig.centers[1].hello()]))
    assert len(rig.taken()) == 1


def _report(rig: Rig, sequence: int, body: dict[str, int]) -> bytes:
    root = bytes.fromhex(rig.device(1)["root"])
    return report.seal(center_pair(root, 1, 0, CENTRAL).up, report.Report(CENTRAL, 0, 1, sequence, body))


def test_the_broker_link_outlives_whatever_a_library_raises(installation: Installation) -> None:
    """Without the link no command goes out: an error that nobody foresaw is logged, and it is tried again."""

    class Odd(MqttBroker):
        tries = 0

        async def _connected(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise AttributeError("a transport that is gone")
            again.set()

    async def main() -> None:
        nonlocal again
        again = asyncio.Event()
        link = Odd("S01", "localhost", 1, tls(installation.folder / "S01"), lambda _topic, _payload: None)
        running = asyncio.create_task(link.run())
        await asyncio.wait_for(again.wait(), 10)
        running.cancel()

    again = asyncio.Event()
    asyncio.run(main())


def test_a_service_that_lost_a_part_ends_and_says_so(installation: Installation) -> None:
    """Half a service is worse than none: it ends with an error, so that whoever watches it starts it again."""
    with installation.settings.open("a") as settings:
        settings.write("http_port = 0\n")
    central = Central(load(installation.settings))

    async def broken() -> None:
        raise RuntimeError("a part that fails")

    central._broker.run = broken  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="ended by itself"):
        asyncio.run(asyncio.wait_for(central.run(), 20))


def test_an_error_nobody_foresaw_is_answered_in_the_same_shape(rig: Rig, installation: Installation) -> None:
    """500 with a code and a sentence; nothing in it promises that something was saved."""

    async def ask() -> httpx.Response:
        access = Access(rig.reader.credentials)
        door, feed = AlertDoor(access, rig.intake, rig.reader), Feed(access, rig.reader)
        app = application(
            access, door, feed, rig.reader, rig.operators, rig.devices, rig.fleet, rig.faults, lambda: True
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {installation.app}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://central", headers=headers) as client:
            return await client.post("/v1/alerts", json={"id": "unforeseen-1", "class": "general"})

    rig.intake.record = _fails  # type: ignore[method-assign]
    response = rig.run(ask())
    assert (response.status_code, response.json()["error"]["code"]) == (500, "failed")


async def _fails(_alert: Alert) -> Recorded:
    raise RuntimeError("nobody foresaw this")


def test_what_is_enrolled_while_central_serves_is_known_without_a_restart(rig: Rig, installation: Installation) -> None:
    """A new center is greeted; a replaced gateway is spoken to under its new key."""
    rig.greet(1)
    rig.taken()
    with enrolment(installation.settings) as it:
        name = it.center(1, "G000001", HOME.lat, HOME.lon, "127.0.0.1", 8883, installation.folder)
        it.gateway(1, installation.folder, again=1)
    assert (rig.devices.refresh(), rig.devices.refresh()) == (True, False)
    rig.gateways[1] = rig.gateway_player(1)
    rig.centers[4] = CenterPlayer(rig.device(4))
    rig.greet(4)
    assert (name, len(rig.taken())) == ("C000004", 1)
    assert rig.alert().plan[-1].startswith("center 4: siren")
