"""A neighbourhood for tests: real brokers with the shipped settings, real certificates, and the gateway between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TypeVar

from central import pki
from gateway.settings import Settings, load
from gateway.wiring import Gateway
from protocol.codes import LOCAL
from protocol.keys import FROM_CENTER, TO_CENTER, center_key
from protocol.topics import DOWN, LINK, UP, center_name, topic
from simulator.broker import Broker
from tests.gateway.clients import Client, FakeCenter, FakeCentral
from tests.gateway.frames import FOREIGN, GATEWAY, MINE, ROOT, SEED, center_root
from tests.gateway.lines import Lines

Kind = TypeVar("Kind", bound="Client")


class Neighbourhood:
    """Both brokers, every certificate and key, and the gateway in this process or in one of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "authority"
        pki.create_authority(self.authority)
        pki.issue_municipality(self.authority, 1)
        self.keys = folder / GATEWAY
        self._gateway_folder()
        for name in ("S01", *(center_name(center) for center in (*MINE, FOREIGN))):
            self.client_folder(folder / name, name)
        self.central_broker = Broker(
            folder / "central-broker", self._broker_folder("S01", "localhost"), "broker", "S01"
        )
        self.local_broker = Broker(folder / "local-broker", self.keys, "gateway", GATEWAY)
        self._clients: list[Client] = []
        self._gateways: list[Gateway] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def client_folder(self, folder: Path, name: str) -> None:
        """Certificate files of one client."""
        folder.mkdir(exist_ok=True)
        issued = pki.issue_client(self.authority, 1, name)
        (folder / "cert.pem").write_bytes(issued.chain_pem)
        (folder / "key.pem").write_bytes(issued.key_pem())
        (folder / "key.pem").chmod(0o600)
        (folder / "ca.pem").write_bytes(pki.root_pem(self.authority))

    def settings(self, **sections: dict[str, object]) -> Path:
        """A settings file for this neighbourhood, changed section by section."""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        values: dict[str, dict[str, object]] = {
            "folders": {"keys": str(self.keys), "state": str(state)},
            "uplink": {"host": "127.0.0.1", "port": self.central_broker.port, "name": "localhost"},
            "local": {"host": "127.0.0.1", "port": self.local_broker.port},
            "outbox": {"min_free_mb": 0, "resend_s": 0.5},
            "centers": {"resend_s": 0.5},
            "clock": {"trust": "always"},
        }
        for name, options in sections.items():
            values.setdefault(name, {}).update(options)
        out = []
        for name, options in values.items():
            out.append(f"[{name}]")
            out += [f"{option} = {json.dumps(value)}" for option, value in options.items()]
        path = self.folder / "gateway.toml"
        path.write_text("\n".join(out) + "\n")
        return path

    def gateway(self, links: int = 2, **sections: dict[str, object]) -> tuple[Gateway, Lines]:
        """A gateway in this process, once `links` of its sides are up."""
        loaded: Settings = load(self.settings(**sections))
        log = Lines()
        gateway = Gateway(loaded, log)
        self._gateways.append(gateway)
        gateway.start()
        for _ in range(links):
            log.until("link_up")
        return gateway, log

    def process(self, links: int = 2, **sections: dict[str, object]) -> tuple[subprocess.Popen[bytes], Lines]:
        """The gateway as a process of its own, once `links` of its sides are up."""
        command_line = [sys.executable, "-m", "gateway", "run", "--settings", str(self.settings(**sections))]
        process = subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._processes.append(process)
        log = Lines()

        def follow() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                log.put(json.loads(line))

        threading.Thread(target=follow, daemon=True).start()
        for _ in range(links):
            log.until("link_up")
        return process, log

    def central(self) -> FakeCentral:
        """Central, subscribed."""
        topics = [topic("+", UP), topic("+", LINK)]
        return self._keep(FakeCentral(self.folder / "S01", "S01", self.central_broker.port, "localhost", topics))

    def center(self, number: int = 1, version: str = "5") -> FakeCenter:
        """A center, subscribed."""
        name = center_name(number)
        made = FakeCenter(self.folder / name, name, self.local_broker.port, GATEWAY, [topic(name, DOWN)], version)
        made.number = number
        return self._keep(made)

    def _keep(self, client: Kind) -> Kind:
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End everything that was started, by its own handle."""
        for gateway in self._gateways:
            gateway.stop()
        for client in self._clients:
            client.close()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        for broker in (self.central_broker, self.local_broker):
            broker.stop()

    def _broker_folder(self, name: str, dns: str) -> Path:
        folder = self.folder / f"broker-of-{name}"
        folder.mkdir()
        self.broker_files(folder, name, [dns])
        return folder

    def broker_files(self, folder: Path, name: str, dns: list[str]) -> None:
        """A broker's certificate files."""
        issued = pki.issue_server(self.authority, 1, name, dns)
        (folder / "broker-cert.pem").write_bytes(issued.chain_pem)
        (folder / "broker-key.pem").write_bytes(issued.key_pem())
        (folder / "broker-ca.pem").write_bytes(pki.trust_pem(self.authority))

    def _gateway_folder(self) -> None:
        self.client_folder(self.keys, GATEWAY)
        self.broker_files(self.keys, GATEWAY, [GATEWAY])
        own = {"gateway": 1, "root": ROOT.hex(), "sequence_epoch": 1, "sign": SEED.hex()}
        write_secret(self.keys / "keys.json", own)
        (self.keys / "centers").mkdir()
        for center in MINE:
            halves = {
                name: center_key(center_root(center), center, 0, way, LOCAL).hex()
                for name, way in (("down", TO_CENTER), ("up", FROM_CENTER))
            }
            entry = {"center": center, "group": 1, "epoch": 0, **halves}
            write_secret(self.keys / "centers" / f"{center_name(center)}.json", entry)


def write_secret(path: Path, content: dict[str, Any]) -> None:
    """A key file that only its owner reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
