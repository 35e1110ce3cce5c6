"""The wall clock, and ids that it makes: the edge behind the port Clock."""

from __future__ import annotations

import secrets
import time

_RANDOM_BITS = 22


class SystemClock:
    """Unix seconds of this machine."""

    def now(self) -> float:
        """Now."""
        return time.time()


def new_incident() -> int:
    """An incident id: milliseconds since 1970 above 22 random bits, top bit clear (docs/protocol.md)."""
    return (int(time.time() * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)) & ((1 << 63) - 1)
