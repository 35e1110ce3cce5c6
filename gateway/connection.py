"""One MQTT connection from beginning to end: certificates both ways, MQTT 5 or 3.1.1, no delay, dead lines noticed.

Made by the session, which makes the next one. Nothing of it outlives it: a new client, a clean session.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.domain.remote import Address
from gateway.ports import Event, LinkChanged, Log, Received
from gateway.refusals import of_connack, of_disconnect, of_exception
from gateway.sections import LocalSettings, UplinkSettings

V5, V311 = "5", "3.1.1"
_CONNECT_TIMEOUT_S = 20.0
_GRANT_TIMEOUT_S = 20.0
# A broker that has not answered MQTT 5 by now may not know it; on a slow line the next try in 3.1.1 does as well.
_TRY_TIMEOUT_S = 6.0
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

    @property
    def where(self) -> str:
        """`host:port`, as in every sentence about it."""
        return f"{self.host}:{self.port}"


def uplinks(section: UplinkSettings, addresses: Sequence[Address] = ()) -> list[Endpoint]:
    """Central's brokers in the order they are tried: `addresses` as central changed them, else those of the settings."""
    if not addresses:
        addresses = [Address(section.host, section.port, section.name)]
        if section.second_host:
            addresses.append(Address(section.second_host, section.second_port, section.second_name))
    rest = (section.keepalive_s, section.user_timeout_s, section.protocol)
    return [Endpoint(one.host, one.port, one.name or one.host, *rest) for one in addresses]


def local(section: LocalSettings, own_name: str) -> Endpoint:
    """The neighbourhood's own broker; unless the settings say another, its certificate bears the gateway's name."""
    name = section.name or own_name
    return Endpoint(section.host, section.port, name, section.keepalive_s, section.user_timeout_s, section.protocol)


class NamedContext(ssl.SSLContext):
    """Full verification (chain, dates, name), of the name the broker must have and not of the address dialled."""

    expected: str = ""

    def wrap_socket(self, sock: socket.socket, *args: Any, **named: Any) -> ssl.SSLSocket:
        """The socket under TLS, its peer to be verified as `expected`."""
        named["server_hostname"] = self.expected
        return super().wrap_socket(sock, *args, **named)


@dataclass(frozen=True)
class Line:
    """What all connections of one side have in common: its name, ours, the topics, and who takes the events."""

    side: str
    own_name: str
    link_topic: str
    topics: list[str]
    deliver: Callable[[Event], None]
    log: Log


class Connection:
    """To one broker, in one version of MQTT. The flags are read by the session once it has ended."""

    def __init__(self, line: Line, endpoint: Endpoint, version: str) -> None:
        self.endpoint = endpoint
        self.version = version
        self.ended = threading.Event()
        self.reached = self.answered = self.granted = self.unsupported = self.dropped = False
        self.reason = ""
        self._line = line
        # How many names of topics the broker lets this client shorten to a number, and those it knows already
        # (MQTT 5, 3.3.2.3.4).
        self._aliases = 0
        self._named: dict[str, int] = {}
        self._client = self._made()

    @property
    def stands(self) -> bool:
        """Whether its subscriptions are granted and it has not ended."""
        return self.granted and not self.ended.is_set()

    def run(self, context: Callable[[str], NamedContext], stopping: threading.Event) -> None:
        """Connect, and stay until it ends or `stopping` is set; `reason` then says why. `context` is given the broker's name."""
        client, endpoint = self._client, self.endpoint
        try:
            client.tls_set_context(context(endpoint.name))
            client.connect(endpoint.host, endpoint.port, endpoint.keepalive_s)
        except (OSError, ValueError) as error:
            self._end(of_exception(error, endpoint.where, endpoint.name))
            return
        self.reached = True
        client.loop_start()
        timeout_s = _TRY_TIMEOUT_S if endpoint.protocol == "auto" and self.version == V5 else _GRANT_TIMEOUT_S
        deadline = time.monotonic() + timeout_s
        while not self.ended.wait(0.5) and not stopping.is_set():
            if not self.granted and time.monotonic() > deadline:
                self._end(f"{endpoint.where} did not answer within {timeout_s:.0f} s")
        if not stopping.is_set():
            self._shut()
        client.loop_stop()

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> bool:
        """Hand over at QoS 1, never retained; False when it does not stand or its queue is full."""
        if not self.stands:
            return False
        properties = None
        if expiry_s is not None and self.version == V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos=1, retain=False, properties=properties)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def mention(self, topic: str, payload: bytes) -> bool:
        """Hand over at QoS 0, in as few octets as the broker allows: what may be lost and is said again."""
        if not self.stands:
            return False
        properties, name = None, topic
        number = self._named.get(topic)
        # At QoS 0 alone, where nothing overtakes: the number is never used before the message that gives it a name.
        if number is not None or len(self._named) < self._aliases:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.TopicAlias = number or len(self._named) + 1
            name = "" if number else topic
        info = self._client.publish(name, payload, qos=0, retain=False, properties=properties)
        sent = info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        if sent and properties is not None:
            self._named[topic] = properties.TopicAlias  # type: ignore[attr-defined]
        return sent

    def drop(self, reason: str) -> None:
        """End it at once: it stands, and is worth nothing."""
        self.dropped = True
        self._end(reason)
        self._shut()

    def bid_farewell(self) -> None:
        """End it in order: the others are told, and no last will is published."""
        if self.granted:
            self._client.publish(self._line.link_topic, b"0", qos=1)
        self._client.disconnect()
        self.ended.set()

    def _made(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._line.own_name,
            clean_session=None if self.version == V5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if self.version == V5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_INFLIGHT)
        client.max_queued_messages_set(4 * _INFLIGHT)
        client.will_set(self._line.link_topic, b"0", qos=1, retain=False)
        client.on_connect = lambda _c, _u, _f, code, told: self._answered(code, told)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._subscribed(codes)
        client.on_message = lambda _c, _u, message: self._received(message)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self._end(of_disconnect(code, self.granted))
        client.on_socket_open = lambda _c, _u, sock: self._tune(sock)
        return client

    def _tune(self, sock: Any) -> None:
        """No waiting for more octets (44 ms a hop otherwise), and an end to a dead line; both read back."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nodelay = bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        user_timeout_ms = 0
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self.endpoint.user_timeout_s * 1000)
            user_timeout_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        say = self._line.log.info if nodelay else self._line.log.error
        say("socket_open", side=self._line.side, nodelay=nodelay, user_timeout_ms=user_timeout_ms)

    def _answered(self, code: ReasonCode, told: Properties | None) -> None:
        self.answered = True
        self._aliases = getattr(told, "TopicAliasMaximum", 0)
        if code.is_failure:
            self.unsupported = code.value == _UNSUPPORTED_VERSION
            self._end(of_connack(code, self.endpoint.where))
            return
        # The broker keeps no session: without this at every connection, nothing would ever arrive again.
        self._client.subscribe([(topic, 1) for topic in self._line.topics])

    def _subscribed(self, codes: list[ReasonCode]) -> None:
        line, where = self._line, self.endpoint.where
        refused = [topic for topic, code in zip(line.topics, codes, strict=False) if code.is_failure]
        if refused:
            self._end(f"{where} refused the subscription to {', '.join(refused)}; see its access list")
            self._shut()
            return
        self.granted = True
        self._client.publish(line.link_topic, b"1", qos=1)
        line.log.info("link_up", side=line.side, broker=where, version=self.version)
        line.deliver(LinkChanged(line.side, True, "subscribed", where))

    def _received(self, message: mqtt.MQTTMessage) -> None:
        mid, qos = message.mid, message.qos

        def acknowledge() -> None:
            # An answer about a connection that is gone would name another message of the next one.
            if qos and not self.ended.is_set():
                self._client.ack(mid, qos)

        received = Received(self._line.side, message.topic, bytes(message.payload), bool(message.retain), acknowledge)
        self._line.deliver(received)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.ended.set()

    def _shut(self) -> None:
        """Close the line under the client, so that its thread ends whatever the broker does."""
        sock: Any = self._client.socket()
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
