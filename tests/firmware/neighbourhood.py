"""One center on its own broker for tests: real mosquitto, real interpreters, and the gateway's side played by the test."""

from __future__ import annotations

import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.serialization import Encoding

from central import pki
from protocol import codes
from protocol.hmac import Mac
from protocol.keys import center_pairs, vault_key
from protocol.layout import authority_of, kind_of
from protocol.messages import ACK, COMMAND, CONFIRM, HELLO, KIND_ACK, KIND_HELLO, TIME, Command, Confirm, Time
from simulator.broker import Broker
from simulator.compiled import compiled

REPO = Path(__file__).resolve().parents[2]
MICROPYTHON = Path(sys.executable).with_name("micropython")
ROOT = bytes(range(32))
DEADLINE_S = 30.0
LOUD = [1, 2, 4, 5]


class Lines:
    """What a board says, line by line."""

    def __init__(self, folder: Path, *interpreter: str, program: str = "stub_board.py") -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPO), "MICROPYPATH": f".frozen:{compiled()}"}
        command = [*interpreter, str(REPO / "tests/firmware" / program), str(folder)]
        self.process = subprocess.Popen(
            command, cwd=REPO, env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.seen: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._follow, daemon=True).start()

    def until(self, wanted: Callable[[str], bool], timeout_s: float = DEADLINE_S) -> str:
        """The next line that is wanted; fails with all that was said when it does not come."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError("the board said only:\n" + "\n".join(self.seen)) from None
            if wanted(line):
                return line

    def set(self, name: str, value: int) -> None:
        """An input of the board changes."""
        assert self.process.stdin
        self.process.stdin.write(f"set {name} {value}\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def _follow(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.seen.append(line.rstrip())
            self._queue.put(line.rstrip())


class Neighbourhood:
    """Certificates and a center's folder; `broker()` starts what it connects to, `gateway()` who answers it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "authority"
        pki.create_authority(self.authority)
        pki.issue_municipality(self.authority, 1)
        self._closing: list[Callable[[], None]] = []
        self.device = folder / "C000042"
        self.device.mkdir()
        client = pki.issue_client(self.authority, 1, "C000042")
        (self.device / "ca.der").write_bytes(client.root.public_bytes(Encoding.DER))
        (self.device / "cert.der").write_bytes(client.certificate.public_bytes(Encoding.DER))
        (self.device / "key.der").write_bytes(client.key_der())

    def broker(self, name: str = "G000001", days: int = 825, not_before: datetime | None = None,
               authority: Path | None = None, kind: str = "mosquitto") -> Broker:  # fmt: skip
        """The neighbourhood's broker, with the certificate that the test wants it to have."""
        server = pki.issue_server(authority or self.authority, 1, name, [name], days, not_before)
        certificates = self.folder / "certificates"
        certificates.mkdir(exist_ok=True)
        (certificates / "broker-cert.pem").write_bytes(server.chain_pem)
        (certificates / "broker-key.pem").write_bytes(server.key_pem())
        (certificates / "broker-ca.pem").write_bytes(pki.trust_pem(self.authority))
        broker = Broker(self.folder / "broker", certificates, "gateway", "G000001", kind)
        broker.start()
        self._closing.append(broker.kill)
        return broker

    def write_device(self, port: int, **more: Any) -> None:
        """The file that enrolment writes."""
        tag = Mac(vault_key(ROOT, 42)).tag(b"sereno/1 loud\0" + bytes(LOUD)).hex()
        settings = {
            "center": 42, "group": 7, "gateway": "G000001", "epoch": 0, "root": ROOT.hex(), "loud": LOUD,
            "loud_tag": tag, "panic_class": 1, "hold_ms": 100, "beat_s": 1,
            "endpoints": [{"host": "127.0.0.1", "port": port, "name": "G000001"}], **more,
        }  # fmt: skip
        (self.device / "device.json").write_text(json.dumps(settings))

    def center(self, port: int, *interpreter: str, program: str = "stub_board.py", **more: Any) -> Lines:
        """Start the firmware on a stub board, on MicroPython unless told otherwise."""
        self.write_device(port, **more)
        lines = Lines(self.device, *(interpreter or (str(MICROPYTHON), "-X", "heapsize=256k")), program=program)
        self._closing.append(lines.close)
        return lines

    def gateway(self, port: int, version: int = mqtt.MQTTv5) -> Gateway:
        """Central and gateway in one, as the center hears them."""
        issued = pki.issue_client(self.authority, 1, "G000001")
        for name, content in (("cert", issued.chain_pem), ("key", issued.key_pem())):
            (self.folder / f"gateway-{name}.pem").write_bytes(content)
        gateway = Gateway(self, port, version)
        self._closing.append(gateway.close)
        return gateway

    def close(self) -> None:
        for close in reversed(self._closing):
            close()


class Gateway:
    """Answers hellos with the time; `acks` are what the center said of commands and of itself."""

    def __init__(self, place: Neighbourhood, port: int, version: int) -> None:
        self.pairs = center_pairs(ROOT, 42, 0)
        self.nonce: bytes | None = None
        self.acks: queue.Queue[Any] = queue.Queue()
        self.hellos: queue.Queue[Any] = queue.Queue()
        self.frames: queue.Queue[bytes] = queue.Queue()
        self.counter = 0
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="G000001", protocol=version)
        context = ssl.create_default_context(cadata=pki.root_pem(place.authority).decode())
        context.check_hostname = False
        context.load_cert_chain(place.folder / "gateway-cert.pem", place.folder / "gateway-key.pem")
        self._client.tls_set_context(context)
        self._client.on_message = self._message
        ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("sereno/1/+/up", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(DEADLINE_S)

    def send(self, **changes: Any) -> bytes:
        """A sealed command to the center: loud and general unless told otherwise."""
        self.counter += 1
        fields: dict[str, Any] = {
            "authority": codes.CENTRAL, "epoch": 0, "center": 42, "group": 7, "counter": self.counter,
            "issued": int(time.time()), "ttl": 60, "incident": self.counter, "activation": 1, "class_": 1,
            "action": codes.ACTIVATE | codes.SIREN, "duration": 1, "flags": 0,
        }  # fmt: skip
        fields.update(changes)
        command = Command(**fields)
        assert self.nonce is not None
        frame = COMMAND.seal(self.pairs[command.authority].down, command, self.nonce)
        self.down(frame)
        return frame

    def down(self, frame: bytes) -> None:
        self._client.publish("sereno/1/C000042/down", frame, qos=1)

    def synchronised(self) -> Any:
        """Once central's hello was answered: that hello."""
        while True:
            hello = self.hellos.get(timeout=DEADLINE_S)
            if hello.authority == codes.CENTRAL:
                return hello

    def status(self, timeout_s: float = DEADLINE_S) -> int:
        """The status of the next ack under central's key."""
        while True:
            ack = self.acks.get(timeout=timeout_s)
            if ack.authority == codes.CENTRAL:
                return int(ack.status)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        frame = message.payload
        self.frames.put(frame)
        if kind_of(frame) == KIND_ACK:
            ack = ACK.open(self.pairs[authority_of(frame)].up, frame)
            self.acks.put(ack)
            if ack.counter == 0 and ack.authority == codes.CENTRAL and self.nonce is not None:
                self.down(CONFIRM.seal(self.pairs[0].down, Confirm(0, 0, 42, ack.sequence), self.nonce))
        if kind_of(frame) == KIND_HELLO:
            hello = HELLO.open(self.pairs[authority_of(frame)].up, frame)
            self.nonce = hello.nonce
            answer = Time(hello.authority, 0, 42, int(time.time()), 0, 0, hello.request)
            self.down(TIME.seal(self.pairs[hello.authority].down, answer, hello.nonce))
            self.hellos.put(hello)
