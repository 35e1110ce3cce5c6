"""Drill files: what is accepted, and how a wrong one is refused."""

from pathlib import Path

import pytest

from simulator.errors import SimulatorError
from simulator.script import load

GOOD = """
name = "general"
[[do]]
at_s = 1
alert = { id = "a", class = "general", group = 1 }
[[expect]]
between_s = [1, 5]
output = { centers = ["C000001"], output = "siren", turns = "on" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "drill.toml"
    path.write_text(text)
    return path


def test_a_good_drill_is_read_whole(tmp_path: Path) -> None:
    """Steps know their action, and the drill knows when its last expectation is decided."""
    script = load(written(tmp_path, GOOD))
    assert script.do[0].action == "alert"
    assert script.length_s == 5


@pytest.mark.parametrize(
    ("change", "to", "complaint"),
    [
        ("at_s = 1", "at_s = -1", "do.0.at_s"),
        ('alert = { id = "a", class = "general", group = 1 }', "", "exactly one thing"),
        ('output = "siren"', 'output = "gong"', "expect.0.output.output"),
        ('turns = "on"', 'turns = "on", stays = "on"', "either `turns`"),
        ("[1, 5]", "[5, 1]", "the earlier time first"),
        ("at_s = 1", 'at_s = 1\npress = "C000001"', "exactly one thing"),
        ('"C000001"', '"c1"', "centers"),
        ("[[do]]", "[[do", "is not TOML"),
        ('name = "general"', 'name = "general"\ncolour = "red"', "colour"),
    ],
)
def test_a_wrong_drill_is_refused_in_one_sentence(tmp_path: Path, change: str, to: str, complaint: str) -> None:
    """Whatever is wrong in a drill file is said with its place, before anything is started."""
    assert change in GOOD
    with pytest.raises(SimulatorError) as caught:
        load(written(tmp_path, GOOD.replace(change, to)))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist is said with the path."""
    with pytest.raises(SimulatorError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")
