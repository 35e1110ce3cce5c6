"""An order to one center as central keeps it, from the transaction that made it until the center's last word on it."""

from __future__ import annotations

from dataclasses import dataclass

# A frame is sent again until the center's first word on it.
RESEND_S = 3.0
TTL_S = 120
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
