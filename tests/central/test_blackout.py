"""A blackout is one event: hundreds of centers without mains are one line, one row, and in nobody's way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from central.commands.enroll import enrolment
from central.domain.blackout import FEWEST, GAP_S, Battery, blackouts, ranked
from protocol import codes
from protocol.messages import COMMAND
from protocol.topics import UP, gateway_name, topic
from tests.central.paper import NOW
from tests.central.players import CenterPlayer
from tests.central.rig import HOME, Installation, Rig

PANIC_ID = 1 << 63 | 1 << 32 | 5
CENTERS = 700


def gather(rig: Rig, messages: list[tuple[int, bytes]]) -> None:
    """Messages that come within one moment, as the wiring takes them: a task each, in the order of arrival."""

    async def together() -> None:
        await asyncio.gather(*(rig.uplink.receive(topic(gateway_name(to), UP), octets) for to, octets in messages))

    rig.run(together())


def lose_mains(rig: Rig, centers: list[int], status: int = codes.MAINS_LOST, **fields: Any) -> list[tuple[int, bytes]]:
    """What the gateways bring: each center's own sealed word, countersigned."""
    found = []
    for center in centers:
        player = rig.centers[center]
        gateway = rig.gateways[player.gateway]
        found.append((gateway.number, gateway.countersign(player.ack(status=status, **fields), int(rig.clock.at))))
    return found


def rounds(rig: Rig, seconds: int) -> list[Any]:
    """The lines of as many rounds, one a second."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(seconds):
            rig.clock.at += 1
            rig.faults.once()
    return [line for line in lines if line["event"].startswith("blackout")]


@pytest.fixture
def city(rig: Rig, installation: Installation) -> Rig:
    """Seven hundred centers behind the two gateways, enrolled like any."""
    with enrolment(installation.settings) as it:
        for number in range(4, CENTERS + 1):
            group = 1 + number % 2
            it.center(group, gateway_name(group), HOME.lat, HOME.lon, "127.0.0.1", 8883, installation.folder)
    rig.devices.refresh()
    rig.centers = {number: CenterPlayer(rig.device(number)) for number in range(1, CENTERS + 1)}
    return rig


def test_seven_hundred_lost_mains_are_one_warning_and_hide_no_alert(city: Rig) -> None:
    """All are stored and receipted; the press that overtook half of them opens its incident and commands its group."""
    city.greet(1)
    city.taken()
    messages = lose_mains(city, list(range(2, CENTERS + 1)))
    press = city.gateways[1].countersign(city.centers[1].ack(0, codes.PANIC, PANIC_ID), int(city.clock.at))
    messages.insert(CENTERS // 2, (1, press))
    with structlog.testing.capture_logs() as lines:
        gather(city, messages)
    assert [line for line in lines if line["log_level"] in ("warning", "error")] == []
    assert (city.reader.incidents(1)[0]["id"], len(city.frames(COMMAND.kind))) == (str(PANIC_ID), 1)
    # The press overtook more than a receipt's 32 bits can say: the gateway sends it again, as it does until it is receipted.
    city.receive(1, press)
    assert city.receipt(1).upto + city.receipt(2).upto == 2 * (1 << 24) + CENTERS
    (line,) = rounds(city, 120)
    assert (line["event"], line["log_level"], line["centers"], line["groups"]) == ("blackout", "warning", 699, 2)
    (told,) = city.faults.describe(1, city.clock.at)
    assert (told["centers"], sum(told["groups"].values()), sum(told["gateways"].values())) == (699, 699, 699)
    assert city.faults.describe(2, city.clock.at) == []


def test_a_blackout_is_told_when_it_has_stopped_growing(city: Rig) -> None:
    """With how many it is; one that never stops is told after a minute, and later ones add no line."""
    told = []
    for first in range(2, 200, 2):
        gather(city, lose_mains(city, [first, first + 1]))
        told += [(first // 2, line["centers"]) for line in rounds(city, 1)]
    assert told == [(61 + 1, 2 * (61 + 1))]


def test_a_blackout_ends_when_the_mains_are_back(city: Rig) -> None:
    """By the centers' own word, or by a heartbeat that measured it; then it is said once and shown no more."""
    gather(city, lose_mains(city, [1, 2, 4, 6]))
    assert [line["event"] for line in rounds(city, 30)] == ["blackout"]
    gather(city, lose_mains(city, [1], codes.MAINS_BACK))
    assert (rounds(city, 5), len(city.faults.describe(1, city.clock.at))) == ([], 1)
    # The player's heartbeats have the mains flag.
    city.receive(1, city.gateways[1].envelope([city.centers[4].beat()]))
    assert [(line["event"], line["centers"]) for line in rounds(city, 5)] == [("blackout over", 3)]
    assert city.faults.describe(1, city.clock.at) == []


def test_the_battery_that_ends_first_stands_first(rig: Rig) -> None:
    """By the hours of each center's last report; who never reported comes last."""
    for center, hours in ((1, 9.5), (2, 1.25)):
        gateway = rig.gateways[rig.centers[center].gateway]
        body: dict[str, Any] = {"health": {"battery": {"hours": hours}}}
        rig.receive(gateway.number, gateway.envelope([rig.centers[center].report(**body)]))
    gather(rig, lose_mains(rig, [1, 2, 3]))
    (told,) = rig.faults.describe(1, rig.clock.at)
    assert [(one["center"], one["hours"]) for one in told["batteries"]] == [
        ("C000002", 1.25), ("C000001", 9.5), ("C000003", None)
    ]  # fmt: skip


def test_what_a_report_says_of_hours_is_believed_only_as_a_number(rig: Rig) -> None:
    """Whatever a center writes there, the list is made."""
    status = rig.fleet.status(1)
    told: list[Any] = [None, [], {"battery": 3}, {"battery": {"hours": "9"}}, {"battery": {"hours": True}}]
    for health in told:
        status.report = {"health": health}
        assert status.hours_left() is None


def test_fewer_than_three_or_far_apart_is_no_blackout() -> None:
    """A fuse, a street; and centers that lost their mains on different days."""
    assert blackouts({1: NOW, 2: NOW}) == []
    assert blackouts({1: NOW, 2: NOW + GAP_S + 1, 3: NOW + 2 * GAP_S + 2}) == []
    (found,) = blackouts({3: NOW + 2 * GAP_S, 1: NOW, 2: NOW + GAP_S})
    assert (found.centers, found.first, found.last, FEWEST) == ((1, 2, 3), NOW, NOW + 2 * GAP_S, 3)
    assert [one.centers for one in blackouts({n: NOW + n // 3 * 1000 for n in range(6)})] == [(0, 1, 2), (3, 4, 5)]


def test_unknown_hours_are_ranked_by_voltage() -> None:
    """The lowest first."""
    batteries = [Battery(1, None, 12_800), Battery(2, None, 11_900), Battery(3, 20.0, 0)]
    assert [one.center for one in ranked(batteries)] == [3, 2, 1]
