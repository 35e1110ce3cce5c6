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


ALERT = 'alert = { id = "a", class = "general", group = 1 }'
ACTIONS_AT_CENTERS = """
name = "hands"
do = [
  { at_s = 1, center = "C000001", fault = "stuck" },
  { at_s = 2, center = "C000001", repair = "stuck" },
  { at_s = 3, center = "C000001", set = { mains = 0, battery_mv = 11500, light = -1 } },
  { at_s = 4, center = "C000001", fob = { kind = "rolling", identity = 7, key = "0123456789abcdef", again = true } },
  { at_s = 5, center = "C000001", type = "identify" },
  { at_s = 6, stall = "C000001" },
  { at_s = 7, thaw = "C000001" },
  { at_s = 8, freeze = "C000001" },
  { at_s = 9, evict = "G000001" },
  { at_s = 10, retain = "C000001" },
]
expect = [{ between_s = [1, 5], fleet = { centers = ["C000001"], event = "mains lost" } }]
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


def test_what_a_hand_does_to_a_center_is_read(tmp_path: Path) -> None:
    """Faults, inputs, fobs, the console, a program that stands still, and somebody on the wire."""
    script = load(written(tmp_path, ACTIONS_AT_CENTERS))
    assert [step.action for step in script.do] == [
        "fault", "repair", "set", "fob", "type", "stall", "thaw", "freeze", "evict", "retain",
    ]  # fmt: skip
    assert script.do[2].set == {"mains": 0, "battery_mv": 11500, "light": -1}


def test_what_a_hand_does_to_a_line_or_a_modem_is_read(tmp_path: Path) -> None:
    """The drill knows whose lines it needs, and that a modem wants a city with modems."""
    hands = """modems = true
    [[do]]
    at_s = 2
    half_open = "G000002"
    [[do]]
    at_s = 3
    heal = "G000002"
    [[do]]
    at_s = 4
    move = "G000001"
    [[do]]
    at_s = 5
    modem = { of = "central", act = "signal", value = "-90" }
    """
    script = load(written(tmp_path, GOOD.replace("[[do]]", f"{hands}[[do]]", 1)))
    assert script.lines == ["G000001", "G000002"]
    assert [step.action for step in script.do] == ["half_open", "heal", "move", "modem", "alert"]


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
        ("at_s = 1", 'at_s = 1\ncenter = "C000001"', "want `center`"),
        (ALERT, 'fault = "stuck"', "want `center`"),
        (ALERT, 'modem = { of = "G000001", act = "hang" }', "wants `modems = true`"),
        (ALERT, 'modem = { of = "G000001", act = "sing" }', "'sing' is none of: power_on"),
        (ALERT, 'center = "C000001"\nfault = "rust"', "'rust' is none of: stuck, stuck_path, dead"),
        (ALERT, 'center = "C000001"\nset = { voltage = 1 }', "'voltage' is none of: panic, silent, tamper, mains"),
        (ALERT, 'center = "C000001"\nset = { mains = "no" }', "do.0.set.mains"),
        (ALERT, 'center = "C000001"\nfob = { kind = "loud", identity = 1 }', "do.0.fob.kind"),
        ('output = { centers = ["C000001"], output = "siren", turns = "on" }', "", "about `faults`"),
        ('turns = "on" }', 'turns = "on" }\nfleet = { centers = [], event = "motion" }', "about `faults`"),
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
