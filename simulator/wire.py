"""A hand on a broker: connects with a certificate, publishes, and keeps what arrives. For campaigns and journeys.

It is the attacker with root on a broker, or the tester who plays one side; it knows frames, no keys.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulator.errors import SimulatorError

_TIMEOUT_S = 15.0


class Wire:
    """An MQTT 3.1.1 client named as its certificate: `folder` holds ca.pem, cert.pem and key.pem."""

    def __init__(self, name: str, folder: Path, port: int, host: str = "localhost") -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self._filters: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        self._client.tls_set(str(folder / "ca.pem"), str(folder / "cert.pem"), str(folder / "key.pem"))
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, got: self.messages.put((got.topic, bytes(got.payload)))
        self._client.on_socket_open = self._no_delay
        self.folder = folder
        self.port = port
        self._address = (host, port)

    def open(self, *filters: str) -> Wire:
        """Connect and subscribe; raises SimulatorError when the broker does not let it in."""
        self._filters = list(filters)
        try:
            self._client.connect(*self._address, keepalive=30)
        except OSError as error:
            raise SimulatorError(f"no broker at {self._address[0]}:{self._address[1]} ({error})") from error
        self._client.loop_start()
        for waited in [self._connected] + ([self._subscribed] if filters else []):
            if not waited.wait(_TIMEOUT_S):
                raise SimulatorError(f"the broker at port {self._address[1]} did not answer")
        return self

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 without waiting."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def attack(self, topic: str, payload: bytes) -> None:
        """Publish what nobody may obey: on this way as anything else."""
        self.send(topic, payload)

    def flush(self) -> None:
        """Wait until the broker has taken all that was sent; raises SimulatorError after 15 s without progress."""
        last = self._client.publish("sereno/1/flush", b"", qos=1)
        try:
            last.wait_for_publish(_TIMEOUT_S)
        except (RuntimeError, ValueError) as error:
            raise SimulatorError(f"the broker went away: {error}") from error

    def wait(self, wanted: Callable[[str, bytes], Any], timeout_s: float = _TIMEOUT_S) -> Any:
        """The first true answer of `wanted(topic, payload)` among arriving messages; raises SimulatorError when none came."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                topic, payload = self.messages.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise SimulatorError(f"nothing that was waited for came within {timeout_s:g} s") from None
            found = wanted(topic, payload)
            if found:
                return found

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        for name in self._filters:
            client.subscribe(name, qos=1)
        self._connected.set()

    @staticmethod
    def _no_delay(_client: mqtt.Client, _data: Any, raw: Any) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
