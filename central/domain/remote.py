"""What a gateway is told to run with from afar, and what it says of itself. Pure; called by the flow and the commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from central.domain.errors import Refused

# Between two sendings by MQTT, and (doubling, to a day) by SMS, which costs money.
AGAIN_S = 60.0
SMS_AGAIN_S = 600.0
_SMS_MAX_S = 86_400.0
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})(,(?P<name>[A-Za-z0-9._-]+))?")


@dataclass(frozen=True)
class Wish:
    """A document of settings that a gateway does not know yet: its version, and its options as JSON."""

    gateway: int
    version: int
    options: str
    made: float
    sms_at: float | None = None
    sms_tries: int = 0

    def due_by_sms(self, now: float) -> bool:
        """Whether it goes by SMS now, MQTT being lost."""
        if self.sms_at is None:
            return True
        return now >= self.sms_at + min(_SMS_MAX_S, SMS_AGAIN_S * float(2 ** min(self.sms_tries - 1, 8)))


def address(text: str) -> dict[str, Any]:
    """An endpoint from `host:port[,name]`; raises Refused."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise Refused(f'"{text}" is not an endpoint: write host:port, and after a comma the name in its certificate')
    entry: dict[str, Any] = {"host": found["host"].strip("[]"), "port": int(found["port"])}
    return entry | ({"name": found["name"]} if found["name"] else {})


def known_version(document: Mapping[str, Any]) -> int:
    """The version of settings that a status names; 0 for none."""
    settings = document.get("settings")
    version = settings.get("version") if isinstance(settings, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else 0
