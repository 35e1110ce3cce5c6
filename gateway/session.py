"""One MQTT connection that is made again for ever: certificates both ways, MQTT 5 or 3.1.1, no delay, jitter.

Used by the edges `uplink/mqtt` and `local/mqtt`. Each connection is a new client and a clean session: what was not
acknowledged by the application's own receipts is sent again by the application, never by this.
"""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.ports import Event, LinkChanged, Log, Received
from gateway.refusals import of_connack, of_disconnect, of_exception
from gateway.sections import LocalSettings, UplinkSettings

_CONNECT_TIMEOUT_S = 20.0
_GRANT_TIMEOUT_S = 20.0
# A broker that has not answered MQTT 5 by now may not know it; on a slow line the next try in 3.1.1 does as well.
_TRY_TIMEOUT_S = 6.0
_MAX_DELAY_S = 30.0
_INFLIGHT = 1000
_UNSUPPORTED_VERSION = 0x84


@dataclass(frozen=True)
class Endpoint:
    """A broker: where it is, the name its certificate must be issued to, and how to speak with it.

    `protocol` is "auto", "5" or "3.1.1"; `user_timeout_s` is how long sent octets may stay unconfirmed by TCP.
    """

    host: str
    port: int
    name: str
    keepalive_s: int
    user_timeout_s: int
    protocol: str = "auto"

    @classmethod
    def of(cls, section: UplinkSettings | LocalSettings, default_name: str) -> Endpoint:
        """The endpoint that a section of the settings describes."""
        name = section.name or default_name
        return cls(section.host, section.port, name, section.keepalive_s, section.user_timeout_s, section.protocol)


class NamedContext(ssl.SSLContext):
    """Full verification (chain, dates, name), of the name the broker must have and not of the address dialled."""

    expected: str = ""

    def wrap_socket(self, sock: socket.socket, *args: Any, **named: Any) -> ssl.SSLSocket:
        """The socket under TLS, its peer to be verified as `expected`."""
        named["server_hostname"] = self.expected
        return super().wrap_socket(sock, *args, **named)


@dataclass
class _Connection:
    """What belongs to one connection and dies with it."""

    client: mqtt.Client
    ended: threading.Event = field(default_factory=threading.Event)
    reached: bool = False
    answered: bool = False
    granted: bool = False
    # How many names of topics the broker lets this client shorten to a number, and those it knows already (MQTT 5, 3.3.2.3.4).
    aliases: int = 0
    named: dict[str, int] = field(default_factory=dict)
    unsupported: bool = False
    reason: str = ""


class Session:
    """Keeps one connection up on a thread of its own; `deliver` takes its events and is called on paho's threads."""

    def __init__(
        self,
        side: str,
        own_name: str,
        endpoint: Endpoint,
        context: Callable[[], NamedContext],
        link_topic: str,
        topics: list[str],
        deliver: Callable[[Event], None],
        log: Log,
    ) -> None:
        self.side = side
        self._own_name = own_name
        self._endpoint = endpoint
        self._context = context
        self._link_topic = link_topic
        self._topics = topics
        self._deliver = deliver
        self._log = log
        self._version = "3.1.1" if endpoint.protocol == "3.1.1" else "5"
        self._refused_5 = False
        self._stopping = threading.Event()
        self._current: _Connection | None = None
        self._thread = threading.Thread(target=self._keep, name=f"{side} session", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether a connection stands and its subscriptions are granted."""
        connection = self._current
        return connection is not None and connection.granted and not connection.ended.is_set()

    @property
    def alive(self) -> bool:
        """Whether its thread still tries, connected or not."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Say goodbye on the link topic and end; gives up waiting after `timeout_s`."""
        self._stopping.set()
        connection = self._current
        if connection is not None:
            if connection.granted:
                connection.client.publish(self._link_topic, b"0", qos=1)
            connection.client.disconnect()
            connection.ended.set()
        self._thread.join(timeout_s)

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> bool:
        """Hand over at QoS 1, never retained; False when there is no connection or its queue is full."""
        connection = self._current
        if connection is None or not connection.granted or connection.ended.is_set():
            return False
        properties = None
        if expiry_s is not None and self._version == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        info = connection.client.publish(topic, payload, qos=1, retain=False, properties=properties)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def mention(self, topic: str, payload: bytes) -> bool:
        """Hand over at QoS 0, in as few octets as the broker allows: what may be lost and is said again."""
        connection = self._current
        if connection is None or not connection.granted or connection.ended.is_set():
            return False
        properties, name = None, topic
        number = connection.named.get(topic)
        # At QoS 0 alone, where nothing overtakes: the number is never used before the message that gives it a name.
        if number is not None or len(connection.named) < connection.aliases:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            alias = properties.TopicAlias = number or len(connection.named) + 1
            name = "" if number else topic
        info = connection.client.publish(name, payload, qos=0, retain=False, properties=properties)
        sent = info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        if sent and properties is not None:
            connection.named[topic] = alias
        return sent

    def drop(self, reason: str) -> None:
        """End the present connection; a new one follows."""
        connection = self._current
        if connection is not None:
            self._end(connection, reason)
            _shut(connection.client)

    def _keep(self) -> None:
        failures = 0
        told = ""
        while not self._stopping.is_set():
            connection = self._connect()
            if self._stopping.is_set():
                return
            if self._other_version(connection) and connection.unsupported:
                continue
            if connection.granted:
                failures, told = 0, ""
            if connection.reason != told:
                self._deliver(LinkChanged(self.side, False, connection.reason))
                told = connection.reason
                self._log.warning("link_down", side=self.side, broker=self._where(), reason=told)
            failures += 1
            # Full jitter: after a broker's restart the gateways of a city must not all come in the same second.
            self._stopping.wait(random.uniform(0.2, min(_MAX_DELAY_S, 0.5 * 2.0 ** min(failures, 10))))  # noqa: S311

    def _other_version(self, connection: _Connection) -> bool:
        """Change the version for the next try when this one was refused, or got no answer at all.

        A broker that only knows 3.1.1 should say so, and some merely fall silent or hang up.
        """
        if connection.granted and self._endpoint.protocol == "auto" and not self._refused_5:
            self._version = "5"
        silent = connection.reached and not connection.answered
        if self._endpoint.protocol != "auto" or not (silent or connection.unsupported):
            return False
        self._refused_5 = connection.unsupported and self._version == "5"
        self._version = "5" if self._version == "3.1.1" else "3.1.1"
        why = "the broker does not speak the other one" if connection.unsupported else "no answer to the other one"
        self._log.info("mqtt_version", side=self.side, version=self._version, why=why)
        return True

    def _connect(self) -> _Connection:
        """One connection from beginning to end; its `reason` says why it ended."""
        connection = _Connection(self._client())
        client = connection.client
        client.on_connect = lambda _c, _u, _f, code, told: self._answered(connection, code, told)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._subscribed(connection, codes)
        client.on_message = lambda _c, _u, message: self._received(connection, message)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self._end(
            connection, of_disconnect(code, connection.granted)
        )
        client.on_socket_open = lambda _c, _u, sock: self._tune(sock)
        try:
            client.tls_set_context(self._context())
            client.connect(self._endpoint.host, self._endpoint.port, self._endpoint.keepalive_s)
        except (OSError, ValueError) as error:
            self._end(connection, of_exception(error, self._where(), self._endpoint.name))
            return connection
        connection.reached = True
        self._current = connection
        client.loop_start()
        timeout_s = _TRY_TIMEOUT_S if self._endpoint.protocol == "auto" and self._version == "5" else _GRANT_TIMEOUT_S
        deadline = time.monotonic() + timeout_s
        while not connection.ended.wait(0.5) and not self._stopping.is_set():
            if not connection.granted and time.monotonic() > deadline:
                self._end(connection, f"{self._where()} did not answer within {timeout_s:.0f} s")
        if not self._stopping.is_set():
            _shut(client)
        client.loop_stop()
        self._current = None
        return connection

    def _client(self) -> mqtt.Client:
        version = MQTTProtocolVersion.MQTTv5 if self._version == "5" else MQTTProtocolVersion.MQTTv311
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._own_name,
            clean_session=None if self._version == "5" else True,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_INFLIGHT)
        client.max_queued_messages_set(4 * _INFLIGHT)
        client.will_set(self._link_topic, b"0", qos=1, retain=False)
        return client

    def _tune(self, sock: Any) -> None:
        """No waiting for more octets (44 ms a hop otherwise), and an end to a dead line; both read back."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nodelay = bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        user_timeout_ms = 0
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            wanted_ms = self._endpoint.user_timeout_s * 1000
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wanted_ms)
            user_timeout_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        say = self._log.info if nodelay else self._log.error
        say("socket_open", side=self.side, nodelay=nodelay, user_timeout_ms=user_timeout_ms)

    def _answered(self, connection: _Connection, code: ReasonCode, told: Properties | None) -> None:
        connection.answered = True
        connection.aliases = getattr(told, "TopicAliasMaximum", 0)
        if code.is_failure:
            connection.unsupported = code.value == _UNSUPPORTED_VERSION
            self._end(connection, of_connack(code, self._where()))
            return
        # The broker keeps no session: without this at every connection, nothing would ever arrive again.
        connection.client.subscribe([(topic, 1) for topic in self._topics])

    def _subscribed(self, connection: _Connection, codes: list[ReasonCode]) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure]
        if refused:
            self._end(
                connection, f"{self._where()} refused the subscription to {', '.join(refused)}; see its access list"
            )
            _shut(connection.client)
            return
        connection.granted = True
        connection.client.publish(self._link_topic, b"1", qos=1)
        self._log.info("link_up", side=self.side, broker=self._where(), version=self._version)
        self._deliver(LinkChanged(self.side, True, "subscribed"))

    def _received(self, connection: _Connection, message: mqtt.MQTTMessage) -> None:
        mid, qos = message.mid, message.qos

        def acknowledge() -> None:
            # An answer about a connection that is gone would name another message of the next one.
            if qos and not connection.ended.is_set():
                connection.client.ack(mid, qos)

        self._deliver(Received(self.side, message.topic, bytes(message.payload), bool(message.retain), acknowledge))

    def _end(self, connection: _Connection, reason: str) -> None:
        connection.reason = connection.reason or reason
        connection.ended.set()

    def _where(self) -> str:
        return f"{self._endpoint.host}:{self._endpoint.port}"


def _shut(client: mqtt.Client) -> None:
    """Close the line under the client, so that its thread ends whatever the broker does."""
    sock: Any = client.socket()
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
