"""The connection to the neighbourhood's own broker: sealed frames to and from the alarm centers.

Made by wiring. Frames pass unchanged; where MQTT 5 is spoken, a command also expires in the broker.
"""

from __future__ import annotations

from gateway.session import Session
from protocol.topics import DOWN, LINK, UP, center_name, topic


class MqttLocal:
    """`name` is the gateway's own; it comes back to itself on its link topic, which proves the subscription."""

    def __init__(self, name: str, session: Session) -> None:
        self._link = topic(name, LINK)
        self._session = session

    @property
    def connected(self) -> bool:
        """Whether the subscriptions stand."""
        return self._session.connected

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        """Hand a center's frame over; False when there is no connection."""
        return self._session.publish(topic(center_name(center), DOWN), frame, expiry_s)

    def probe(self) -> bool:
        """Send the greeting again; it must come back."""
        return self._session.publish(self._link, b"1")

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""
        self._session.drop(reason)


def topics() -> list[str]:
    """What is subscribed to on the local broker."""
    return [topic("+", UP), topic("+", LINK)]


def link_topic(name: str) -> str:
    """Where the greeting and the last will go."""
    return topic(name, LINK)
