"""The link to the broker: TLS with both certificates, subscribed again at each connection, and proven.

A connection counts as up when a message to this process's own topic came back. Nothing is queued here while it is
down: what matters is in the database and is sent again until it is answered.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmqtt
import structlog
from gmqtt.mqtt.constants import MQTTv50, MQTTv311

from central.domain.errors import Refused
from protocol.topics import DOWN, LINK, UP, gateway_name, topic

_log = structlog.get_logger()

KEEPALIVE_S = 30
_PROOF_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 10.0
_RETRY_S = (0.2, 5.0)
_NOBODY = b"\x10"  # the reason code "no matching subscribers"
_VERSIONS = {"auto": MQTTv50, "5": MQTTv50, "3.1.1": MQTTv311}


def tls(folder: Path) -> ssl.SSLContext:
    """A context with this process's certificate that verifies chain, name and dates; raises Refused."""
    missing = [name for name in ("ca.pem", "cert.pem", "key.pem") if not (folder / name).exists()]
    if missing:
        raise Refused(f"{folder} lacks {', '.join(missing)}; run `sereno-central enroll process`")
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except (ssl.SSLError, OSError) as error:
        raise Refused(f"the certificate in {folder} cannot be used: {error}") from error
    return context


class MqttBroker:
    """Keeps one connection; `receive(topic, payload)` is called in the loop for every message of a gateway.

    `on_up` is called in the loop when a connection is proven, `on_reach(gateway, listens)` when the broker acknowledges a message
    for a gateway: with MQTT 5 it says whether anybody is subscribed.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        context: ssl.SSLContext,
        receive: Callable[[str, bytes], None],
        version: str = "auto",
        on_up: Callable[[], None] = lambda: None,
        on_reach: Callable[[int, bool], None] = lambda gateway, listens: None,
    ) -> None:
        self._name = name
        self._address = (host, port)
        self._context = context
        self._receive = receive
        self._version = version
        self._on_up = on_up
        self._on_reach = on_reach
        self._sent: dict[int, int] = {}
        self._client: Any = None
        self._proven = asyncio.Event()
        self._lost = asyncio.Event()
        self._token = b""

    @property
    def up(self) -> bool:
        """Whether the present connection's subscription is proven."""
        return self._proven.is_set()

    def send(self, gateway: int, octets: bytes) -> None:
        """Publish to a gateway, QoS 1, never retained; dropped while there is no connection."""
        if self._client is not None and self.up:
            message = gmqtt.Message(topic(gateway_name(gateway), DOWN), octets, qos=1)
            # What Client.publish does; it keeps to itself under which number, and the acknowledgement names only that.
            number, package = self._client._connection.publish(message)
            self._client._persistent_storage.push_message(number, package)
            self._sent[number] = gateway

    def mention(self, gateway: int, octets: bytes) -> None:
        """The same at QoS 0."""
        if self._client is not None and self.up:
            self._client.publish(topic(gateway_name(gateway), DOWN), octets, qos=0)

    async def run(self) -> None:
        """Connect, and again for ever, with a jittered pause."""
        pause_s = _RETRY_S[0]
        while True:
            try:
                await self._connected()
                pause_s = _RETRY_S[0]
                await self._lost.wait()
                _log.warning("broker lost", host=self._address[0], port=self._address[1])
            except (OSError, TimeoutError, gmqtt.mqtt.handler.MQTTConnectError) as error:
                _log.warning("broker not reached", host=self._address[0], port=self._address[1], reason=reason(error))
            except Exception:
                # Whatever a library raises, the link is tried again: without it no command goes out.
                _log.exception("broker link failed", host=self._address[0], port=self._address[1])
            await self._close()
            await asyncio.sleep(random.uniform(0.5, 1.0) * pause_s)  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, _RETRY_S[1])

    async def stop(self) -> None:
        """Disconnect."""
        await self._close()

    async def _connected(self) -> None:
        self._proven.clear()
        self._lost.clear()
        # A client object for each connection: clean session every time, nothing replayed from a queue of the library's.
        client = gmqtt.Client(self._name, clean_session=True)
        client.set_config({"reconnect_retries": 0, "reconnect_delay": 0})
        self._sent.clear()
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        self._client = client
        host, port = self._address
        # Not wait_for, which swallows a cancellation that comes together with the failure: the service would not end.
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            await client.connect(host, port, ssl=self._context, keepalive=KEEPALIVE_S, version=_VERSIONS[self._version])
        self._no_delay(client)
        self._listen_to_acknowledgements(client)
        own = topic(self._name, DOWN)
        client.subscribe([gmqtt.Subscription(name, qos=1) for name in (topic("+", UP), topic("+", LINK), own)])
        self._token = secrets.token_bytes(16)
        client.publish(own, self._token, qos=1)
        async with asyncio.timeout(_PROOF_TIMEOUT_S):
            await self._proven.wait()
        _log.info("broker up", host=host, port=port)
        self._on_up()

    async def _close(self) -> None:
        client, self._client = self._client, None
        self._proven.clear()
        if client is None:
            return
        client.on_disconnect = lambda *_: None
        try:
            async with asyncio.timeout(2):
                await client.disconnect()
        except Exception as error:
            # It was gone already, or never came up.
            _log.debug("disconnect", reason=repr(error))

    def _on_message(self, _client: Any, name: str, payload: bytes, _qos: int, _properties: Any) -> int:
        if name == topic(self._name, DOWN):
            if payload == self._token:
                self._proven.set()
            return 0
        self._receive(name, bytes(payload))
        return 0

    def _on_disconnect(self, _client: Any, *_: Any) -> None:
        self._proven.clear()
        self._lost.set()

    def _listen_to_acknowledgements(self, client: Any) -> None:
        """gmqtt leaves out the reason code of a PUBACK (MQTT 5.0, 3.4.2.1)."""
        handler = client._package_handler
        handle = handler._handle_puback_packet

        def acknowledged(command: int, packet: bytes) -> None:
            handle(command, packet)
            gateway = self._sent.pop(int.from_bytes(packet[:2], "big"), None)
            if gateway is not None:
                self._on_reach(gateway, packet[2:3] != _NOBODY)

        handler._handle_puback_packet = acknowledged

    @staticmethod
    def _no_delay(client: Any) -> None:
        """44 ms a hop without it (docs/decisions/0007)."""
        raw = client._connection._transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def reason(error: BaseException) -> str:
    """Why a connection failed, in words for a log or a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        clock = "; check this machine's clock" if "not yet valid" in error.verify_message else ""
        return f"the broker's certificate is not accepted: {error.verify_message}{clock}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}): is this process's certificate valid there?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
