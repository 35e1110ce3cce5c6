"""The gate "unit files" of `check.py`: what is shipped for systemd is understood by it, confined, and its scripts parse.

Exposure is the figure of `systemd-analyze security` (0 to 10, less is better). It judges the files and starts nothing.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_EXPOSURE = 1.9


def unit_files() -> str:
    """The problems of every unit and script in `deploy/`; empty when there are none."""
    package = said("sh", "scripts/system", "systemd", "the unit files cannot be judged")
    if package:
        return package
    units = sorted((ROOT / "deploy").rglob("*.service"))
    problems = [] if units else ["deploy/ holds no unit file; this gate looks in the wrong place"]
    problems += [verified(unit) for unit in units] + [confined(unit) for unit in units]
    problems += [said("sh", "-n", str(script)) for script in sorted((ROOT / "deploy").rglob("*.sh"))]
    return "\n".join(problem for problem in problems if problem)


def verified(unit: Path) -> str:
    """What systemd does not understand in a unit: it would merely warn, and leave the service without that line."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / unit.name
        # The program is not installed here; that it would be missing is not the question.
        copy.write_text(re.sub(r"^(Exec\w+)=.*$", r"\1=/bin/true", unit.read_text(), flags=re.MULTILINE))
        done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)  # noqa: S607
        lines = [line for line in done.stderr.splitlines() if unit.name in line]
        return "\n".join(line.replace(folder, str(unit.parent)) for line in lines)


def confined(unit: Path) -> str:
    """A sentence when a service is more exposed than it may be."""
    threshold = f"--threshold={MAX_EXPOSURE * 10:.0f}"
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        return f"{unit}: systemd-analyze cannot judge it: {done.stderr.strip()}"
    print(f"  {unit.name}: exposure {found[1]} of {MAX_EXPOSURE}")
    return "" if done.returncode == 0 else f"{unit}: exposure {found[1]}, at most {MAX_EXPOSURE}"


def said(*command: str) -> str:
    """What a command says when it fails; empty when it succeeded."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
