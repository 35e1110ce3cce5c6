"""The installer on a machine with a real systemd: again, upgrade, way back, removal. Nothing that was kept is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.gateway_wheel import PACKAGES, ROOT, build
from tests.deploy.machine import SHIPPED, Machine
from tests.gateway import frames
from tests.gateway.rig import Neighbourhood

# A program that changes the store for good, as a new schema does, and then cannot start.
BROKEN = """
    import sqlite3

    if "check" not in sys.argv:
        with sqlite3.connect("/var/lib/sereno-gateway/outbox.db") as db:
            db.execute("PRAGMA user_version = 99")
        sys.exit("this version is broken")
    sys.exit(app())
"""
# One that says that it is ready, and ends at once.
SHORT = """
    from gateway import notify

    if "check" not in sys.argv:
        notify.tell("READY=1")
        sys.exit("this version ends")
    sys.exit(app())
"""


def changed(folder: Path, version: str, main: str) -> Path:
    """A wheel of another version whose entry point does something else."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    entry = folder / "gateway" / "__main__.py"
    text = entry.read_text()
    assert text.count("    sys.exit(app())\n") == 1
    entry.write_text(text.replace("    sys.exit(app())\n", main))
    return build(folder, folder, version)


def versions(machine: Machine) -> tuple[str, str]:
    """What current and previous point to."""
    current, previous = (
        machine.do("readlink", f"/opt/sereno/{name}").stdout.strip() for name in ("current", "previous")
    )
    return current, previous


def waiting(machine: Machine, neighbourhood: Neighbourhood) -> int:
    """How many acks wait for central, at least one."""
    machine.running()
    machine.until(lambda: machine.status()["local"]["connected"])
    center = neighbourhood.center(1)
    center.up(frames.ack(sequence=1)).wait_for_publish(10)
    center.close()
    return int(machine.until(lambda: machine.status()["outbox"]["waiting"]))


def test_installing_again_changes_nothing(machine: Machine) -> None:
    """The same wheel: said in one line, and the service is not even restarted."""
    before = machine.running()
    done = machine.install("/srv/stage/stick", "install")
    version = versions(machine)[0]
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"version {version} runs already; nothing to do.")
    assert machine.property("MainPID") == before


def test_an_upgrade_keeps_what_waits_and_the_version_before_and_can_be_taken_back(
    machine: Machine, neighbourhood: Neighbourhood, tmp_path: Path
) -> None:
    """The store, the keys and the settings are the same before and after, in both directions."""
    kept = waiting(machine, neighbourhood)
    old = versions(machine)[0]
    folder = machine.folder("newer", build(tmp_path, version="1.0.0"), neighbourhood.keys)
    done = machine.install(folder, "install")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "version 1.0.0 runs."), done.stderr
    assert versions(machine) == ("1.0.0", old)
    machine.until(lambda: machine.status()["outbox"]["waiting"] == kept)

    done = machine.install(folder, "rollback")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"version {old} runs."), done.stderr
    assert versions(machine) == (old, "1.0.0")
    machine.until(lambda: machine.status()["outbox"]["waiting"] == kept)


@pytest.mark.parametrize(("version", "main"), [("2.0.0", BROKEN), ("2.1.0", SHORT)])
def test_an_upgrade_that_does_not_run_is_taken_back_by_itself(
    machine: Machine, neighbourhood: Neighbourhood, tmp_path: Path, version: str, main: str
) -> None:
    """Never ready (and the store already changed), or ready and gone: the version before runs again with what waited."""
    kept = waiting(machine, neighbourhood)
    old = versions(machine)[0]
    folder = machine.folder(f"bad-{version}", changed(tmp_path, version, main), neighbourhood.keys)
    done = machine.install(folder, "install")
    assert done.returncode == 1, done.stdout
    assert f"install.sh: version {old} runs again; {version} was not kept in use" in done.stderr
    assert versions(machine)[0] == old
    machine.until(lambda: machine.status()["outbox"]["waiting"] == kept)


def test_a_way_back_that_breaks_off_leaves_the_service_running(
    machine: Machine, neighbourhood: Neighbourhood, tmp_path: Path
) -> None:
    """Half of the version before is gone from the card: whatever happens, what current names is started again."""
    machine.running()
    old = versions(machine)[0]
    folder = machine.folder("half", build(tmp_path, version="1.5.0"), neighbourhood.keys)
    assert machine.install(folder, "install").returncode == 0
    machine.said("rm", f"/opt/sereno/{old}/share/sereno-local-broker.service")
    done = machine.install(folder, "rollback")
    assert done.returncode == 1
    assert "install.sh: " in done.stderr
    assert versions(machine)[0] == "1.5.0"
    machine.running()


def test_settings_that_the_new_version_refuses_stop_an_upgrade_before_anything_runs_differently(
    machine: Machine, neighbourhood: Neighbourhood, tmp_path: Path
) -> None:
    """The check of the new version comes first; the process that runs is not touched."""
    before, settings = machine.running(), "/etc/sereno/gateway.toml"
    folder = machine.folder("refused", build(tmp_path, version="3.0.0"), neighbourhood.keys)
    machine.said("sh", "-c", f"cp {settings} /srv/kept.toml; echo 'wrong = 1' >>{settings}")
    done = machine.install(folder, "install")
    machine.said("mv", "/srv/kept.toml", settings)
    assert done.returncode == 1
    assert "What ran before still runs" in done.stderr
    assert machine.property("MainPID") == before


def test_another_wheel_under_an_installed_version_is_refused(
    machine: Machine, neighbourhood: Neighbourhood, tmp_path: Path
) -> None:
    """What runs is never written over."""
    version = versions(machine)[0]
    folder = machine.folder("same", changed(tmp_path, version, "    sys.exit(app())  # differs\n"), neighbourhood.keys)
    done = machine.install(folder, "install")
    assert (done.returncode, f"version {version} is installed and this wheel is another one" in done.stderr) == (
        1,
        True,
    )


def test_removal_keeps_keys_and_store_unless_purged(machine: Machine, neighbourhood: Neighbourhood) -> None:
    """And an installation after it goes on with what waits."""
    kept = waiting(machine, neighbourhood)
    folder = "/srv/stage/stick"
    assert machine.install(folder, "remove").returncode == 0
    assert machine.do("test", "-e", "/opt/sereno").returncode == 1
    assert machine.property("LoadState") == "not-found"
    assert machine.install(folder, "install").returncode == 0
    machine.until(lambda: machine.status()["outbox"]["waiting"] == kept)
    assert machine.install(folder, "remove", "--purge").returncode == 0
    gone = ("/etc/sereno/gateway", "/etc/sereno/gateway.toml", "/var/lib/sereno-gateway")
    assert [path for path in gone if machine.do("test", "-e", path).returncode == 0] == []
    again = machine.install(folder, "install", "--keys", f"{folder}/G000001", "--central", "127.0.0.1")
    assert again.returncode == 0, again.stderr


def call(*arguments: str) -> tuple[int, str, str]:
    """The installer on this machine, where it may only talk."""
    done = subprocess.run([str(SHIPPED / "install.sh"), *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_a_dry_run_says_every_step_and_does_none(wheel: Path) -> None:
    """For whoever wants to read before root is asked for."""
    code, out, err = call("install", "--dry-run", "--from", str(wheel.parent), "--central", "central.example.org")
    told = [line for line in out.splitlines() if line.startswith("would: ")]
    assert (code, err, Path("/opt/sereno").exists()) == (0, "", False)
    assert any("stop sereno-gateway.service" in line for line in told)


@pytest.mark.parametrize("arguments", [[], ["deinstall"], ["install", "--keys"], ["install", "--settle", "x"]])
def test_a_wrong_call_is_one_answer_and_exit_2(arguments: list[str]) -> None:
    """One sentence that points to --help, or the help itself."""
    code, out, err = call(*arguments)
    assert (code, "install.sh" in out + err) == (2, True)


def test_the_help_names_every_option() -> None:
    """As the script takes them."""
    code, out, _ = call("--help")
    assert code == 0
    assert [
        name
        for name in ("--keys", "--central", "--from", "--python", "--settle", "--dry-run", "--purge")
        if name not in out
    ] == []
