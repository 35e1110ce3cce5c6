"""The wheel that a gateway is installed from."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

from gateway.settings import sample
from scripts.gateway_wheel import ROOT


def test_it_holds_gateway_modem_and_protocol_and_nothing_else(wheel: Path) -> None:
    """Nothing of central, the boards or the simulator goes to the field."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"gateway", "modem", "protocol"}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert wheel.name == f"sereno_gateway-{version}-py3-none-any.whl"


def test_it_names_what_the_gateway_needs(wheel: Path) -> None:
    """The extra of the project, so that pip brings it."""
    metadata = next(name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/METADATA"))
    needed = zipfile.ZipFile(wheel).read(metadata).decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [entry.split(">=")[0] for entry in project["dependencies"] + project["optional-dependencies"]["gateway"]]
    assert [name for name in names if f"Requires-Dist: {name}" not in needed] == []


def test_installed_in_a_fresh_environment_it_runs_without_the_project(wheel: Path, tmp_path: Path) -> None:
    """`--help`, `settings` and `check`, with only the packages it names within reach."""
    venv.create(tmp_path / "fresh", with_pip=False)
    target = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "fresh")}))
    pip = [sys.executable, "-m", "pip", "--python", str(tmp_path / "fresh" / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, timeout=120)
    # What it depends on is taken from this environment; a folder in PYTHONPATH reads no .pth, so the project is not there.
    reach = {"PYTHONPATH": sysconfig.get_path("purelib"), "PATH": "/usr/bin:/bin"}

    def call(*arguments: str) -> tuple[int, str]:
        command = [str(tmp_path / "fresh" / "bin" / "sereno-gateway"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=reach, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    assert (target / "gateway").is_dir()
    code, out = call("--help")
    assert (code, "status" in out) == (0, True)
    assert call("settings") == (0, sample())
    code, out = call("check", "-s", "none.toml")
    assert (code, out.strip()) == (
        2,
        "error    none.toml cannot be read (No such file or directory); make one: sereno-gateway settings > none.toml",
    )
