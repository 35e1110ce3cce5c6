"""Central as a process of its own, and a gateway's link to the broker beside it; every wait has a deadline."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from protocol.topics import DOWN, LINK, UP, gateway_name, topic
from simulator.broker import free_port
from tests.central.players import GatewayPlayer
from tests.central.rig import Installation

DEADLINE_S = 15.0


def command(installation: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of central's that is expected to end by itself."""
    line = [sys.executable, "-m", "central", *words, "--settings", str(installation.settings)]
    return subprocess.run(line, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


class Served:
    """`python -m central serve` on free ports; `log` are its lines so far."""

    def __init__(self, installation: Installation, broker_port: int, **settings: object) -> None:
        self.installation = installation
        self.port = free_port()
        values = {"http_port": self.port, "broker_port": broker_port, **settings}
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        installation.settings.write_text('state = "state"\nprocess = "S01"\n' + "".join(lines))
        self.log: list[dict[str, Any]] = []
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=DEADLINE_S)
        self.start()

    def start(self) -> None:
        """Start it and wait until it serves."""
        line = [sys.executable, "-m", "central", "serve", "--settings", str(self.installation.settings)]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._fresh: Queue[dict[str, Any]] = Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.until("serving")

    def until(self, event: str) -> dict[str, Any]:
        """The next line of a kind."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no {event!r} in {self.log[-20:]}") from None
            if line["event"] == event:
                return line

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self._process.send_signal(how)
        code = self._process.wait(DEADLINE_S)
        self._reading.join(DEADLINE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def close(self) -> None:
        """End it if it still runs."""
        self.http.close()
        if self._process.poll() is None:
            self.end()

    def app(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """A request with the app's key."""
        return self._with(self.installation.app, method, path, fields)

    def operator(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """A request with the operator's token."""
        return self._with(self.installation.operator, method, path, fields)

    def foreign(self, method: str, path: str, **fields: Any) -> httpx.Response:
        """A request with the token of an operator of another municipality."""
        return self._with(self.installation.foreign_operator, method, path, fields)

    def alert(self, id: str, class_name: str = "general", **fields: Any) -> httpx.Response:
        """An alert of group 1."""
        return self.app("POST", "/v1/alerts", json={"id": id, "class": class_name, "group": 1, **fields})

    def _with(self, secret: str, method: str, path: str, fields: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}", **fields.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **fields)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                line = json.loads(text)
            except ValueError:
                line = {"event": "not JSON", "text": text}
            self.log.append(line)
            self._fresh.put(line)


class GatewayLink:
    """A gateway at the broker beside central, with the certificate that enrolment wrote."""

    def __init__(self, folder: Path, player: GatewayPlayer, port: int, will: bool = False) -> None:
        self.player = player
        self._got: Queue[bytes] = Queue()
        self._frames: deque[bytes] = deque()
        self._ready = threading.Event()
        name = gateway_name(player.number)
        context = ssl.create_default_context(cafile=str(folder / name / "ca.pem"))
        context.load_cert_chain(folder / name / "cert.pem", folder / name / "key.pem")
        self._up = topic(name, UP)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(context)
        if will:
            self._client.will_set(topic(name, LINK), b"0", qos=1)
        self._client.on_message = lambda _client, _data, message: self._got.put(bytes(message.payload))
        self._client.on_connect = lambda client, *_: client.subscribe(topic(name, DOWN), 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect("localhost", port)
        self._client.loop_start()
        assert self._ready.wait(DEADLINE_S)

    def send(self, octets: bytes) -> None:
        """Publish upwards; returns when the broker has it."""
        self._client.publish(self._up, octets, qos=1).wait_for_publish(DEADLINE_S)

    def frame(self, kind: int) -> bytes:
        """The next frame of a kind from central."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame[0] >> 2 & 0x0F == kind:
                    return frame
            self._frames.extend(self.player.open(self._got.get(timeout=max(0.0, deadline - time.monotonic()))))

    def break_off(self) -> None:
        """The connection breaks without a word."""
        self._client.loop_stop()
        raw = self._client.socket()
        assert raw is not None
        raw.close()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
