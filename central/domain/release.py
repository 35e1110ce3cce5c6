"""Programs of centers: which release is offered to which center now, and why not. Pure; called by the release flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# An offer is made again after this, until the center reports that it runs or refuses it (seconds).
OFFER_S = 3600.0
# A refusal that does not name its release is believed for this long: the offer itself may have been lost.
UNNAMED_S = 86_400.0
# Reasons of a center that pass by themselves; the next offer may be taken.
PASSING = (
    "an alarm runs",
    "no time yet",
    "a trial comes first",
    "flash failed",
    "its image was spoiled too often",
    "older than what is offered",
)
_TEXT = 64
_U32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Release:
    """A verified release: the fields of its manifest, and the manifest as it was signed. `expiry` in Unix seconds."""

    sequence: int
    board: str
    version: str
    size: int
    digest: bytes
    minimum_from: int
    expiry: int
    manifest: bytes


@dataclass(frozen=True)
class Offer:
    """A release that is meant for a center, and when an operator said so last (Unix seconds)."""

    release: Release
    made: float


@dataclass(frozen=True)
class Sent:
    """The offer that a center was sent last."""

    sequence: int
    board: str
    at: float


@dataclass(frozen=True)
class Program:
    """What a center's newest report says of its program; `running` is None when it does not say. `at`: when it came."""

    at: float
    sequence: int = 0
    board: str = ""
    version: str = ""
    running: int | None = None
    update: int = 0
    percent: int = 0
    state: str = ""
    error: str = ""


def program_of(body: Mapping[str, Any], sequence: int, at: float) -> Program:
    """The program in a report's body; whatever is not of its type or range is left out."""
    update = body.get("update")
    if not isinstance(update, dict):
        update = {}
    return Program(
        at,
        sequence,
        _text(body.get("board")),
        _text(body.get("version")),
        _number(body.get("release")),
        _number(update.get("release")) or 0,
        min(_number(update.get("percent")) or 0, 100),
        _text(update.get("state")),
        _text(update.get("error")),
    )


def against(offer: Offer, program: Program | None, sent: Sent | None, now: float) -> str:
    """Why a center is not offered a release now; empty when it is. Of an unknown board the center itself decides."""
    release = offer.release
    if now >= release.expiry:
        return "expired"
    if program is None:
        return ""
    if program.board and program.board != release.board:
        return "for another board"
    if program.running is not None:
        if program.running == release.sequence:
            return "running"
        if program.running > release.sequence:
            return "older than what runs"
        if program.running < release.minimum_from:
            return "needs a release between"
    return _refusal(offer, program, sent, now)


def chosen(offers: Iterable[Offer], program: Program | None, sent: Sent | None, now: float) -> Offer | None:
    """The newest release that a center may be offered."""
    possible = [offer for offer in offers if not against(offer, program, sent, now)]
    return max(possible, key=lambda offer: (offer.release.sequence, offer.release.board), default=None)


def due(offer: Offer, sent: Sent | None, now: float) -> bool:
    """Whether the offer goes out in this round: another one than last, made anew, or an hour old."""
    if sent is None or (sent.sequence, sent.board) != (offer.release.sequence, offer.release.board):
        return True
    return sent.at < offer.made or now - sent.at >= OFFER_S


def asked_for(offers: Iterable[Offer], program: Program | None, sent: Sent | None, sequence: int) -> Release | None:
    """The release whose image a center may fetch: meant for it, and for its board as far as that is known."""
    mine = [offer.release for offer in offers if offer.release.sequence == sequence]
    board = program.board if program else ""
    if not board and len(mine) > 1 and sent is not None and sent.sequence == sequence:
        board = sent.board
    fitting = [release for release in mine if board in ("", release.board)]
    return fitting[0] if len(fitting) == 1 else None


def _refusal(offer: Offer, program: Program, sent: Sent | None, now: float) -> str:
    release = offer.release
    # A report from before the operator's word is about an earlier offer; one that names the release has taken it.
    if not program.error or program.at < offer.made or program.update == release.sequence:
        return ""
    reason, _, named = program.error.rpartition(": ")
    if named.isdigit():
        return reason if int(named) == release.sequence and reason not in PASSING else ""
    if sent is None or (sent.sequence, sent.board) != (release.sequence, release.board):
        return ""
    if program.error in PASSING or program.at < sent.at or now - sent.at >= UNNAMED_S:
        return ""
    return program.error


def _text(value: object) -> str:
    return value[:_TEXT] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _U32 else None
