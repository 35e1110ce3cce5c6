"""When and how an ack reached us, in words for the timeline. Pure; called by the ack flows."""

from __future__ import annotations

from typing import Any

from protocol.codes import BEARER_SMS

# The highest age that an ack can carry.
MAX_AGE_S = 0xFFFF
# No gateway's clock is right that says a moment before this program was written: 2026-01-01.
EARLIEST = 1_767_225_600
# What MQTT takes when all is well; more is worth saying.
_PROMPT_S = 2


def ago(ack: Any) -> str:
    """How long ago it happened, when that is not now; the wire counts no further than 65,535 s."""
    at_least = "at least " if ack.age == MAX_AGE_S else ""
    return f", {at_least}{ack.age} s ago" if ack.age else ""


def delay_s(stamp: Any, now: float) -> int:
    """Seconds from the gateway's stamp until it was received; nothing when the gateway's clock is ahead, or cannot be right."""
    return max(0, int(now - stamp.time)) if stamp.time >= EARLIEST else 0


def carried(stamp: Any, now: float) -> str:
    """How it travelled from the gateway, where that is not prompt and by MQTT."""
    waited = delay_s(stamp, now)
    after = f" after {waited} s" if waited > _PROMPT_S else ""
    return f", by SMS{after}" if stamp.bearer == BEARER_SMS else f", received{after}" if after else ""
