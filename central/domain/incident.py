"""What is happening: the states of an incident and of a command, and the legal moves between them."""

from __future__ import annotations

OPEN = "open"  # saved, nothing has sounded
SOUNDING = "sounding"  # a center measured its output on
ACKNOWLEDGED = "acknowledged"  # a person has it
CLOSED = "closed"

# state -> what may follow. An ack never takes an incident back from a person.
INCIDENT_MOVES = {
    OPEN: (SOUNDING, ACKNOWLEDGED, CLOSED),
    SOUNDING: (ACKNOWLEDGED, CLOSED),
    ACKNOWLEDGED: (CLOSED,),
    CLOSED: (),
}

PENDING = "pending"
ACCEPTED = "accepted"
COMMAND_SOUNDING = "sounding"
DONE = "done"
REFUSED = "refused"
FAILED = "failed"
EXPIRED = "expired"
SUPERSEDED = "superseded"  # issued anew under another counter

COMMAND_MOVES = {
    PENDING: (ACCEPTED, COMMAND_SOUNDING, DONE, REFUSED, FAILED, EXPIRED, SUPERSEDED),
    # Expired is what central thinks; the center's own word, however late, is believed.
    EXPIRED: (ACCEPTED, COMMAND_SOUNDING, DONE, REFUSED, FAILED),
    SUPERSEDED: (ACCEPTED, COMMAND_SOUNDING, DONE, FAILED),
    ACCEPTED: (COMMAND_SOUNDING, DONE, FAILED),
    COMMAND_SOUNDING: (DONE, FAILED),
    FAILED: (DONE,),
    REFUSED: (),
    DONE: (),
}

GROUPING_S = 900.0


def may(moves: dict[str, tuple[str, ...]], state: str, to: str) -> bool:
    """Whether `state` may become `to`."""
    return to in moves[state]
