"""Make the wheel that a gateway is installed from: gateway, modem and protocol, nothing of central, boards or simulator.

    scripts/gateway_wheel.py                            dist/sereno_gateway-<version>-py3-none-any.whl
    scripts/gateway_wheel.py --out STICK --offline aarch64   and beside it all it needs, with the installer: a folder to carry to a gateway

It needs pip and, for the build backend (and --offline), the package index. Version and dependencies are pyproject.toml's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "modem", "protocol")
INSTALLER = ROOT / "deploy" / "gateway"
# Raspberry Pi OS of 2023, Python 3.11, and what came since; pip takes the first that a package has a wheel for.
GLIBC = ("2_36", "2_34", "2_31", "2_28", "2_17")


def project(source: dict[str, Any], version: str) -> str:
    """The pyproject.toml of the gateway's own distribution."""
    extras = source["optional-dependencies"]
    dependencies = sorted({*source["dependencies"], *extras["gateway"], *extras.get("gateway-pi", [])})
    return "\n".join(
        [
            "[build-system]",
            'requires = ["hatchling>=1.27"]',
            'build-backend = "hatchling.build"',
            "[project]",
            'name = "sereno-gateway"',
            f"version = {json.dumps(version)}",
            'description = "The gateway of Sereno: between central and the alarm centers of a neighbourhood."',
            f"requires-python = {json.dumps(source['requires-python'])}",
            f"dependencies = {json.dumps(dependencies)}",
            "[project.scripts]",
            f"sereno-gateway = {json.dumps(source['scripts']['sereno-gateway'])}",
            "[tool.hatch.build.targets.wheel]",
            f"packages = {json.dumps(PACKAGES)}",
            "",
        ]
    )


def build(out: Path, tree: Path = ROOT, version: str | None = None) -> Path:
    """Build the wheel of a source tree into `out`; raises CalledProcessError when pip cannot."""
    source = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    version = version or source["version"]
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            shutil.copytree(tree / package, Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "pyproject.toml").write_text(project(source, version))
        pip("wheel", "--no-deps", "--wheel-dir", str(out), folder)
    return out / f"sereno_gateway-{version}-py3-none-any.whl"


def carry(out: Path, wheel: Path, machine: str, python: str) -> None:
    """Put beside the wheel what it needs on a `machine` (aarch64, x86_64) with that Python, and the installer."""
    # pip judges "only on a Raspberry Pi" by this machine: what is meant for that one is named without the condition.
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    there = [entry.partition(";")[0] for entry in extras.get("gateway-pi", []) if machine in entry]
    platforms = [part for glibc in GLIBC for part in ("--platform", f"manylinux_{glibc}_{machine}")]
    pip(
        "download", "--only-binary=:all:", "--python-version", python, *platforms, "--dest", str(out), str(wheel), *there
    )  # fmt: skip
    shutil.copytree(INSTALLER, out, dirs_exist_ok=True)


def pip(*arguments: str) -> None:
    """Run pip of this environment; what it says is shown only when it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def main() -> int:
    """Build, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder to write into (dist)")
    parser.add_argument(
        "--offline", metavar="MACHINE", help="also everything it needs there: aarch64, armv7l or x86_64"
    )
    parser.add_argument("--python", default="3.11", help="Python of that machine (3.11)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        wheel = build(options.out)
        if options.offline:
            carry(options.out, wheel, options.offline, options.python)
    except subprocess.CalledProcessError:
        print("gateway_wheel: pip could not do it; see its words above", file=sys.stderr)
        return 1
    print(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
