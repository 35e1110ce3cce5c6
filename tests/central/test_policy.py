"""Classes of alert as data: what the lint and the file's reader say no to."""

from __future__ import annotations

from pathlib import Path

import pytest

from central import classes
from central.domain.errors import Refused
from central.domain.policy import Policy, lint, loud_codes
from protocol.codes import INDICATOR, LOUD, SIREN

GOOD = '[general]\ncode = 1\ntitle = "General"\nsilent = false\nhome = ["siren"]\naway = []\nduration_s = 30\n'


def policy(**changes: object) -> Policy:
    """A silent class that is in order, changed."""
    fields: dict[str, object] = {"name": "quiet", "code": 3, "title": "", "silent": True}
    fields |= {"home": INDICATOR, "away": 0, "duration_s": 30}
    return Policy(**(fields | changes))  # type: ignore[arg-type]


def test_the_shipped_classes_are_in_order_and_gender_violence_is_silent() -> None:
    """What a city gets without a file of its own."""
    shipped = classes.load(classes.SHIPPED)
    violence = shipped["gender_violence"]
    assert (lint(shipped), loud_codes(shipped)) == ([], [1, 2, 4, 5])
    assert (violence.silent, violence.home, violence.away) == (True, 0, 0)


@pytest.mark.parametrize("field", ["home", "away"])
@pytest.mark.parametrize("output", [1, 2, 4])
def test_a_silent_class_may_use_no_loud_output(field: str, output: int) -> None:
    """Siren, strobe and floodlight, at home and away."""
    assert output & LOUD
    (problem,) = lint({"quiet": policy(**{field: output | INDICATOR})})
    assert "is silent and may not use" in problem


@pytest.mark.parametrize(
    ("change", "word"), [({"code": 0}, "code"), ({"code": 256}, "code"), ({"duration_s": 181}, "duration")]
)
def test_numbers_that_no_frame_or_center_takes_are_named(change: dict[str, int], word: str) -> None:
    """One sentence each, with the class."""
    (problem,) = lint({"quiet": policy(**change)})
    assert problem.startswith("class quiet") and word in problem


def test_two_classes_never_share_a_code() -> None:
    """At the center the code is the class: a silent one must not take a loud one's."""
    (problem,) = lint({"quiet": policy(), "loud": policy(name="loud", silent=False, home=SIREN)})
    assert problem == "class loud: code 3 is already quiet's"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GOOD.replace("silent = false", "silent = true"), "is silent and may not use siren"),
        (GOOD.replace('"siren"', '"sirene"'), "home"),
        (GOOD.replace("code = 1", 'code = "1"'), "code"),
        (GOOD.replace("[general]", '["General Alert"]'), "String should match"),
        (GOOD + "loud = true\n", "loud"),
        ("[general\n", "is not TOML"),
    ],
)
def test_a_wrong_file_of_classes_is_one_sentence(tmp_path: Path, text: str, word: str) -> None:
    """The file and what is wrong in it."""
    path = tmp_path / "classes.toml"
    path.write_text(text)
    with pytest.raises(Refused) as refused:
        classes.load(path)
    assert str(path) in str(refused.value) and word in str(refused.value)


def test_a_missing_file_of_classes_is_one_sentence(tmp_path: Path) -> None:
    """It cannot be read, and why."""
    with pytest.raises(Refused, match="No such file"):
        classes.load(tmp_path / "none.toml")
