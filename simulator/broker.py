"""A real broker on a free port of 127.0.0.1, with the settings that Sereno ships in `deploy/`.

Used by the demo, the drills and the tests. mosquitto where it is installed, else amqtt from PyPI (MQTT 3.1.1); it
says which. The files of certificates are those that enrolment wrote.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from simulator.errors import SimulatorError
from simulator.processes import die_with_parent

_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 15.0


def mosquitto_path() -> str | None:
    """Where mosquitto is (Debian puts it in /usr/sbin, which is not on everybody's PATH), or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """One broker: `role` is "broker" (beside central) or "gateway" (a neighbourhood's own).

    `certificates` is the folder with broker-cert.pem, broker-key.pem and broker-ca.pem; `owner` the name that the access list of a
    local broker grants the service's rights to. `kind` None takes mosquitto when it is installed.
    """

    def __init__(
        self,
        folder: Path,
        certificates: Path,
        role: str = "broker",
        owner: str = "S01",
        kind: str | None = None,
        port: int | None = None,
    ) -> None:
        self.kind = kind or ("mosquitto" if mosquitto_path() else "amqtt")
        self.port = port or free_port()
        self.log = folder / "broker.log"
        self._folder = folder
        self._certificates = certificates
        self._role = role
        self._owner = owner
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The broker's process id; raises SimulatorError when it does not run."""
        if self._process is None:
            raise SimulatorError("the broker is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it accepts; raises SimulatorError with the end of its log when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise SimulatorError(f"{self.kind} did not start: {self.log.read_text(errors='replace')[-800:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order; a broker that does not end within 5 s is killed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: what a power cut does to a broker."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _accepts(self) -> bool:
        context = ssl.create_default_context(cafile=str(self._certificates / "broker-ca.pem"))
        context.check_hostname = False
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as raw, context.wrap_socket(raw):
                return True
        except ssl.SSLError:
            return True  # It speaks TLS and misses our certificate: it is up.
        except OSError:
            return False

    def _command(self) -> list[str]:
        if self.kind == "amqtt":
            settings = [str(self._certificates), str(self.port), self._owner, self._role]
            return [sys.executable, "-m", "simulator.small_broker", *settings]
        path = mosquitto_path()
        if path is None:
            raise SimulatorError("mosquitto is not installed; install it (apt-get install mosquitto) or use amqtt")
        return [path, "-c", str(self._write_settings())]

    def _write_settings(self) -> Path:
        """The shipped settings with this machine's paths and port; nothing else differs from the field."""
        source = _ROOT / "deploy" / self._role
        acl = self._folder / "acl"
        names = {"broker": "S01", "gateway": "G000001"}
        acl.write_text((source / "acl").read_text().replace(names[self._role], self._owner))
        acl.chmod(0o600)
        text = (source / "mosquitto.conf").read_text()
        for folder in ("/etc/sereno/broker", "/etc/sereno/local-broker"):
            text = text.replace(f"{folder}/acl", str(acl)).replace(folder, str(self._certificates))
        text = text.replace("listener 8883 0.0.0.0", f"listener {self.port} 127.0.0.1")
        if os.geteuid() == 0:
            # Debian's mosquitto gives up root for a user that cannot read a tester's folder.
            text += "user root\n"
        settings = self._folder / "mosquitto.conf"
        settings.write_text(text)
        return settings
