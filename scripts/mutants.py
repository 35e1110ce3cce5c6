"""Takes the checks of the alarm center out one by one, in a copy, and sees whether a test fails: `--only NAME`, `--json`.

The list is tests/mutants.toml. Exits 1 when a check can be taken out unnoticed and nobody says why, or when the list is
no longer true. It writes nothing in the checkout; a mutant's name may be given by its beginning.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "mutants.toml"
MICROPYTHON = Path(sys.executable).with_name("micropython")
# So many tests in one process need more than the default: one that fails for want of memory says nothing about a check.
HEAP = ("-X", "heapsize=32m")
COPIED = ("firmware", "protocol", "simulator", "tests")
WORKERS = 2
# A check that is taken out may also make a loop endless: that is noticed too, after so long, and never on a slow machine.
LIMIT_S = 60
SLOWER = 3
# The random histories of tests/firmware/test_any_history.py, fewer, always the same, and without looking for the shortest.
HISTORIES = """
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.firmware.test_any_history import AnyHistory

fewer = settings(AnyHistory.TestCase.settings, max_examples=80, phases=[Phase.generate], derandomize=True, database=None)
run_state_machine_as_test(AnyHistory, settings=fewer)
"""

CAUGHT, SURVIVED, EXPLAINED = "caught", "SURVIVED", "explained"
NOT_FOUND, BROKEN, STALE = "NOT FOUND", "BROKEN", "STALE"
GOOD = (CAUGHT, EXPLAINED)


class Inconclusive(Exception):
    """The tests did not run at all, so they say nothing about a check."""


@dataclass(frozen=True)
class Mutant:
    """`old` stands exactly once in `file`; of `tests` those of `slow` are for CPython alone; `explained` says why nothing can fail without it, empty where something must."""

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]
    explained: str = ""
    slow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of one: `by` is the test that failed, or what is wrong with the entry."""

    name: str
    file: str
    verdict: str
    by: str
    seconds: float


def listed() -> list[Mutant]:
    """The entries of the list; the tests of each file stand at its head."""
    told = tomllib.loads(LIST.read_text())
    found = []
    for entry in told["mutant"]:
        tests = tuple(entry.pop("tests", told["tests"][entry["file"]]))
        found.append(Mutant(tests=tests, slow=tuple(told["slow"]["tests"]), **entry))
    names = [mutant.name for mutant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SystemExit(f"{LIST.name}: named twice: {', '.join(twice)}")
    return found


def copy(folder: Path) -> Path:
    """The checkout's files as they are now, without what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in sorted(set(names.split("\0")) - {""}):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def run(folder: Path, limit_s: float, *command: str) -> tuple[int, str]:
    """The exit code and the output of a command in a copy, until its first failure; code 124 when it did not end in time."""
    # No compiled files: a mutant of the same size within the same second would be taken for the one before.
    environment = {**os.environ, "PYTHONPATH": str(folder), "MICROPYPATH": f".frozen:{folder}"}
    environment.update({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"})
    process = subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    said = []
    with process:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if line.startswith("FAILED "):
                process.kill()
    ended = timer.is_alive()
    timer.cancel()
    return process.returncode if ended else 124, "".join(said)


def failing(folder: Path, tests: tuple[str, ...], slow: tuple[str, ...], limit_s: float) -> str:
    """The first test that fails in a copy, "" when none does; raises Inconclusive when they did not run.

    CPython first, then the real MicroPython (littlefs is only there), then the histories.
    """
    quick = tuple(test for test in tests if test not in slow)
    micropython = (str(MICROPYTHON), *HEAP)
    for interpreter, asked, place in (((sys.executable,), tests, ""), (micropython, quick, " on MicroPython")):
        if not Path(interpreter[0]).exists() or not asked:
            continue
        modules = [f"tests.both.{test}" for test in asked]
        code, output = run(folder, limit_s, *interpreter, "tests/both/run.py", *modules)
        if code == 124:
            return f"a test that never ends{place}"
        failed = re.search(r"^FAILED tests\.both\.(\w+) (\w+)$", output, re.MULTILINE)
        if failed:
            return f"{failed[1]}.{failed[2]}{place}"
        if code or not re.search(r"^[1-9]\d* passed, 0 failed$", output, re.MULTILINE):
            raise Inconclusive(last_line(output) + place)
    code, output = run(folder, limit_s, sys.executable, "-c", HISTORIES)
    if code == 124:
        return "a history that never ends"
    if not code:
        return ""
    if "state = AnyHistory()" not in output:
        raise Inconclusive(last_line(output))
    where = re.findall(r"test_any_history\.py\", line \d+, in (\w+)", output)
    return f"any_history.{where[-1] if where else 'run'}"


def last_line(output: str) -> str:
    """What an interpreter said last, usually the error that ended it."""
    lines = output.strip().splitlines()
    return lines[-1][:120] if lines else "no output"


def judge(folder: Path, mutant: Mutant, limit_s: float) -> Result:
    """Take one check out of a copy, run its tests, put it back."""
    started = time.monotonic()
    path = folder / mutant.file
    whole = path.read_text()
    count = whole.count(mutant.old)
    if count != 1 or mutant.old == mutant.new:
        return Result(mutant.name, mutant.file, NOT_FOUND, f"its old text stands {count} times in the file", 0.0)
    path.write_text(whole.replace(mutant.old, mutant.new))
    try:
        by = failing(folder, mutant.tests, mutant.slow, limit_s)
        verdict = CAUGHT if by else SURVIVED
    except Inconclusive as error:
        verdict, by = BROKEN, str(error)
    finally:
        path.write_text(whole)
    if mutant.explained:
        verdict, by = (
            (EXPLAINED, mutant.explained) if verdict == SURVIVED else (STALE, f"explained, yet {verdict}: {by}")
        )
    return Result(mutant.name, mutant.file, verdict, by, round(time.monotonic() - started, 1))


def judged(mutants: list[Mutant], quiet: bool) -> list[Result]:
    """All of them, two at a time, in the order of the list."""
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="sereno-mutants-") as place, ThreadPoolExecutor(WORKERS) as pool:
        folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            folders.put(copy(Path(place) / str(number)))
        first = folders.get()
        started = time.monotonic()
        every = tuple(sorted({test for mutant in mutants for test in mutant.tests}))
        whole = failing(first, every, mutants[0].slow, 10 * LIMIT_S)
        limit_s = LIMIT_S + SLOWER * (time.monotonic() - started)
        folders.put(first)
        if whole:
            raise SystemExit(f"{whole} fails with every check in its place: nothing can be said")

        def one(mutant: Mutant) -> Result:
            folder = folders.get()
            try:
                return judge(folder, mutant, limit_s)
            finally:
                folders.put(folder)

        for done in as_completed([pool.submit(one, mutant) for mutant in mutants]):
            result = done.result()
            results[result.name] = result
            if not quiet:
                place_in_all = f"{len(results):3}/{len(mutants)}"
                print(f"{place_in_all} {result.verdict:9} {result.seconds:5} s  {result.name}: {result.by}", flush=True)
    return [results[mutant.name] for mutant in mutants]


def main() -> int:
    """Judge the mutants that were asked for; 1 when any is not caught or explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="names, or how names begin")
    parser.add_argument("--json", action="store_true", help="results as JSON, nothing else")
    asked = parser.parse_args()
    mutants = [one for one in listed() if not asked.only or one.name.startswith(tuple(asked.only))]
    if not mutants:
        parser.error(f"no mutant is called {' or '.join(asked.only)}")
    started = time.monotonic()
    results = judged(mutants, asked.json)
    bad = [result for result in results if result.verdict not in GOOD]
    if asked.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
        return 1 if bad else 0
    for result in bad:
        why = next(mutant.why for mutant in mutants if mutant.name == result.name)
        print(f"{result.verdict}: {result.name} ({result.file}): {why} [{result.by}]")
    counts = {verdict: sum(result.verdict == verdict for result in results) for verdict in (CAUGHT, EXPLAINED)}
    print(f"{counts[CAUGHT]} caught, {counts[EXPLAINED]} explained, {len(bad)} not; {time.monotonic() - started:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
