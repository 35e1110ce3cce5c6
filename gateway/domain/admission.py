"""May this pass? An envelope from central, a frame for a center, a frame from one: a verdict with its reason.

Called by the flows for every message. It cannot look into a center's own seals, and never says that it did.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from protocol import gateway, hop, report
from protocol.codes import LOCAL
from protocol.errors import BadTag, Malformed
from protocol.hmac import Mac
from protocol.layout import Layout, authority_of, kind_of
from protocol.messages import ACK, BEAT, COMMAND, CONFIRM, FETCH, HELLO, KIND_GATEWAY, KIND_RECEIPT, KIND_REPORT, TIME
from protocol.release import BLOCK, OFFER
from protocol.replay import NEW, OLD, REPEAT, Window
from protocol.topics import center_name

REFUSED = "refused"

# A center takes no command for longer than this after its issue, whatever its ttl says (docs/protocol.md, step 7).
MAX_TTL_S = 300


@dataclass(frozen=True)
class Opened:
    """An envelope's verdict (`new`, `repeat` or `refused`), why, and what was in it when it was authentic."""

    verdict: str
    reason: str
    sequence: int = 0
    frames: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Passage:
    """Whether one frame passes, why, and whose it is; `incident` is 0 where a frame carries none."""

    passes: bool
    reason: str
    kind: int = 0
    authority: int = 0
    center: int = 0
    incident: int = 0


def envelope(key: Mac, own: int, window: Window, octets: bytes, retained: bool = False) -> Opened:
    """For me, authentic, unseen? Nothing inside is looked at before the tag verified."""
    if retained:
        return Opened(REFUSED, "retained by the broker")
    try:
        opened = hop.open(key, octets)
    except BadTag:
        return Opened(REFUSED, "bad tag")
    except Malformed:
        return Opened(REFUSED, "malformed")
    if opened.gateway != own:
        return Opened(REFUSED, "for another gateway", opened.sequence)
    verdict = window.verdict(opened.sequence)
    if verdict == OLD:
        return Opened(REFUSED, "too old for the window", opened.sequence)
    reason = "seen before" if verdict == REPEAT else "first seen"
    return Opened(NEW if verdict == NEW else REPEAT, reason, opened.sequence, tuple(opened.frames))


_TO_CENTER: dict[int, Callable[[bytes], Any]] = {
    COMMAND.kind: COMMAND.peek,
    TIME.kind: TIME.peek,
    CONFIRM.kind: CONFIRM.peek,
    OFFER.kind: lambda frame: OFFER.peek(frame)[0],
    BLOCK.kind: lambda frame: BLOCK.peek(frame)[0],
}


def downward(frame: bytes, mine: Container[int], now: int | None) -> Passage:
    """A frame out of an authentic envelope; `now` (Unix seconds) is None when the clock is not to be trusted."""
    try:
        kind = kind_of(frame)
        if kind == KIND_RECEIPT:
            hop.read_receipt(frame)
            return Passage(True, "receipt", kind)
        if kind == KIND_GATEWAY:
            return _to_gateway(frame)
        if kind not in _TO_CENTER:
            return Passage(False, "does not travel downwards", kind)
        message = _TO_CENTER[kind](frame)
    except Malformed:
        return Passage(False, "malformed")
    incident = message.incident if kind == COMMAND.kind else 0

    def passage(passes: bool, reason: str) -> Passage:
        return Passage(passes, reason, kind, message.authority, message.center, incident)

    if message.center not in mine:
        return passage(False, "center of another gateway")
    if message.authority == LOCAL:
        return passage(False, "local authority is this gateway's own")
    if kind == COMMAND.kind and now is not None and now > message.issued + min(message.ttl, MAX_TTL_S):
        return passage(False, "expired")
    return passage(True, "mine and in time" if now is not None else "mine, the center judges the time")


def _to_gateway(frame: bytes) -> Passage:
    """A frame for this gateway itself; raises Malformed. How old a stop may be is for whoever executes it."""
    about = gateway.about(frame)
    if about == gateway.STOP_GROUP:
        return Passage(True, "group stop", KIND_GATEWAY, incident=gateway.read_stop_group(frame).incident)
    if about == gateway.SETTINGS:
        gateway.read_document(gateway.SETTINGS, frame)
        return Passage(True, "settings", KIND_GATEWAY)
    if about == gateway.PIECE:
        gateway.read_piece(frame)
        return Passage(True, "piece of an image", KIND_GATEWAY)
    if about == gateway.ASK:
        return Passage(True, "question for everything", KIND_GATEWAY)
    return Passage(False, "does not travel downwards", KIND_GATEWAY)


_FROM_CENTER: dict[int, Layout] = {ACK.kind: ACK, HELLO.kind: HELLO, BEAT.kind: BEAT, FETCH.kind: FETCH}


def upward(name: str, frame: bytes, mine: Container[int], retained: bool = False) -> Passage:
    """A frame that a center published under `name`: is it a center's frame, its own, and one of mine?"""
    if retained:
        return Passage(False, "retained by the broker")
    try:
        kind = kind_of(frame)
        incident = 0
        if kind == KIND_REPORT:
            center = report.peek(frame)[0].center
        elif kind in _FROM_CENTER:
            message = _FROM_CENTER[kind].peek(frame)
            center = message.center
            incident = message.incident if kind == ACK.kind else 0
        else:
            return Passage(False, "does not travel upwards", kind)
        authority = authority_of(frame)
    except Malformed:
        return Passage(False, "malformed")
    # The broker's access list lets a center write under its own name alone; a frame about another one is a lie.
    own = 0 < center < 1_000_000 and center_name(center) == name
    passes = own and center in mine and authority <= 2
    if not own:
        reason = "published under another name"
    elif center not in mine:
        reason = "center of another gateway"
    else:
        reason = "well addressed" if passes else "unknown authority"
    return Passage(passes, reason, kind, authority, center, incident)
