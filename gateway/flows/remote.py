"""Settings that central changes from afar. Called by the relay with what came under the hop key."""

from __future__ import annotations

from gateway.flows.state import Later
from gateway.ports import Log


class Remote:
    """Takes none yet, and says so."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def told(self, document: dict[str, object], later: Later) -> None:
        """A document of settings."""
        self._log.warning(
            "settings_refused", reason="this version takes no settings from afar", options=sorted(document)
        )
