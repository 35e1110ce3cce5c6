"""The local side of a gateway that has both: centers on a serial line, all others at the neighbourhood's broker. Made by wiring."""

from __future__ import annotations

from gateway.local.mqtt import MqttLocal
from gateway.local.serial_line import SerialLine


class Sides:
    """Each center is reached on one side, as the settings say. The proof by one's own greeting is the broker's alone."""

    def __init__(self, broker: MqttLocal, line: SerialLine) -> None:
        self._broker = broker
        self._line = line

    @property
    def connected(self) -> bool:
        """Whether any center can be reached: the fault of one side must not hold back what goes by the other."""
        return self._broker.connected or self._line.connected

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        """Hand a center's frame over; False when its side is away."""
        side = self._line if center in self._line.centers else self._broker
        return side.publish(center, frame, expiry_s)

    def probe(self) -> bool:
        """Send the greeting again; it must come back."""
        return self._broker.probe()

    def drop(self, reason: str) -> None:
        """End the connection to the broker so that a new one is made; one that is being made is left alone."""
        if self._broker.connected:
            self._broker.drop(reason)
