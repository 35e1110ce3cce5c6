"""The campaigns of `make prove`, shortened, and every shipped drill."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.vault import Vault
from protocol import codes
from simulator import campaign_soak, campaign_t1, campaign_t2, campaign_t4, drill
from simulator.city import City
from simulator.hostile import KINDS
from simulator.life import Life
from simulator.overtime import FREEZE, KILL, OF_BOARD, STALL, Limits, Round
from simulator.soak_faults import KINDS as FAULTS

DRILLS = sorted((Path(__file__).resolve().parents[2] / "simulator" / "drills").glob("*.toml"))


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_no_hostile_frame_moves_an_output(runtime: str) -> None:
    """T1, shortened: every kind on the real firmware, each legitimate frame between them acted on, refusals with their reasons."""
    siege = asyncio.run(campaign_t1.campaign(100 * len(KINDS), runtime, seed=20261124))
    assert siege.violations == []
    assert set(siege.sent) == set(KINDS)
    expected = (
        codes.STALE,
        codes.FUTURE,
        codes.WRONG_ADDRESSEE,
        codes.CLASS_SILENT,
        codes.UNKNOWN_ACTION,
        codes.DRILL_IS_SILENT,
    )
    for status in expected:
        assert siege.refusals[codes.status_name(status)] > 0, codes.status_name(status)


def test_no_hostile_short_message_moves_an_output() -> None:
    """T1 by SMS, shortened: bare, in forged envelopes and in authentic ones; what is legitimate between them is obeyed."""
    siege = asyncio.run(campaign_t1.campaign(30 * len(KINDS), "micropython", 20261124, sms=True))
    assert siege.violations == []
    assert set(siege.sent) == set(KINDS)
    assert siege.refusals[codes.status_name(codes.STALE)] > 0


def test_killing_central_loses_and_doubles_nothing() -> None:
    """T2, shortened: 20 kills under load."""
    assert asyncio.run(campaign_t2.campaign(20, seed=20261124)) == []


def test_killing_a_gateway_loses_and_doubles_nothing() -> None:
    """T2, shortened: 10 kills of the gateway between central and the centers, each in another moment of an alert."""
    assert asyncio.run(campaign_t2.campaign(10, 20261124, campaign_t2.GATEWAY)) == []


def test_a_bad_network_loses_and_doubles_no_order() -> None:
    """The soak, shortened: four centers, every kind of fault, every order answered, all synchronised in the end."""
    trial = asyncio.run(campaign_soak.campaign(4, 25, 20261124, campaign_soak.SHORT))
    assert trial.violations == []
    assert set(trial.figures["faults"]) == FAULTS
    assert trial.figures["sirens"] > 0
    assert trial.figures["answers_lost"] > 0
    assert trial.figures["memory"]["resident"]["centers"] == 4


def test_no_siren_outlasts_what_holds_it() -> None:
    """T4, shortened: one life of six centers, three alerts and a fourth that all of them refuse."""
    trial = asyncio.run(campaign_t4.campaign(18, 20261124, centers=6, whole=False))
    assert trial.violations == []
    assert len(trial.rounds) == 18
    assert {kind for one in trial.rounds for kind, _ in one.faults} & set(OF_BOARD)
    assert trial.refused == 6


class Sabotaged(Life):
    """Boards without timer relay; the first also without a watchdog though it is judged by one, a stall takes the interrupts along."""

    rest_s = 0.0

    def __init__(self, city: City, limits: Limits, dice: random.Random) -> None:
        super().__init__(city, limits, dice, replace(limits, hardware_s=1e6))

    async def watch(self, name: str, watched: bool) -> None:
        await super().watch(name, watched and name != "C000001")

    async def strike(self, kind: str, name: str) -> None:
        await super().strike(FREEZE if kind == STALL else kind, name)


def test_the_campaign_sees_each_control_that_is_taken_out() -> None:
    """Watchdog, timer relay, interrupts: the siren that each should have ended is told of, and the whole one is not."""
    plans = {
        "C000001": Round("C000001", True, [(KILL, 0.3)]),
        "C000002": Round("C000002", False, [(KILL, 0.3)]),
        "C000003": Round("C000003", False, [(STALL, 0.3)]),
        "C000004": Round("C000004", True, [(KILL, 0.3)]),
    }
    walk = lambda life: life.wave(plans.__getitem__)  # noqa: E731
    trial = asyncio.run(campaign_t4.live(4, campaign_t4.QUICK, 1, walk, Sabotaged))
    assert [(found[:7], found.rsplit(" its ")[-1]) for found in trial.violations] == [
        ("C000001", "watchdog"),
        ("C000002", "hardware timer"),
        ("C000003", "activation"),
    ]


class Forgetful(Life):
    """With every start between two alerts the center forgets what it has spent of its budget."""

    rest_s = 0.0
    refused_s = 10.0

    def __init__(self, city: City, limits: Limits, dice: random.Random) -> None:
        super().__init__(city, limits, dice, replace(limits, hardware_s=1e6))

    async def between(self, name: str) -> None:
        await self.boards.power(name, False)
        vault = Vault(f"{self._city.device(name)}/", os)
        state = vault.load(0)
        state.budget.spent = []
        vault.save(state)
        await self.boards.power(name, True)


def test_the_campaign_sees_a_budget_that_a_start_renews() -> None:
    """The center that forgot sounds a fourth time, the other refuses."""
    walk = lambda life: life.run(plan=Round)  # noqa: E731
    trial = asyncio.run(campaign_t4.live(2, campaign_t4.QUICK, 1, walk, Forgetful))
    assert trial.refused == 1
    assert "C000001 sounded for a fourth time" in trial.violations
    assert "C000001 sounded 4 times in 15 minutes" in trial.violations
    assert not any("C000002 sounded" in found for found in trial.violations)


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_every_shipped_drill_passes(path: Path) -> None:
    """Each expectation of each drill is met."""
    result = asyncio.run(drill.run(path, "mosquitto"))
    assert [verdict for verdict in result.verdicts if not verdict.met] == []
    assert result.runtime.startswith("MicroPython")


def test_there_are_drills() -> None:
    """The folder was found."""
    assert len(DRILLS) >= 4
