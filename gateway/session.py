"""A connection that is made again for ever, to one broker or to two in turn, with jitter.

Used by the edges `uplink/mqtt` and `local/mqtt`. What was not acknowledged by the application's own receipts is sent again
by the application, never by this.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from gateway.connection import V5, V311, Connection, Endpoint, Line, NamedContext
from gateway.ports import LinkChanged

_MAX_DELAY_S = 30.0
# A connection that held for this long was a good one: the same broker is tried again first.
_GOOD_S = 30.0


class Session:
    """Keeps one connection up on a thread of its own; events go to the line's `deliver`, on paho's threads."""

    def __init__(self, line: Line, endpoints: Sequence[Endpoint], context: Callable[[str], NamedContext]) -> None:
        self.side = line.side
        self._line = line
        self._endpoints = tuple(endpoints)
        self._context = context
        self._versions: dict[Endpoint, str] = {}
        self._refused_5: set[Endpoint] = set()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._current: Connection | None = None
        self._thread = threading.Thread(target=self._keep, name=f"{line.side} session", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether a connection stands and its subscriptions are granted."""
        connection = self._current
        return connection is not None and connection.stands

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
        self._hurry.set()
        connection = self._current
        if connection is not None:
            connection.bid_farewell()
        self._thread.join(timeout_s)

    def use(self, endpoints: Sequence[Endpoint]) -> None:
        """From now on these, the first one first; nothing happens when they are those it has."""
        if tuple(endpoints) != self._endpoints:
            self._endpoints = tuple(endpoints)
            self.drop("other endpoints are to be used")
            self._hurry.set()

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> bool:
        """Hand over at QoS 1, never retained; False when there is no connection or its queue is full."""
        connection = self._current
        return connection is not None and connection.publish(topic, payload, expiry_s)

    def mention(self, topic: str, payload: bytes) -> bool:
        """Hand over at QoS 0, in as few octets as the broker allows: what may be lost and is said again."""
        connection = self._current
        return connection is not None and connection.mention(topic, payload)

    def drop(self, reason: str) -> None:
        """End the present connection; a new one follows, to the other broker if there are two."""
        connection = self._current
        if connection is not None:
            connection.drop(reason)

    def _keep(self) -> None:
        endpoints, turn, failures, told = self._endpoints, 0, 0, ""
        while not self._stopping.is_set():
            if endpoints is not self._endpoints:
                endpoints, turn, failures = self._endpoints, 0, 0
            self._hurry.clear()
            endpoint = endpoints[turn % len(endpoints)]
            began = time.monotonic()
            connection = Connection(self._line, endpoint, self._version(endpoint))
            self._current = connection
            if endpoints is not self._endpoints:
                continue
            connection.run(self._context, self._stopping)
            self._current = None
            if self._stopping.is_set():
                return
            if self._other_version(connection) and connection.unsupported:
                continue
            if connection.granted:
                failures, told = 0, ""
            if connection.reason != told:
                self._line.deliver(LinkChanged(self.side, False, connection.reason))
                told = connection.reason
                self._line.log.warning("link_down", side=self.side, broker=endpoint.where, reason=told)
            failures += 1
            good = connection.granted and not connection.dropped and time.monotonic() - began >= _GOOD_S
            turn += 0 if good else 1
            # Full jitter: after a broker's restart the gateways of a city must not all come in the same second.
            self._hurry.wait(random.uniform(0.2, min(_MAX_DELAY_S, 0.5 * 2.0 ** min(failures, 10))))  # noqa: S311

    def _version(self, endpoint: Endpoint) -> str:
        return self._versions.get(endpoint, V311 if endpoint.protocol == V311 else V5)

    def _other_version(self, connection: Connection) -> bool:
        """Change the version for the next try there when this one was refused, or got no answer at all.

        A broker that only knows 3.1.1 should say so, and some merely fall silent or hang up.
        """
        endpoint = connection.endpoint
        if endpoint.protocol != "auto":
            return False
        if connection.granted and endpoint not in self._refused_5:
            self._versions[endpoint] = V5
        if (connection.answered and not connection.unsupported) or not connection.reached:
            return False
        if connection.unsupported and connection.version == V5:
            self._refused_5.add(endpoint)
        else:
            self._refused_5.discard(endpoint)
        version = V5 if connection.version == V311 else V311
        self._versions[endpoint] = version
        why = "the broker does not speak the other one" if connection.unsupported else "no answer to the other one"
        self._line.log.info("mqtt_version", side=self.side, version=version, why=why)
        return True
