"""A log that tests wait on."""

from __future__ import annotations

import time
from queue import Empty, Queue
from typing import Any

from tests.gateway.frames import DEADLINE_S


class Lines:
    """A log that a test waits on: every line is kept, and `until` has a deadline."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._fresh: Queue[dict[str, Any]] = Queue()

    def _line(self, level: str, event: str, **fields: Any) -> None:
        line = {"level": level, "event": event, **fields}
        self.lines.append(line)
        self._fresh.put(line)

    def info(self, event: str, **fields: Any) -> None:
        self._line("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._line("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self._line("error", event, **fields)

    def exception(self, event: str, **fields: Any) -> None:
        self._line("error", event, **fields)

    def put(self, line: dict[str, Any]) -> None:
        """A line of a gateway in another process."""
        self.lines.append(line)
        self._fresh.put(line)

    def until(self, event: str, timeout_s: float = DEADLINE_S, **fields: Any) -> dict[str, Any]:
        """The next line of that event with those fields."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no {event} {fields} in {self.lines[-20:]}") from None
            if line["event"] == event and all(line.get(name) == value for name, value in fields.items()):
                return line

    def first(self, event: str) -> dict[str, Any]:
        """The first line of that event, past or to come."""
        for line in self.lines:
            if line["event"] == event:
                return line
        return self.until(event)

    def count(self, event: str) -> int:
        """How many lines of that event there are."""
        return sum(1 for line in self.lines if line["event"] == event)
