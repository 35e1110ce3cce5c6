"""Which entries of a gateway's outbox are stored here: a contiguous mark and 32 bits beyond it (docs/protocol.md)."""

from __future__ import annotations

_BITS = 32
_COUNT = 0xFFFFFF


def received(upto: int, beyond: int, sequence: int) -> tuple[int, int]:
    """The mark and bits after `sequence` was stored.

    A sequence holds the outbox epoch in its top octet and a count from 1 below; a higher epoch starts afresh.
    """
    if sequence >> 24 > upto >> 24:
        upto, beyond = sequence & ~_COUNT, 0
    ahead = sequence - upto - 1
    if ahead < 0 or ahead >= _BITS or sequence >> 24 != upto >> 24:
        return upto, beyond
    beyond |= 1 << ahead
    while beyond & 1:
        upto, beyond = upto + 1, beyond >> 1
    return upto, beyond


def moved_on(upto: int, beyond: int, oldest: int) -> tuple[int, int]:
    """The mark and bits once the gateway said that nothing before `oldest` exists any more."""
    if oldest >> 24 > upto >> 24:
        upto, beyond = oldest & ~_COUNT, 0
    if oldest >> 24 != upto >> 24:
        return upto, beyond
    while upto + 1 < oldest:
        upto, beyond = upto + 1, beyond >> 1
    while beyond & 1:
        upto, beyond = upto + 1, beyond >> 1
    return upto, beyond
