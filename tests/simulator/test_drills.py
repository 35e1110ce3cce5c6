"""The drills that ship are well formed. That they pass on real parts is shown by tests/journeys/test_campaigns.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.drill import run
from simulator.errors import SimulatorError
from simulator.script import load

DRILLS = sorted((Path(__file__).resolve().parents[2] / "simulator" / "drills").glob("*.toml"))


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_a_shipped_drill_is_well_formed(path: Path) -> None:
    """Each has a sentence that says what it shows, and expects something after its last step has begun."""
    script = load(path)
    assert script.about.endswith(".")
    assert max(one.between_s[1] for one in script.expect) > max(step.at_s for step in script.do)


def test_a_retained_command_is_not_played_beside_the_real_ones(tmp_path: Path) -> None:
    """The drill says that central and the gateway must be down first; it does not pass by accident."""
    path = tmp_path / "drill.toml"
    path.write_text(
        'name = "x"\ngroups = 1\ncenters_per_group = 1\n[[do]]\nat_s = 0\nretain = "C000001"\n[[expect]]\nbetween_s = [0, 2]\n'
        'output = { centers = ["C000001"], output = "siren", stays = "off" }\n'
    )
    with pytest.raises(SimulatorError, match="plays central and G000001"):
        asyncio.run(run(path, "mosquitto"))
