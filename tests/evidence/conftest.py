"""A third party's interpreter: pycose and nothing of ours, in an environment of its own, because its dependencies clash with ours."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# With cbor2 6 pycose 1.1.0 decodes no message at all ("Bytes cannot be decoded as COSE message").
REQUIREMENTS = ("pycose==1.1.0", "cryptography", "cbor2<6")
FOLDER = ROOT / ".cache" / "pycose-venv" / f"1.1.0-cbor2-5-python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="session")
def pycose() -> Path:
    """The interpreter that has pycose; one run at a time makes it, and a half-made one is made again."""
    ready = FOLDER / "ready"
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(FOLDER, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
            pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, *REQUIREMENTS], check=True)
            ready.touch()
    return FOLDER / "bin" / "python"
