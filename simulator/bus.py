"""The hand on a simulated RS-485 line: its process, its faults, and an end of one's own. Used by tests and by hand."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

from simulator.errors import SimulatorError
from simulator.processes import die_with_parent


class SerialBus:
    """Made running; ended by `close`. `device` is the adapter's path, `port` is for the centers' device.json."""

    def __init__(self, device: Path) -> None:
        self.device = device
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator.serial_bus", str(device)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=die_with_parent,
        )  # fmt: skip
        self.port = int(json.loads(self._line())["port"])

    def plug(self) -> None:
        """The adapter is there (as at the start)."""
        self._do("plug")

    def unplug(self) -> None:
        """The adapter is pulled out."""
        self._do("unplug")

    def corrupt(self, chance: float) -> None:
        """From now on each octet loses a bit with this chance."""
        self._do(f"corrupt {chance}")

    def drop(self, chance: float) -> None:
        """From now on each octet is lost with this chance."""
        self._do(f"drop {chance}")

    def delay(self, delay_ms: int) -> None:
        """From now on everything arrives so much later."""
        self._do(f"delay {delay_ms}")

    def end(self) -> socket.socket:
        """An end of the line to speak and to listen at."""
        made = socket.create_connection(("127.0.0.1", self.port), 10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def close(self) -> None:
        """End the line."""
        self._process.kill()
        self._process.wait(10)
        self.device.unlink(missing_ok=True)

    def _do(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        answer = self._line()
        if answer != "ok":
            raise SimulatorError(f"the line answered {answer!r}")

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        if not line:
            raise SimulatorError("the line's process has ended")
        return line
