"""Child processes of the simulator: started with a log, waited for with a deadline, ended by their own pid.

A child dies with the simulator even when the simulator is killed (Linux: parent-death signal), so that no demo
leaves anything behind.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from simulator.errors import SimulatorError

_PR_SET_PDEATHSIG = 1
_LOOK_S = 0.02
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies; runs in the child between fork and exec."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def program(name: str) -> list[str]:
    """The command line of one of our programs in the environment that runs the simulator."""
    return [sys.executable, "-m", name]


class Service:
    """One of Sereno's services as a process of its own; what it prints goes to `<folder>/<name>.log`."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id; raises SimulatorError when it was never started."""
        if self._process is None:
            raise SimulatorError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it; raises SimulatorError when it already runs."""
        if self.running:
            raise SimulatorError(f"{self.name} already runs")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def stop(self, timeout_s: float = 10) -> int | None:
        """End it in order and return its exit code; one that does not end in time is killed."""
        return self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, 10)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def tail(self, characters: int = 600) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    @property
    def logged(self) -> int:
        """How many octets its log has."""
        return self.log.stat().st_size if self.log.exists() else 0

    async def until_logged(self, *words: str, timeout_s: float = 20, after: int = 0) -> str:
        """The first line of its log that holds all these words and stands after so many octets; raises SimulatorError."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self.log.open("rb") as log:
                log.seek(after)
                for line in log.read().decode(errors="replace").splitlines():
                    if all(word in line for word in words):
                        return line
            if time.monotonic() > deadline:
                raise SimulatorError(f"{self.name} did not log {words} within {timeout_s:g} s: {self.tail()}")
            await asyncio.sleep(_LOOK_S)

    def _end(self, how: signal.Signals, timeout_s: float) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
