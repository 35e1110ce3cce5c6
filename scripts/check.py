"""The static gates of `make check`, each with the time it took; exits 1 when any of them fails.

Lint, format, types, import contracts, the firmware compiled for both boards within its size budget, its board file
against the board's stubs, units and installer of the gateway, and the size of source files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from unit_files import unit_files

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

MAX_LINES = 300
ARCHITECTURES = ("armv6m", "xtensawin")
# Compiled size of everything that goes to boards (firmware and protocol, the wiring of both), in octets, as the installer
# compiles releases. Two slots of so much take some 80 % of a Pico W's 848 kB file system, where most modules fill a
# block of 4 kB, and no image beyond about 109 kB can be taken (docs/updates.md, Room). What of it lies in the heap is another
# matter: the center runs in 256 kB under test, and console, updates, fobs and receiver are loaded only where and while they
# are wanted. Every image carries both links, MQTT over TLS and the serial line, and a center loads one of them.
COMPILED_BUDGET = 102_500
BOARD_STUBS = {
    "pico_w": "micropython-rp2-rpi_pico_w-stubs==1.29.0.post1",
    "esp32_s3": "micropython-esp32-esp32_generic_s3-stubs==1.29.0.post1",
}
HARDWARE = ("firmware/board.py", "firmware/rtc.py", "firmware/boards/boot.py", "firmware/boards/main.py")
ON_BOARD = ("firmware", "protocol")
# As installer.build leaves them out.
ELSEWHERE = (
    "protocol/cbor.py", "protocol/countersign.py", "protocol/gateway.py", "protocol/hop.py", "firmware/boards/pi.py",
    "firmware/boards/raspberry_pi.py",
)  # fmt: skip


def run(*command: str) -> str:
    """The output of a command of the environment; empty when it succeeded."""
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def board_types() -> str:
    """The only files that import `machine`, against the stubs of each board."""
    problems = [board_types_of(board, stubs) for board, stubs in BOARD_STUBS.items()]
    return "\n".join(problem for problem in problems if problem)


def board_types_of(board: str, package: str) -> str:
    """The problems of one board's files.

    The stubs live in a folder of their own: in the environment they would shadow CPython's modules for every tool.
    """
    stubs = ROOT / ".cache" / package
    if not stubs.exists():
        failed = run("pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(stubs), package)
        if failed:
            return failed
    settings = {
        "include": [str(ROOT / name) for name in (*HARDWARE, f"firmware/boards/{board}.py")],
        "extraPaths": [str(ROOT), str(stubs)],
        "stubPath": str(stubs),
        "pythonVersion": "3.11",
        "typeCheckingMode": "basic",
        "reportMissingModuleSource": False,
    }
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "pyrightconfig.json"
        project.write_text(json.dumps(settings))
        found = run("basedpyright", "--project", str(project))
        return f"{board}: {found}" if found else ""


def compiled() -> str:
    """Every module of the board with mpy-cross for both architectures, and the sum against the budget."""
    found = [path for folder in ON_BOARD for path in sorted((ROOT / folder).rglob("*.py"))]
    sources = [path for path in found if path not in [ROOT / elsewhere for elsewhere in ELSEWHERE]]
    problems = []
    for architecture in ARCHITECTURES:
        total = 0
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.mpy"
            options = (f"-march={architecture}", "-O3", "-o", str(target))
            for source in sources:
                failed = run("mpy-cross", *options, "-s", source.relative_to(ROOT).as_posix(), str(source))
                if failed:
                    problems.append(f"{architecture}: {failed}")
                    continue
                total += target.stat().st_size
        print(f"  {architecture}: {len(sources)} modules, {total} of {COMPILED_BUDGET} octets")
        if total > COMPILED_BUDGET:
            problems.append(f"{architecture}: {total} octets compiled, budget {COMPILED_BUDGET}")
    return "\n".join(problems)


def file_sizes() -> str:
    """No source file over 300 lines; the file that outgrows its house wants to be two."""
    tracked = subprocess.run(["git", "ls-files", "*.py", "*.js"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    too_long = []
    for name in tracked.stdout.split():
        path = ROOT / name
        lines = len(path.read_text().splitlines()) if path.exists() else 0
        if lines > MAX_LINES:
            too_long.append(f"{name} has {lines} lines, at most {MAX_LINES}")
    return "\n".join(too_long)


GATES: dict[str, Callable[[], str]] = {
    "lint": lambda: run("ruff", "check", "--quiet", "."),
    "format": lambda: run("ruff", "format", "--check", "--quiet", "."),
    "types": lambda: run("mypy"),
    "imports": lambda: run("lint-imports"),
    "board types": board_types,
    "compiled": compiled,
    "unit files": unit_files,
    "file sizes": file_sizes,
}


def main() -> int:
    """Run the gates named on the command line, or all of them."""
    names = sys.argv[1:] or list(GATES)
    unknown = [name for name in names if name not in GATES]
    if unknown:
        print(f"no gate {unknown[0]!r}; there are: {', '.join(GATES)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        started = time.monotonic()
        problem = GATES[name]()
        print(f"{'FAIL' if problem else 'ok':4} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if problem:
            print(problem)
            failed.append(name)
    if failed:
        print(f"check: {', '.join(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
