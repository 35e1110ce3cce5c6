"""A neighbourhood for tests: real brokers with the shipped settings, real certificates, and hands for both ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from central import pki
from gateway.certificates import context
from gateway.settings import Settings, load
from gateway.wiring import Gateway
from protocol import countersign, hop
from protocol.codes import ACCEPTED, ACTIVATE, CENTRAL, GENERAL, LOCAL, SIREN
from protocol.countersign import Countersigned
from protocol.hop import Envelope, Receipt
from protocol.keys import FROM_CENTER, TO_CENTER, Pair, center_key, center_pairs, gateway_pair
from protocol.layout import kind_of
from protocol.messages import ACK, BEAT, COMMAND, HELLO, KIND_HOP, TIME, Ack, Beat, Command, Hello, Time
from protocol.topics import DOWN, LINK, UP, center_name, topic
from simulator.broker import Broker

GATEWAY = "G000001"
MINE = (1, 2)
FOREIGN = 3
ROOT = bytes(range(32))
SEED = bytes(range(100, 132))
NONCE = b"boot one"
DEADLINE_S = 10.0
INCIDENT = 7_777_777_777


Kind = TypeVar("Kind", bound="Client")


def center_root(center: int) -> bytes:
    """A center's 32 octets, which only the center and central hold."""
    return bytes([center]) * 32


def command(center: int = 1, counter: int = 1, **changed: Any) -> bytes:
    """A sealed command of central's."""
    message = Command(
        CENTRAL, 0, center, 1, counter, int(time.time()), 120, INCIDENT, 1, GENERAL, ACTIVATE | SIREN, 30, 0
    )
    message = message._replace(**changed)
    return COMMAND.seal(center_pairs(center_root(center), center, 0)[message.authority].down, message, NONCE)


def ack(center: int = 1, counter: int = 1, sequence: int = 1, authority: int = CENTRAL, **changed: Any) -> bytes:
    """A center's sealed ack."""
    message = Ack(authority, 0, center, counter, INCIDENT, ACCEPTED, 0, sequence, 0, 12_600)._replace(**changed)
    return ACK.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def hello(
    center: int = 1, authority: int = LOCAL, boot: int = 1, nonce: bytes = NONCE, local: int = 0, request: int = 9
) -> bytes:
    """A center's sealed hello."""
    message = Hello(authority, 0, center, boot, nonce, request, 0, local, 0, 0, 1)
    return HELLO.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def beat(center: int = 1, authority: int = LOCAL, sequence: int = 1) -> bytes:
    """A center's sealed heartbeat."""
    message = Beat(authority, 0, center, sequence, 60, 12_600, 1, 0, 0)
    return BEAT.seal(center_pairs(center_root(center), center, 0)[authority].up, message)


def time_frame(center: int = 1) -> bytes:
    """Central's answer to a hello."""
    message = Time(CENTRAL, 0, center, int(time.time()), 0, 9)
    return TIME.seal(center_pairs(center_root(center), center, 0)[CENTRAL].down, message, NONCE)


def hop_keys() -> Pair:
    """The hop keys, as central holds them."""
    return gateway_pair(ROOT, 1)


class Lines:
    """A log that a test waits on: every line is kept, and `until` has a deadline."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._fresh: Queue[dict[str, Any]] = Queue()

    def _line(self, level: str, event: str, **fields: Any) -> None:
        line = {"level": level, "event": event, **fields}
        self.lines.append(line)
        self._fresh.put(line)

    def info(self, event: str, **fields: Any) -> None:
        self._line("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._line("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self._line("error", event, **fields)

    def put(self, line: dict[str, Any]) -> None:
        """A line of a gateway in another process."""
        self.lines.append(line)
        self._fresh.put(line)

    def until(self, event: str, timeout_s: float = DEADLINE_S, **fields: Any) -> dict[str, Any]:
        """The next line of that event with those fields."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no {event} {fields} in {self.lines[-20:]}") from None
            if line["event"] == event and all(line.get(name) == value for name, value in fields.items()):
                return line

    def first(self, event: str) -> dict[str, Any]:
        """The first line of that event, past or to come."""
        for line in self.lines:
            if line["event"] == event:
                return line
        return self.until(event)

    def count(self, event: str) -> int:
        """How many lines of that event there are."""
        return sum(1 for line in self.lines if line["event"] == event)


class Client:
    """A plain MQTT client with a certificate, as central or as a center."""

    def __init__(self, folder: Path, name: str, port: int, server: str, topics: list[str], version: str = "5") -> None:
        self.got: Queue[tuple[str, bytes, int | None]] = Queue()
        made = context(folder)
        made.expected = server
        protocol = MQTTProtocolVersion.MQTTv5 if version == "5" else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)
        self._client.tls_set_context(made)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._message
        self._client.on_socket_open = lambda _c, _u, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._subscribed: Queue[bool] = Queue()
        self._client.on_connect = lambda client, *_: client.subscribe([(entry, 1) for entry in topics])
        self._client.on_subscribe = lambda *_: self._subscribed.put(True)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.ready()

    def ready(self) -> None:
        """Wait for the next granted subscription."""
        self._subscribed.get(timeout=DEADLINE_S)

    def _message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        self.got.put((message.topic, bytes(message.payload), expiry))

    def publish(self, where: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        """At QoS 1, never retained."""
        return self._client.publish(where, payload, qos=1)

    def get(self, timeout_s: float = DEADLINE_S) -> tuple[str, bytes, int | None]:
        """The next message: topic, payload, remaining expiry."""
        return self.got.get(timeout=timeout_s)

    def nothing(self) -> bool:
        """Whether nothing waits."""
        return self.got.empty()

    def close(self, will: bool = False) -> None:
        """Leave; with `will` the line is cut, so that the broker publishes the last will."""
        if will:
            sock: Any = self._client.socket()
            self._client.on_disconnect = lambda client, *_: client.disconnect()
            sock.shutdown(2)
        else:
            self._client.disconnect()
        self._client.loop_stop()


class FakeCentral(Client):
    """Central's end of the hop: envelopes down, acks and envelopes up."""

    sequence = 0

    def down(
        self, frames: list[bytes], sequence: int | None = None, key: Pair | None = None, gateway: int = 1
    ) -> bytes:
        """Send one envelope; its octets."""
        if sequence is None:
            FakeCentral.sequence += 1
            sequence = FakeCentral.sequence
        octets = hop.seal((key or hop_keys()).down, gateway, sequence, frames)
        self.publish(topic(GATEWAY, DOWN), octets)
        return octets

    def receipt(self, upto: int, beyond: int = 0) -> None:
        """Confirm acks."""
        self.down([hop.receipt(Receipt(upto, beyond))])

    def next_ack(self, timeout_s: float = DEADLINE_S) -> Countersigned:
        """The next countersigned ack, its signature verified with the gateway's public key."""
        while True:
            _, payload, _ = self.get(timeout_s)
            if payload in (b"0", b"1") or kind_of(payload) == KIND_HOP:
                continue
            message = countersign.unpack(payload)
            public = Ed25519PrivateKey.from_private_bytes(SEED).public_key()
            public.verify(message.signature, countersign.to_sign(message))
            return message

    def next_frame(self, kind: int, timeout_s: float = DEADLINE_S) -> tuple[bytes, Envelope]:
        """The next frame of that kind in an upward envelope, and its envelope."""
        deadline = time.monotonic() + timeout_s
        while True:
            _, payload, _ = self.get(max(0.0, deadline - time.monotonic()))
            if payload in (b"0", b"1") or kind_of(payload) != KIND_HOP:
                continue
            opened = hop.open(hop_keys().up, payload)
            for frame in opened.frames:
                if kind_of(frame) == kind:
                    return frame, opened


class FakeCenter(Client):
    """A center's end of the local broker."""

    number = 0

    def up(self, frame: bytes) -> mqtt.MQTTMessageInfo:
        """Publish under its own name."""
        return self.publish(topic(center_name(self.number), UP), frame)

    def link(self, value: bytes) -> None:
        """Its greeting or what its last will would say."""
        self.publish(topic(center_name(self.number), LINK), value)

    def next_down(self, timeout_s: float = DEADLINE_S) -> tuple[bytes, int | None]:
        """The next frame for it and the expiry that was left."""
        _, payload, expiry = self.get(timeout_s)
        return payload, expiry


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

    def process(self, **sections: dict[str, object]) -> tuple[subprocess.Popen[bytes], Lines]:
        """The gateway as a process of its own, once both sides are up."""
        command_line = [sys.executable, "-m", "gateway", "run", "--settings", str(self.settings(**sections))]
        process = subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._processes.append(process)
        log = Lines()

        def follow() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                log.put(json.loads(line))

        threading.Thread(target=follow, daemon=True).start()
        for _ in range(2):
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
