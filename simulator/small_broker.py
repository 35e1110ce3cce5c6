"""The demo's broker where mosquitto is not installed: amqtt with the rules of `deploy/`.

Run as a process by simulator.broker. It speaks MQTT 3.1.1 only. A device is its certificate, reads its own topic,
writes as itself, and nothing is retained; production and tests use mosquitto.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from protocol.errors import Malformed
from protocol.topics import DOWN, LINK, UP, parse, topic

# What the owner of a role may do beside its own topics, as in deploy/broker/acl and deploy/gateway/acl.
_OWNER_READS = {"broker": (DOWN, UP, LINK), "gateway": (UP, LINK)}
_OWNER_WRITES = {"broker": (DOWN, UP, LINK), "gateway": (DOWN, LINK)}


class _Rules:
    owner = ""
    role = ""


class CertificateIsClient(BaseAuthPlugin):
    """Admits a client whose id is the common name of the certificate that it proved to hold."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether the session's verified certificate names its client id."""
        certificate = session.ssl_object.getpeercert() if session.ssl_object else None
        subject = dict(entry[0] for entry in (certificate or {}).get("subject", ()))
        return bool(session.client_id) and subject.get("commonName") == session.client_id


class OwnTopicsOnly(BaseTopicPlugin):
    """The access list of deploy/, by name of the client."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether this client may subscribe to, publish to or receive from a topic."""
        if session is None or topic is None or not session.client_id:
            return False
        return allowed(session.client_id, topic, writes=action == Action.PUBLISH)


def allowed(client: str, name: str, *, writes: bool) -> bool:
    """The access list as a function: `name` is a topic, or a filter when a client subscribes."""
    if writes:
        own = name in (topic(client, UP), topic(client, LINK))
        return own or (client == _Rules.owner and _direction(name) in _OWNER_WRITES[_Rules.role])
    if name == topic(client, DOWN):
        return True
    return client == _Rules.owner and _direction(name.replace("+", "C000001")) in _OWNER_READS[_Rules.role]


def _direction(name: str) -> str:
    try:
        return parse(name)[1]
    except Malformed:
        return ""


class _NothingRetained(Broker):
    async def retain_message(self, *_arguments: Any, **_named: Any) -> None:
        """Drop it: a retained command would fire again at each reconnect."""


async def serve(certificates: Path, port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    listener = ListenerConfig(
        bind=f"127.0.0.1:{port}",
        ssl=True,
        cafile=certificates / "broker-ca.pem",
        certfile=certificates / "broker-cert.pem",
        keyfile=certificates / "broker-key.pem",
    )
    plugins: dict[str, Any] = {
        f"simulator.small_broker.{name}": {} for name in ("CertificateIsClient", "OwnTopicsOnly")
    }
    broker = _NothingRetained(BrokerConfig(listeners={"default": listener}, plugins=plugins))
    await broker.start()
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    await ended.wait()
    await broker.shutdown()


def main() -> None:
    """Arguments: certificates folder, port, owner's name, role."""
    folder, port, _Rules.owner, _Rules.role = sys.argv[1:5]
    # amqtt loads the plugins by name; under -m this module is __main__, and the plugins' copy needs the rules too.
    from simulator import small_broker

    small_broker._Rules.owner, small_broker._Rules.role = _Rules.owner, _Rules.role
    asyncio.run(serve(Path(folder), int(port)))


if __name__ == "__main__":
    main()
