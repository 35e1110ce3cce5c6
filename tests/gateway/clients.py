"""The two ends of the gateway as plain MQTT clients with certificates: central, and a center."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from queue import Queue
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.certificates import context
from protocol import countersign, hop
from protocol.countersign import Countersigned
from protocol.hop import Envelope, Receipt
from protocol.keys import Pair
from protocol.layout import kind_of
from protocol.messages import KIND_HOP
from protocol.topics import DOWN, LINK, UP, center_name, topic
from tests.gateway.frames import DEADLINE_S, GATEWAY, SEED, hop_keys


class Client:
    """A plain MQTT client with a certificate, as central or as a center."""

    def __init__(self, folder: Path, name: str, port: int, server: str, topics: list[str], version: str = "5") -> None:
        self.got: Queue[tuple[str, bytes, int | None]] = Queue()
        made = context(folder, server)
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
