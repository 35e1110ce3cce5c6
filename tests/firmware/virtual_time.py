"""An event loop whose clock jumps to the next thing to do: hours of timers in milliseconds, and nothing sleeps."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Instead of waiting, tells the loop that the time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everything waits for something that nobody will do")
        self.now_s += max(timeout, 0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Jumping) -> None:
        self._jumping = selector
        super().__init__(selector)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now_s


def run(life: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end in virtual time."""
    loop = _Loop(_Jumping())
    try:
        return loop.run_until_complete(life)
    finally:
        loop.close()
