"""An order to one center as central keeps it, from the transaction that made it until the center's last word on it."""

from __future__ import annotations

from dataclasses import dataclass

from central.domain.incident import ACCEPTED, COMMAND_SOUNDING

# A frame is sent again until the center's first word on it.
RESEND_S = 3.0
TTL_S = 120
# An order that was taken and whose next word is missing is sent once more, each so often while its frame is good: the center
# answers a repeat with its last word. An ack may be lost where nobody keeps it yet, between a broker and a gateway that dies.
ASK_S = 5.0
# What a duration of 0 means to a center.
DEFAULT_S = 30
# A group stop counts so long after each sending by SMS, and is sent for so long after the operator's word.
GROUP_STOP_TTL_S = 60
GROUP_STOP_WITHIN_S = 120.0


@dataclass(frozen=True)
class Order:
    """One sealed command. (incident, activation) never sounds twice; `issued`, `expires` and `next_at` are Unix seconds.

    `frame` is empty while the center has not said hello: the order waits for its nonce.
    """

    center: int
    gateway: int
    authority: int
    counter: int
    incident: int
    activation: int
    class_code: int
    action: int
    duration_s: int
    frame: bytes
    state: str
    issued: float
    expires: float
    attempts: int = 0


def good_until(order: Order) -> float:
    """Until when a gateway passes an order's frame on, Unix seconds."""
    return min(order.expires, order.issued + TTL_S)


def ask_at(order: Order, state: str, now: float) -> float | None:
    """When to ask what became of an order that a center has just moved to `state`; None when no other word follows, or it
    cannot be asked for.

    After `accepted` the next word is due at once; after `sounding`, when its time is over. A frame is good for its time to live
    alone: of a long alarm nobody can ask for the end.
    """
    if state not in (ACCEPTED, COMMAND_SOUNDING):
        return None
    lasts_s = (order.duration_s or DEFAULT_S) if state == COMMAND_SOUNDING else 0
    at = now + lasts_s + ASK_S
    return at if at < good_until(order) else None


@dataclass(frozen=True)
class CenterState:
    """What sealing a command for a center takes: where it is, its key epoch, and the nonce of its present boot."""

    number: int
    group: int
    gateway: int
    epoch: int
    boot: int
    nonce: bytes | None
    counter: int
    counter_drill: int


@dataclass(frozen=True)
class Incident:
    """An incident's row."""

    id: int
    municipality: int
    group: int | None
    class_name: str
    state: str
    attention: bool
    opened: float
    deadline: float
