"""The connection to the broker beside central: envelopes down, envelopes and countersigned acks up.

Made by wiring. It neither opens nor keeps what it carries.
"""

from __future__ import annotations

from gateway.session import Session
from protocol.topics import DOWN, LINK, UP, topic


class MqttUplink:
    """`name` is the gateway's; the broker's access list lets it read its own `down` alone."""

    def __init__(self, name: str, session: Session) -> None:
        self._up = topic(name, UP)
        self._session = session

    @property
    def connected(self) -> bool:
        """Whether the subscription stands; receipts are the proof."""
        return self._session.connected

    def publish(self, payload: bytes, sure: bool = True) -> bool:
        """Hand over for sending, at QoS 1 or (not `sure`) 0; False when there is no connection."""
        return self._session.publish(self._up, payload) if sure else self._session.mention(self._up, payload)

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""
        self._session.drop(reason)


def topics(name: str) -> list[str]:
    """What is subscribed to on central's broker."""
    return [topic(name, DOWN)]


def link_topic(name: str) -> str:
    """Where the greeting and the last will go."""
    return topic(name, LINK)
