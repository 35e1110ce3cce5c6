"""The same tests of the protocol on CPython and on the MicroPython of the alarm centers, and the same answers."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.both.answer import answer
from tests.protocol.frames import Sealed, mutated, sealed_frames
from tests.protocol.interpreters import INTERPRETERS, run

MODULES = ("primitives", "vectors", "window", "serial", "hostile")


def counts(interpreter: str, module: str) -> tuple[int, int]:
    """Passed and failed tests of one module under one interpreter."""
    said = run(interpreter, "tests/both/run.py", f"tests.both.{module}")
    found = re.search(r"^(\d+) passed, (\d+) failed$", said, re.MULTILINE)
    assert found, said
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("module", MODULES)
def test_both_interpreters_pass_the_same_tests(module: str) -> None:
    """Each module runs whole on both, the same number of tests, none failing."""
    results = {interpreter: counts(interpreter, module) for interpreter in INTERPRETERS}
    passed, failed = results["cpython"]
    assert passed > 0
    assert failed == 0
    assert results["micropython"] == results["cpython"]


def test_the_interpreters_are_what_they_are_called() -> None:
    """So that the comparison is one: MicroPython is not CPython under another name."""
    assert INTERPRETERS.keys() == {"cpython", "micropython"}
    names = {name: run(name, "tests/both/who.py").strip() for name in INTERPRETERS}
    assert names == {"cpython": "cpython", "micropython": "micropython"}


def test_both_interpreters_give_the_same_answers() -> None:
    """Some thousand generated frames, half of them mutated: the same fields, the same seals, the same refusals."""
    asked: list[str] = []
    expected: list[str] = []

    @settings(
        max_examples=520, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(sealed_frames(), st.data())
    def collect(frame: Sealed, data: st.DataObject) -> None:
        for octets in (frame.octets, data.draw(mutated(frame.octets))):
            asked.append(f"{frame.reader} {frame.key.hex()} {frame.nonce.hex()} {octets.hex()}")
            expected.append(answer(asked[-1]))

    collect()
    answers = run("micropython", "tests/both/answer.py", said="\n".join(asked) + "\n").splitlines()
    assert answers == expected
    refusals = [line for line in answers if line in ("Malformed", "BadTag")]
    assert len(answers) >= 1000
    assert 400 <= len(refusals) <= len(answers) - 400
    assert set(refusals) == {"Malformed", "BadTag"}
