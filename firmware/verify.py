"""The checks of docs/protocol.md, "What a center checks, in this order", as one pure function. Called by center.

It changes nothing: what follows from a verdict (flash, outputs, answers) is the caller's business.
"""

from firmware import cadence
from protocol import codes
from protocol.errors import ProtocolError
from protocol.layout import authority_of
from protocol.messages import COMMAND
from protocol.replay import OLD, REPEAT

FUTURE_S = 30
MAX_TTL_S = 300

# Verdicts beside the refusals of protocol.codes.
SILENCE = 0  # not sealed by any authority of ours: no answer, no memory
AGAIN = -1  # the exact repeat of a command: the same answer again
OBEY = -2


def verify(frame, retained, identity, sessions, windows, now):
    """(verdict, command): SILENCE with None, AGAIN, OBEY, or a refusal's status octet.

    `identity` has center, group, epoch and pairs; `sessions` per authority have nonce and synchronised; `now` is
    Unix seconds or None.
    """
    try:
        authority = authority_of(frame)
        command = COMMAND.open(identity.pairs[authority].down, frame, sessions[authority].nonce)
    except (ProtocolError, KeyError):
        return SILENCE, None
    if command.epoch != identity.epoch:
        return SILENCE, None
    if retained:
        return codes.RETAINED, command
    if command.center != identity.center or command.group != identity.group:
        return codes.WRONG_ADDRESSEE, command
    if not sessions[authority].synchronised or now is None:
        return codes.NOT_SYNCHRONISED, command
    verdict = windows[authority].verdict(command.counter)
    if verdict == REPEAT:
        return AGAIN, command
    if verdict == OLD:
        return codes.TOO_OLD, command
    if now > command.issued + min(command.ttl, MAX_TTL_S):
        return codes.STALE, command
    if command.issued > now + FUTURE_S:
        return codes.FUTURE, command
    if not known(command.action, command.authority) or not cadence.known(command.flags):
        return codes.UNKNOWN_ACTION, command
    return OBEY, command


def known(action, authority):
    """Whether an action octet is one of the contract: stop, probe, erase (central's alone), or activate an output."""
    if action == codes.ERASE:
        return authority == codes.CENTRAL
    return action in (codes.STOP, codes.PROBE) or codes.ACTIVATE < action < codes.ACTIVATE + 16
