"""Which reports of centers say something new. A center describes itself each hour; on a cellular line that would cost more than all
the rest together, so central is given what differs in words from the last one, and one a day. Pure; called by the flows.
"""

from __future__ import annotations

import json
from typing import Any

EVERY_S = 86_400.0
# Of the numbers only these say more than that time passes.
_NUMBERS = ("boot", "release", "loud", "verdict")


class Reports:
    """The last report of each center that was passed up; times are monotonic seconds."""

    def __init__(self) -> None:
        self._passed: dict[int, tuple[float, Any]] = {}

    def worth(self, center: int, body: bytes, now: float) -> bool:
        """Whether a report goes up; its `body` is JSON as the center wrote it, unverified here. One that cannot be read goes."""
        try:
            words = _words(json.loads(body), "")
        except (ValueError, RecursionError):
            return True
        passed = self._passed.get(center)
        if passed is not None and now - passed[0] < EVERY_S and passed[1] == words:
            return False
        self._passed[center] = (now, words)
        return True

    def forget(self) -> None:
        """Central has lost what it was told: every next report goes."""
        self._passed.clear()


def _words(value: Any, name: str) -> Any:
    """A JSON value without the numbers that change by themselves."""
    if isinstance(value, dict):
        return {key: _words(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_words(one, name) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        # Of a battery's hours it is news that they have halved.
        return value.bit_length() if name == "hours" else value if name in _NUMBERS else None
    if isinstance(value, float):
        return None
    return value
