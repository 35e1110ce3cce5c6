"""The drills that ship pass on real parts: brokers, services, firmware on MicroPython. What they expect is in their files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.drill import run
from simulator.errors import SimulatorError
from simulator.script import load

DRILLS = sorted((Path(__file__).resolve().parents[2] / "simulator" / "drills").glob("*.toml"))
# Three incidents of other systems, and what a hand can do to a center.
WALKED = ("fob", "relay-stuck", "retained", "standstill", "subscription-lost", "supply")


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_a_shipped_drill_is_well_formed(path: Path) -> None:
    """Each has a sentence that says what it shows, and expects something after its last step has begun."""
    script = load(path)
    assert script.about.endswith(".")
    assert max(one.between_s[1] for one in script.expect) > max(step.at_s for step in script.do)


@pytest.mark.parametrize("name", WALKED)
def test_a_shipped_drill_passes(name: str) -> None:
    """As `sereno-sim drill` runs it."""
    result = asyncio.run(run(next(path for path in DRILLS if path.stem == name), "mosquitto"))
    assert result.passed, result.as_text()


def test_a_retained_command_is_not_played_beside_the_real_ones(tmp_path: Path) -> None:
    """The drill says that central and the gateway must be down first; it does not pass by accident."""
    path = tmp_path / "drill.toml"
    path.write_text(
        'name = "x"\ngroups = 1\ncenters_per_group = 1\n[[do]]\nat_s = 0\nretain = "C000001"\n[[expect]]\nbetween_s = [0, 2]\n'
        'output = { centers = ["C000001"], output = "siren", stays = "off" }\n'
    )
    with pytest.raises(SimulatorError, match="plays central and G000001"):
        asyncio.run(run(path, "mosquitto"))
