"""What the flows need from the world, as protocols, and the few values that travel through them.

Edges offer these; tests offer hand-written fakes of them. Nothing in here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from protocol.keys import Pair
from protocol.replay import Window

UPLINK = "uplink"
LOCAL = "local"


@dataclass(frozen=True)
class Received:
    """A message from one of the two brokers; `acknowledge` sends the PUBACK, and may be called from any thread."""

    side: str
    topic: str
    payload: bytes
    retained: bool
    acknowledge: Callable[[], None]


@dataclass(frozen=True)
class LinkChanged:
    """A connection whose subscriptions are granted, or the end of one; `reason` is a sentence."""

    side: str
    up: bool
    reason: str


@dataclass(frozen=True)
class Sensed:
    """One of the gateway's own inputs: `status` is the event's code (PANIC, TAMPER, MAINS_LOST...), `at` monotonic seconds."""

    status: int
    at: float


@dataclass(frozen=True)
class Stop:
    """The last event: nothing after it is handled."""


Event = Received | LinkChanged | Sensed | Stop


class StoredCommand(NamedTuple):
    """A sealed command that waits for its center's ack; times are Unix seconds, `ttl` seconds."""

    center: int
    authority: int
    counter: int
    incident: int
    issued: int
    ttl: int
    frame: bytes


class StoredAck(NamedTuple):
    """A countersigned ack that central has not confirmed; `message` is its 120 octets."""

    sequence: int
    stored_at: int
    message: bytes


class CenterMemory(NamedTuple):
    """What must be remembered of a center: its last believed boot and nonce, and the local counter used up."""

    boot: int
    nonce: bytes
    counter: int


class Clock(Protocol):
    """Two clocks: one that only measures, one that dates."""

    def monotonic(self) -> float:
        """Seconds that never step."""
        ...

    def now(self) -> int:
        """Unix seconds, as far as this machine knows."""
        ...

    def stamp(self) -> tuple[int, int]:
        """Unix seconds and the milliseconds below, of one moment."""
        ...

    def sane(self) -> bool:
        """Whether `now` is possible at all: not before this program was written."""
        ...

    def trusted(self) -> bool:
        """Whether `now` is good enough to call a command expired."""
        ...


class Uplink(Protocol):
    """The connection to central's broker."""

    @property
    def connected(self) -> bool:
        """Whether the subscription stands; a hint, receipts are the proof."""
        ...

    def publish(self, payload: bytes) -> bool:
        """Hand over for sending; False when there is no connection (nothing is kept here)."""
        ...

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""
        ...


class Local(Protocol):
    """The connection to the neighbourhood's own broker."""

    @property
    def connected(self) -> bool:
        """Whether the subscriptions stand."""
        ...

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        """Hand a center's frame over unchanged; False when there is no connection."""
        ...

    def probe(self) -> bool:
        """Send a message to oneself, which comes back as a Received on the gateway's own link topic."""
        ...

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""
        ...


class Signer(Protocol):
    """The gateway's Ed25519 key."""

    def sign(self, octets: bytes) -> bytes:
        """64 octets of signature."""
        ...


class LocalKeys(Protocol):
    """One center's entry in the gateway's key folder: the local pair only."""

    @property
    def epoch(self) -> int:
        """The key epoch of the pair."""
        ...

    @property
    def pair(self) -> Pair:
        """The two local seals."""
        ...


class Store(Protocol):
    """The durable memory. One thread owns it; every method may raise StoreUnavailable."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is durable when it ends, or nothing of it happened."""
        ...

    def attempt(self) -> AbstractContextManager[None]:
        """Inside a transaction: an exception undoes this part alone (and goes on upwards)."""
        ...

    def window(self) -> Window:
        """The replay window of envelopes from central."""
        ...

    def keep_window(self, window: Window) -> None:
        """Write the replay window."""
        ...

    def keep_command(self, command: StoredCommand) -> None:
        """Keep a command until it is forgotten; the same one again changes nothing."""
        ...

    def forget_commands(self, commands: Sequence[tuple[int, int, int]]) -> None:
        """Forget commands by (center, authority, counter)."""
        ...

    def commands(self) -> list[StoredCommand]:
        """Every command kept."""
        ...

    def next_sequence(self) -> int:
        """Take the next outbox sequence (key file's epoch in the top octet)."""
        ...

    def last_sequence(self) -> int:
        """The last outbox sequence taken."""
        ...

    def jump_sequence(self, sequence: int) -> None:
        """Go on above this sequence."""
        ...

    def has_ack(self, ack: bytes) -> bool:
        """Whether this very ack waits in the outbox."""
        ...

    def keep_ack(self, ack: bytes, entry: StoredAck) -> None:
        """Keep a countersigned ack until it is settled."""
        ...

    def renumber_ack(self, sequence: int, entry: StoredAck) -> None:
        """Replace the entry of that sequence by one with a new number and signature."""
        ...

    def settle(self, sequences: Sequence[int]) -> None:
        """Forget what central has confirmed."""
        ...

    def acks(self) -> list[StoredAck]:
        """The whole outbox, oldest first."""
        ...

    def shortage(self) -> str | None:
        """Why nothing more should be stored (disk nearly full), or None."""
        ...

    def reserve_upward(self, upto: int) -> None:
        """Remember that upward sequences up to `upto` may have been used."""
        ...

    def upward_reserved(self) -> int:
        """The highest upward sequence that may have been used."""
        ...

    def center(self, center: int) -> CenterMemory:
        """What is remembered of a center."""
        ...

    def keep_center(self, center: int, memory: CenterMemory) -> None:
        """Remember it."""
        ...

    def quarantine(self, topic: str, payload: bytes, reason: str, at: int) -> None:
        """Put away a message that this program could not handle; the number kept is bounded."""
        ...


class Board(Protocol):
    """Where the state is posted for `sereno-gateway status`."""

    def post(self, document: dict[str, Any]) -> None:
        """Show this state; a failure to do so is nobody else's trouble."""
        ...


class Log(Protocol):
    """Structured lines: an event's name and its fields."""

    def info(self, event: str, **fields: Any) -> None:
        """Something that happened."""
        ...

    def warning(self, event: str, **fields: Any) -> None:
        """Something that a technician may want to look at."""
        ...

    def error(self, event: str, **fields: Any) -> None:
        """Something that needs a person."""
        ...
