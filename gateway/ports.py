"""What the flows need from the world, as protocols, and the few values that travel through them.

Edges offer these; tests offer hand-written fakes of them. Nothing in here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from gateway.domain.moment import Moment
from gateway.domain.remote import Judged, Overlay
from protocol.codes import BEARER_MQTT
from protocol.keys import Pair
from protocol.manifest import Manifest
from protocol.replay import Window

UPLINK = "uplink"
LOCAL = "local"
# A line of its own to some of the centers; what they say arrives from the local side all the same.
SERIAL = "serial"


@dataclass(frozen=True)
class Received:
    """A message from one of the two brokers or the serial line; `acknowledge` sends the PUBACK, and may be called from any thread."""

    side: str
    topic: str
    payload: bytes
    retained: bool
    acknowledge: Callable[[], None]
    bearer: int = BEARER_MQTT


@dataclass(frozen=True)
class LinkChanged:
    """A connection whose subscriptions are granted, or the end of one; `reason` is a sentence, `where` host and port."""

    side: str
    up: bool
    reason: str
    where: str = ""


@dataclass
class Sensed:
    """One of the gateway's own inputs: `status` is the event's code (PANIC, TAMPER, MAINS_LOST...; STOPPED_LOCALLY for a
    button that silences the group), `at` monotonic seconds. A press is given its incident when it is first handled."""

    status: int
    at: float
    incident: int | None = None


@dataclass(frozen=True)
class Stop:
    """The last event."""


Event = Received | LinkChanged | Sensed | Stop


class Stored(NamedTuple):
    """A message on disk. `id` keeps the same one from being kept twice; `sequence` is the outbox number of what goes to central;
    `ttl_s` seconds from `at` it is worth nothing any more (None: never ends); `octets` is the sealed frame."""

    id: str
    kind: str
    sequence: int | None
    at: Moment
    ttl_s: int | None
    octets: bytes


class CenterMemory(NamedTuple):
    """What must be remembered of a center: its last believed boot and nonce, and the local counter used up."""

    boot: int
    nonce: bytes
    counter: int


class Clock(Protocol):
    """Two clocks: one that only measures, one that dates."""

    def monotonic(self) -> float:
        """Seconds that never step."""

    def now(self) -> int:
        """Unix seconds, as far as this machine knows."""

    def stamp(self) -> tuple[int, int]:
        """Unix seconds and the milliseconds below, of one moment."""

    def sane(self) -> bool:
        """Whether `now` is possible at all: not before this program was written."""

    def trusted(self) -> bool:
        """Whether `now` is good enough to call a command expired."""

    def moment(self) -> Moment:
        """Now, by both clocks, for what must be dated across restarts."""


class Uplink(Protocol):
    """The connection to central's broker."""

    @property
    def connected(self) -> bool:
        """Whether the subscription stands; a hint, receipts are the proof."""

    def publish(self, payload: bytes, sure: bool = True) -> bool:
        """Hand over for sending; False when there is no connection (nothing is kept here). Not `sure`: the broker confirms nothing."""

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""


class Sms(Protocol):
    """Short messages to central: the second bearer. What is handed over may be lost or late; receipts are the proof."""

    @property
    def ready(self) -> bool:
        """Whether a modem is there and registered."""

    @property
    def rssi(self) -> int:
        """Signal as +CSQ tells it, 0 to 31; 99 when unknown."""

    def room(self) -> int:
        """How many messages may be handed over now."""

    def publish(self, payload: bytes) -> bool:
        """Hand at most 120 octets over for sending; False when there is no room."""

    def state(self) -> dict[str, Any]:
        """For the status: modem, operator, signal, what waits."""


class Local(Protocol):
    """The connection to the neighbourhood's own broker."""

    @property
    def connected(self) -> bool:
        """Whether the subscriptions stand."""

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        """Hand a center's frame over unchanged; False when there is no connection."""

    def probe(self) -> bool:
        """Send a message to oneself, which comes back as a Received on the gateway's own link topic."""

    def drop(self, reason: str) -> None:
        """End the connection so that a new one is made."""


class Signer(Protocol):
    """The gateway's Ed25519 key."""

    def sign(self, octets: bytes) -> bytes:
        """64 octets of signature."""


class LocalKeys(Protocol):
    """One center's entry in the gateway's key folder: the local pair only."""

    @property
    def group(self) -> int:
        """The center's neighbourhood group."""

    @property
    def epoch(self) -> int:
        """The key epoch of the pair."""

    @property
    def pair(self) -> Pair:
        """The two local seals."""


class Store(Protocol):
    """The durable memory. One thread owns it; every method may raise StoreUnavailable."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is durable when it ends, or nothing of it happened."""

    def attempt(self) -> AbstractContextManager[None]:
        """Inside a transaction: an exception undoes this part alone (and goes on upwards)."""

    def window(self) -> Window:
        """The replay window of envelopes from central."""

    def keep_window(self, window: Window) -> None:
        """Write the replay window."""

    def keep(self, message: Stored) -> None:
        """Keep a message once; a command's latest frame stands."""

    def kept(self, id: str) -> bool:
        """Whether a message is kept."""

    def forget(self, ids: Sequence[str]) -> None:
        """Forget messages."""

    def messages(self) -> list[Stored]:
        """Every message kept: first those for centers, then the outbox, oldest first."""

    def next_sequence(self) -> int:
        """Take the next outbox sequence (key file's epoch in the top octet)."""

    def last_sequence(self) -> int:
        """The last outbox sequence taken."""

    def jump_sequence(self, sequence: int) -> None:
        """Go on above this sequence."""

    def renumber(self, id: str, sequence: int) -> None:
        """Give a message of the outbox a new number."""

    def shortage(self) -> str | None:
        """Why nothing more should be stored (disk nearly full), or None."""

    def reserve_upward(self, upto: int) -> None:
        """Remember that upward sequences up to `upto` may have been used."""

    def upward_reserved(self) -> int:
        """The highest upward sequence that may have been used."""

    def center(self, center: int) -> CenterMemory:
        """What is remembered of a center."""

    def keep_center(self, center: int, memory: CenterMemory) -> None:
        """Remember it."""

    def quarantine(self, topic: str, payload: bytes, reason: str, at: int) -> None:
        """Put away a message that this program could not handle; the number kept is bounded."""


class Overlays(Protocol):
    """What central changed from afar, on disk."""

    def read(self) -> Overlay:
        """What is kept."""

    def keep(self, overlay: Overlay) -> None:
        """To last; raises StoreUnavailable."""

    def judged(self, document: dict[str, object]) -> Judged:
        """What a document of central's wants, or the one reason why not."""


class Images(Protocol):
    """Images of releases for the centers; one is given out only whole, and as it was signed."""

    def learn(self, octets: bytes) -> Manifest | None:
        """Keep a signed manifest; None when the release key did not sign it, or there is none. Raises StoreUnavailable."""

    def known(self, sequence: int) -> list[Manifest]:
        """The manifests of a release, one for each board that was heard of."""

    def length(self, manifest: Manifest) -> int:
        """How many octets of its image are here; its size when it is whole."""

    def add(self, manifest: Manifest, octets: bytes) -> bool:
        """The next octets of an image; False when they made it whole and it is not the signed one. Raises StoreUnavailable."""

    def image(self, manifest: Manifest) -> bytes | None:
        """A whole and verified image, or None."""


class Board(Protocol):
    """Where the state is posted for `sereno-gateway status`."""

    def post(self, document: dict[str, Any]) -> None:
        """Show this state; a failure to do so is nobody else's trouble."""


class Lamps(Protocol):
    """What is seen on the gateway's own cabinet."""

    def show(self, uplink: bool, local: bool, alarm: bool) -> None:
        """Central's broker is there, the local broker is there, something loud goes on."""


class Log(Protocol):
    """Structured lines: an event's name and its fields."""

    def info(self, event: str, **fields: Any) -> None:
        """Something that happened."""

    def warning(self, event: str, **fields: Any) -> None:
        """Something that a technician may want to look at."""

    def error(self, event: str, **fields: Any) -> None:
        """Something that needs a person."""

    def exception(self, event: str, **fields: Any) -> None:
        """An error of the program, with its traceback; inside an `except` alone."""
