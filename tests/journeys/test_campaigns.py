"""The campaigns of `make prove`, shortened, and every shipped drill."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from protocol import codes
from simulator import campaign_t1, campaign_t2, drill
from simulator.hostile import KINDS

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


def test_killing_central_loses_and_doubles_nothing() -> None:
    """T2, shortened: 20 kills under load."""
    assert asyncio.run(campaign_t2.campaign(20, seed=20261124)) == []


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_every_shipped_drill_passes(path: Path) -> None:
    """Each expectation of each drill is met."""
    result = asyncio.run(drill.run(path, "mosquitto"))
    assert [verdict for verdict in result.verdicts if not verdict.met] == []
    assert result.runtime.startswith("MicroPython")


def test_there_are_drills() -> None:
    """The folder was found."""
    assert len(DRILLS) >= 4
