"""A machine with a real systemd, in namespaces of this one: the gateway is installed on it as on a Raspberry Pi.

Network and kernel are this machine's; /etc, /opt, /run, /var/lib and the units are its own and go with it. Its Python
has the packages of this environment, so that installing needs no package index.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from simulator.broker import free_port

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "gateway"
SYSTEMD = Path("/usr/lib/systemd/systemd")
UNIT = "sereno-gateway.service"
DEADLINE_S = 60.0
WATCHDOG_S = 8
ENVIRONMENT = [
    "PYTHONPATH=/srv/site",
    "LD_LIBRARY_PATH=/srv/python/lib",
    "PYTHONDONTWRITEBYTECODE=1",
    "PIP_NO_DEPS=1",
    "PIP_NO_INDEX=1",
]
# Its own changes of the unit: this environment's packages, a log that can be read from outside.
DROP_IN = """[Service]
Environment=PYTHONPATH=/srv/site LD_LIBRARY_PATH=/srv/python/lib
StandardOutput=append:/srv/stage/gateway.log
StandardError=inherit
"""

Value = TypeVar("Value")


class Machine:
    """`stage` is a folder of this machine that shows there as /srv/stage."""

    def __init__(self, stage: Path) -> None:
        self.stage = stage
        self.broker_port = free_port()
        self._name = f"sereno-test-{os.getpid()}-{self.broker_port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 0

    def boot(self) -> None:
        """Start it and wait until its units are up; fails the test in one sentence where that cannot be done."""
        if os.geteuid() != 0:
            pytest.fail("a systemd in namespaces needs root; run these tests as root")
        if not SYSTEMD.exists():
            pytest.fail("systemd is not installed; run: apt-get install systemd")
        site = sysconfig.get_paths()["purelib"]
        boot = ["sh", str(Path(__file__).with_name("boot.sh")), self._name, sys.base_prefix, site, str(self.stage)]
        # It takes no SIGTERM while it waits for its child: only being killed ends it, and its child with it.
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
            *boot,
        ]
        with (self.stage / "systemd.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._first = int(self.until(lambda: children.read_text().split()[:1] or None)[0])
        self.until(lambda: self.do("systemctl", "is-active", "multi-user.target").returncode == 0)
        drop_in = f"/etc/systemd/system/{UNIT}.d"
        self.do("mkdir", drop_in)
        self.do("tee", f"{drop_in}/test.conf", text=DROP_IN)

    def do(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command there as root."""
        inside = ["nsenter", "-t", str(self._first), "--mount", "--pid", "--ipc", "--uts", "env", *ENVIRONMENT]
        return subprocess.run(
            [*inside, *command], input=text, capture_output=True, text=True, timeout=180, cwd="/", check=False
        )

    def said(self, *command: str) -> str:
        """What a command there says, which must succeed."""
        done = self.do(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log()}"
        return done.stdout.strip()

    def property(self, name: str, unit: str = UNIT) -> str:
        """A property of a unit, as systemctl shows it."""
        return self.said("systemctl", "show", "-P", name, unit)

    def until(self, probe: Callable[[], Value | None], timeout_s: float = DEADLINE_S) -> Value:
        """Ask again until the answer is true; each question is a process or a file there, which takes its time."""
        assert self._process is not None
        deadline = time.monotonic() + timeout_s
        while not (answer := probe()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"it did not come about: {(self.stage / 'systemd.log').read_text()[-2000:]}{self.log()}")
        return answer

    def log(self) -> str:
        """The end of the gateway's log."""
        path = self.stage / "gateway.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def folder(self, name: str, wheel: Path, keys: Path) -> str:
        """What a technician carries to it: installer, wheel and keys; where it lies there."""
        made = self.stage / name
        shutil.copytree(SHIPPED, made)
        shutil.copy(wheel, made)
        shutil.copytree(keys, made / "G000001", ignore=shutil.ignore_patterns("*.log"))
        self._change(made / "mosquitto.conf", "listener 8883 0.0.0.0", f"listener {self.broker_port} 127.0.0.1")
        with (made / "gateway.toml").open("a") as settings:
            settings.write(f"\n[local]\nport = {self.broker_port}\n[outbox]\nmin_free_mb = 0\n")
        self._change(made / UNIT, "WatchdogSec=40", f"WatchdogSec={WATCHDOG_S}")
        self._change(made / "gateway.toml", '"127.0.0.1:9108"', '""')
        # Nobody listens on port 1: the WAN is down.
        self._change(made / "gateway.toml", '"central.example.org"', '"central.example.org"\nport = 1')
        return f"/srv/stage/{name}"

    def install(self, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installer of such a folder."""
        python = f"/srv/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        return self.do(f"{folder}/install.sh", "--python", python, "--settle", "2", *arguments)

    def status(self) -> dict[str, Any]:
        """What the gateway posts, once it has posted."""

        def posted() -> dict[str, Any] | None:
            done = self.do("sereno-gateway", "status", "--json")
            return json.loads(done.stdout) if done.returncode == 0 else None

        return self.until(posted)

    def running(self) -> str:
        """The process id of the gateway, once it is active."""
        self.until(lambda: self.property("ActiveState") == "active")
        return self.property("MainPID")

    def end(self) -> None:
        """Switch it off, and take away its control group."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(30)
        # Its processes need a moment to be gone; until then their groups cannot be taken away.
        group = f"/mnt/{self._name}"
        clean = f"mount -t cgroup2 cgroup2 /mnt; while [ -d {group} ]; do find {group} -depth -type d -exec rmdir {{}} +; done"
        subprocess.run(["unshare", "--mount", "sh", "-c", clean], capture_output=True, timeout=30, check=False)

    @staticmethod
    def _change(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert text.count(old) == 1, f"{old} in {path}"
        path.write_text(text.replace(old, new))
