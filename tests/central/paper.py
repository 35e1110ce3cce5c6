"""The ports of central on paper: a clock that is set, a broker and short messages that are only written down."""

from __future__ import annotations

NOW = 1_800_000_000.0


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        """What it was set to."""
        return self.at


class FakeBroker:
    """Keeps what was sent; `down` loses it, as a broker without a connection does."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.down = False

    def send(self, gateway: int, octets: bytes) -> None:
        """What matters."""
        if not self.down:
            self.sent.append((gateway, octets))

    def mention(self, gateway: int, octets: bytes) -> None:
        """What is asked for again."""
        self.send(gateway, octets)

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return not self.down


class PaperSms:
    """Short messages on paper, as many at once as `places`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.places = 4

    def room(self) -> int:
        """What may be handed over."""
        return self.places

    def send(self, number: str, octets: bytes) -> bool:
        """One message."""
        self.sent.append((number, octets))
        return True
