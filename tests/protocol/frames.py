"""Hypothesis strategies: every sealed frame with any values its fields can hold, and what an attacker makes of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from protocol import hop, report
from protocol.hmac import Mac
from protocol.layout import NO_NONCE, Layout
from protocol.messages import ACK, BEAT, COMMAND, CONFIRM, FETCH, HELLO, TIME
from protocol.report import Report

U8, U16, U32, U64 = 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
LAYOUTS = {
    "command": COMMAND,
    "ack": ACK,
    "hello": HELLO,
    "time": TIME,
    "beat": BEAT,
    "confirm": CONFIRM,
    "fetch": FETCH,
}
_WIDTHS: dict[str, list[int]] = {
    "command": [U8, U32, U16, U32, U32, U16, U64, U8, U8, U8, U16, U8],
    "ack": [U8, U32, U32, U64, U8, U8, U32, U16, U16],
    "hello": [U8, U32, U32, -1, U16, U32, U32, U32, U32, U8],
    "time": [U8, U32, U32, U16, U32, U16],
    "confirm": [U8, U32, U32],
    "fetch": [U8, U32, U32, U32],
    "beat": [U8, U32, U32, U32, U16, U8, U8, U8],
}


@dataclass(frozen=True)
class Sealed:
    """Octets, the message in them, and what opens them."""

    reader: str
    key: bytes
    nonce: bytes
    message: Any
    octets: bytes


def numbers(most: int) -> st.SearchStrategy[int]:
    """Numbers of a field, often at its ends."""
    return st.one_of(st.integers(0, most), st.sampled_from([0, 1, most - 1, most]))


def messages(kind: str) -> st.SearchStrategy[Any]:
    """Any message that fits the frame."""
    fields = [st.binary(min_size=8, max_size=8) if most < 0 else numbers(most) for most in _WIDTHS[kind]]
    layout: Layout = LAYOUTS[kind]
    return st.tuples(st.integers(0, 3), *fields).map(lambda values: layout.make(*values))


KEYS = st.binary(min_size=32, max_size=32)
# MicroPython's JSON reader makes two characters of an escaped pair of surrogates; a center writes reports and reads none.
PLAIN = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])


def objects(characters: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Small JSON objects."""
    text = st.text(characters, max_size=8)
    inner = st.dictionaries(text, st.integers(0, 9), max_size=3)
    plain = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 31), 1 << 31), text)
    return st.dictionaries(text, st.one_of(plain, inner, st.lists(plain, max_size=4)), max_size=5)


@st.composite
def center_frames(draw: st.DrawFn) -> Sealed:
    """A command, ack, hello, time or beat."""
    kind = draw(st.sampled_from(sorted(LAYOUTS)))
    key = draw(KEYS)
    nonce = draw(st.binary(min_size=8, max_size=8)) if kind in ("command", "time", "confirm") else NO_NONCE
    message = draw(messages(kind))
    return Sealed(kind, key, nonce, message, LAYOUTS[kind].seal(Mac(key), message, nonce))


@st.composite
def reports(draw: st.DrawFn, characters: st.SearchStrategy[str] = PLAIN) -> Sealed:
    """A sealed report with any small body."""
    key = draw(KEYS)
    head = (draw(st.integers(0, 3)), draw(numbers(U8)), draw(numbers(U32)), draw(numbers(U32)))
    message = Report(*head, draw(objects(characters)))
    return Sealed("report", key, NO_NONCE, message, report.seal(Mac(key), message))


def _raw(kind: int, size: int) -> st.SearchStrategy[bytes]:
    """Octets of the right first octet and size: an envelope asks no more of what it carries."""
    return st.builds(
        lambda who, rest: bytes([0x40 | kind << 2 | who]) + rest,
        st.integers(0, 3),
        st.binary(min_size=size - 1, max_size=size - 1),
    )


# Kinds and sizes as docs/protocol.md has them.
_FIXED = st.one_of(
    [_raw(*row) for row in [(1, 48), (2, 44), (3, 53), (4, 34), (5, 35), (7, 26), (8, 30), (10, 9), (11, 10)]]
)
_LAST = st.one_of(_raw(6, 30), _raw(12, 9), _raw(12, 46), _raw(13, 90), _raw(14, 60))


@st.composite
def inner_frames(draw: st.DrawFn) -> list[bytes]:
    """What may travel in one envelope: frames of known size, at most one of variable size at the end."""
    return draw(st.lists(_FIXED, max_size=4)) + draw(st.lists(_LAST, max_size=1))


def beats() -> st.SearchStrategy[tuple[int, bytes]]:
    """An entry of a digest: the age, and a sealed heartbeat."""
    sealed = st.builds(lambda key, message: BEAT.seal(Mac(key), message), KEYS, messages("beat"))
    return st.tuples(numbers(U16), sealed)


@st.composite
def envelopes(draw: st.DrawFn) -> Sealed:
    """A hop envelope with anything in it."""
    key, gateway, sequence = draw(KEYS), draw(numbers(U16)), draw(numbers(U32))
    frames = draw(inner_frames())
    message = hop.Envelope(gateway, sequence, frames)
    return Sealed("hop", key, NO_NONCE, message, hop.seal(Mac(key), gateway, sequence, frames))


def sealed_frames() -> st.SearchStrategy[Sealed]:
    """Any sealed octets."""
    return st.one_of(center_frames(), center_frames(), reports(), envelopes())


@st.composite
def mutated(draw: st.DrawFn, octets: bytes) -> bytes:
    """The octets with a few changes: bits, lost or added octets, runs moved, another first octet or tag."""
    changed = bytearray(octets)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(changed) - 1)))
        what = draw(st.sampled_from(["bit", "bit", "octet", "lose", "add", "cut", "first", "tag", "double"]))
        if what == "bit" and changed:
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "octet" and changed:
            changed[at] = draw(st.integers(0, 255))
        elif what == "lose":
            del changed[at : at + draw(st.integers(1, 3))]
        elif what == "add":
            changed[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif what == "cut":
            del changed[at:]
        elif what == "first" and changed:
            changed[0] = draw(st.integers(0, 255))
        elif what == "tag":
            changed[-16:] = draw(st.binary(min_size=16, max_size=16))
        else:
            changed[at:at] = changed[at : at + draw(st.integers(1, 16))]
    return bytes(changed)
