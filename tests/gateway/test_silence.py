"""Silence is noticed within 90 seconds at both ends, and a bad day is no silence: real flows and stores on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway.ports import UPLINK
from protocol.topics import topic
from tests.central.rig import Rig, enrol
from tests.gateway.desk import Desk
from tests.gateway.long_day import LongDay

DAY_S = 24 * 3600
LIMIT_S = 90


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Central, with two centers behind gateway 1."""
    made = Rig(enrol(tmp_path / "city"))
    yield made
    made.close()


@pytest.fixture
def day(tmp_path: Path, rig: Rig) -> LongDay:
    """Every twentieth message is lost or late."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    return LongDay(Desk(folder), rig, 0.05, seed=18)


def test_a_day_with_five_percent_loss_gives_no_false_alarm(day: LongDay) -> None:
    """Nobody is called silent, no connection is given up, MQTT is never counted as lost, at either end."""
    lost: list[float] = []

    def look() -> None:
        if day.at > 5 and not day.desk.state.proof.standing(day.desk.clock.at):
            lost.append(day.at)

    with structlog.testing.capture_logs() as lines:
        day.run(DAY_S, look)
    alarms = [line for line in lines if line["log_level"] in ("warning", "error") and line.get("gateway") != "G000002"]
    assert (alarms, lost, day.desk.uplink.drops, day.desk.log.count("presence")) == ([], [], [], 2)
    assert [day.rig.fleet.status(center).up for center in (1, 2)] == [True, True]


@pytest.mark.parametrize("phase_s", range(0, 60, 4))
def test_a_line_that_carries_nothing_is_noticed_at_both_ends(day: LongDay, phase_s: int) -> None:
    """Wherever in the gateway's minute it goes dark: the gateway makes another connection and takes the other bearer, central tells it."""
    day.run(120 + phase_s)
    day.dark = True
    seen: dict[str, int] = {}
    for passed in range(1, LIMIT_S + 1):
        day.run(1)
        if day.desk.uplink.drops:
            seen.setdefault("dropped", passed)
        if not day.desk.state.proof.standing(day.desk.clock.at):
            seen.setdefault("lost", passed)
        if day.rig.fleet.silent(1, day.rig.clock.at):
            seen.setdefault("silent", passed)
    assert sorted(seen) == ["dropped", "lost", "silent"]


def test_a_line_that_comes_back_is_believed_at_the_first_sealed_word(day: LongDay) -> None:
    """Both ends are as before within seconds of the next connection."""
    day.run(120)
    day.dark = True
    day.run(200)
    day.dark = False
    day.desk.link(UPLINK, False)
    day.desk.link(UPLINK, True)
    back_s = day.until(
        lambda: day.desk.state.proof.standing(day.desk.clock.at) and not day.rig.fleet.silent(1, day.rig.clock.at)
    )
    assert back_s <= 5


def test_a_center_that_falls_silent_is_shown_within_90_seconds(day: LongDay) -> None:
    """Its broker's last will shortens the wait, and the change of presence goes at once."""
    day.run(150)
    assert day.rig.fleet.status(2).up
    day.silent_centers.add(2)
    # The center's keepalive is 12 s; its broker waits for half as long again.
    last_will = day.desk.received("local", topic("C000002", "link"), b"0")
    day.later(18, lambda: day.desk.turns.turn([last_will]))
    assert day.until(lambda: not day.rig.fleet.status(2).up) <= LIMIT_S
    assert day.rig.fleet.status(1).up


def test_a_central_that_starts_again_soon_knows_all_again(day: LongDay) -> None:
    """It asks at the first sign of life; no hour passes until the next digest."""
    day.run(200)
    fleet = day.rig.fleet
    fleet.centers.clear()
    fleet._known.clear()
    assert day.until(lambda: fleet.status(1).up and fleet.status(2).up) <= 60
