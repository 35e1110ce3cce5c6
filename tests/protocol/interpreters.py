"""The two interpreters that run `protocol`, as programs, each seeing this checkout alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MICROPYTHON = Path(sys.executable).with_name("micropython")
INTERPRETERS = {"cpython": Path(sys.executable), "micropython": MICROPYTHON}

_PATHS = {"PYTHONPATH": str(ROOT), "MICROPYPATH": f".frozen:{ROOT}"}


def run(interpreter: str, script: str, *arguments: str, said: str = "") -> str:
    """What a script of the checkout printed, errors included; fails when the interpreter is missing or the script failed."""
    program = INTERPRETERS[interpreter]
    assert program.exists(), f"{program} is missing: install the simulator extra, nothing is proved without it"
    done = subprocess.run(
        [str(program), str(ROOT / script), *arguments],
        input=said,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env=os.environ | _PATHS,
    )
    assert done.returncode == 0, f"{interpreter} ended with {done.returncode}:\n{done.stdout[-4000:]}"
    return done.stdout
