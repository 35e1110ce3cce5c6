"""Properties of frames, envelopes and keys that hold for whatever values there are."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import cbor, hop, report
from protocol.errors import BadTag, Malformed, ProtocolError
from protocol.hmac import Mac
from protocol.layout import NO_NONCE
from protocol.report import Report
from tests.both.readers import read
from tests.protocol.frames import (
    KEYS,
    LAYOUTS,
    U16,
    U32,
    Sealed,
    beats,
    center_frames,
    envelopes,
    inner_frames,
    messages,
    mutated,
    numbers,
    reports,
    sealed_frames,
)

quick = settings(max_examples=100, deadline=None)


@quick
@given(sealed_frames())
def test_what_was_sealed_is_what_is_opened(frame: Sealed) -> None:
    """The same values, whatever they are."""
    assert read(frame.reader, Mac(frame.key), frame.nonce, frame.octets) == frame.message


@quick
@given(center_frames())
def test_a_peek_tells_what_the_frame_claims(frame: Sealed) -> None:
    """Addressing sees the same values as the one who verifies."""
    assert LAYOUTS[frame.reader].peek(frame.octets) == frame.message


@quick
@given(reports(st.characters(exclude_categories=["Cs"])))
def test_a_report_carries_any_text(frame: Sealed) -> None:
    """All of Unicode, between two of the central kind."""
    assert report.open(Mac(frame.key), frame.octets) == frame.message


@settings(max_examples=400, deadline=None)
@given(sealed_frames(), st.data())
def test_nothing_but_the_frame_itself_opens(frame: Sealed, data: st.DataObject) -> None:
    """Opened if and only if the octets are those that the key's holder made; else a ProtocolError."""
    octets = data.draw(mutated(frame.octets))
    try:
        message = read(frame.reader, Mac(frame.key), frame.nonce, octets)
    except ProtocolError:
        assert octets != frame.octets
    else:
        assert octets == frame.octets
        assert message == frame.message


@quick
@given(center_frames(), KEYS, st.binary(min_size=8, max_size=8))
def test_another_key_or_boot_opens_nothing(frame: Sealed, key: bytes, nonce: bytes) -> None:
    """The key and the nonce both count."""
    layout = LAYOUTS[frame.reader]
    if key != frame.key:
        with pytest.raises(BadTag):
            layout.open(Mac(key), frame.octets, frame.nonce)
    if nonce != frame.nonce:
        with pytest.raises(BadTag):
            layout.open(Mac(frame.key), frame.octets, nonce)


@quick
@given(st.data(), st.sampled_from(sorted(LAYOUTS)))
def test_a_value_out_of_range_is_refused_and_never_cut(data: st.DataObject, kind: str) -> None:
    """Whatever is one too large, or negative, in any field."""
    layout = LAYOUTS[kind]
    message = data.draw(messages(kind))
    at = data.draw(st.integers(0, len(message) - 1))
    bad: object
    if isinstance(message[at], bytes):
        bad = data.draw(st.binary(max_size=20).filter(lambda octets: len(octets) != 8))
    else:
        widest = {"incident": 64}.get(message._fields[at], 32)
        bad = data.draw(st.one_of(st.integers(max_value=-1), st.integers(min_value=1 << widest)))
    with pytest.raises(Malformed):
        layout.seal(Mac(bytes(32)), message._replace(**{message._fields[at]: bad}))


@quick
@given(center_frames())
def test_neighbouring_messages_never_share_octets(frame: Sealed) -> None:
    """Each field changes the body: none is written over another or left out."""
    layout = LAYOUTS[frame.reader]
    body = layout.pack(frame.message)
    for name, value in frame.message._asdict().items():
        other = bytes([value[0] ^ 1]) + value[1:] if isinstance(value, bytes) else value ^ 1
        assert layout.pack(frame.message._replace(**{name: other})) != body


@quick
@given(inner_frames())
def test_an_envelope_gives_back_its_frames(frames: list[bytes]) -> None:
    """None lost, none merged, in their order."""
    assert hop.split(b"".join(frames)) == frames


@quick
@given(st.lists(inner_frames(), min_size=2, max_size=3))
def test_no_envelope_is_made_that_loses_frames(groups: list[list[bytes]]) -> None:
    """Also where a caller puts one of variable size in the middle: refused, or whole."""
    frames = [frame for group in groups for frame in group]
    key = Mac(bytes(32))
    try:
        octets = hop.seal(key, 7, 1, frames)
    except Malformed:
        kinds = [frame[0] >> 2 & 15 for frame in frames[:-1]]
        assert {hop.KIND_DIGEST, hop.KIND_REPORT, hop.KIND_OFFER, hop.KIND_BLOCK} & set(kinds)
    else:
        assert hop.open(key, octets).frames == frames


@quick
@given(st.binary(max_size=300))
@example(b"\x40")
def test_any_octets_are_cut_whole_or_refused(octets: bytes) -> None:
    """What split gives is what it got, nothing added and nothing dropped."""
    try:
        frames = hop.split(octets)
    except Malformed:
        return
    assert b"".join(frames) == octets
    assert all(frames)


@quick
@given(envelopes(), numbers(U16), numbers(U32))
def test_gateway_and_sequence_are_under_the_tag(frame: Sealed, gateway: int, sequence: int) -> None:
    """The head of one envelope on the frames of another is refused."""
    head = gateway.to_bytes(2, "big") + sequence.to_bytes(4, "big")
    octets = frame.octets[:1] + head + frame.octets[7:]
    if octets != frame.octets:
        with pytest.raises(BadTag):
            hop.open(Mac(frame.key), octets)


@quick
@given(numbers(U32), numbers(U32), st.lists(beats(), max_size=5))
def test_a_digest_gives_back_its_beats(time: int, oldest: int, entries: list[tuple[int, bytes]]) -> None:
    """Sealed as they were, with their ages."""
    digest = hop.Digest(time, oldest, entries)
    assert hop.read_digest(hop.digest(digest)) == digest


@quick
@given(numbers(U32), numbers(U32))
def test_receipts_and_presence_come_back(one: int, other: int) -> None:
    """Numbers of their whole width."""
    assert hop.read_receipt(hop.receipt(hop.Receipt(one, other))) == hop.Receipt(one, other)
    assert hop.read_presence(hop.presence(hop.Presence(one, 1, other))) == hop.Presence(one, 1, other)


@quick
@given(st.binary(max_size=1100))
def test_a_reports_body_is_an_object_or_refused(body: bytes) -> None:
    """Whatever a center that holds its key writes: a dict of JSON, or Malformed."""
    frame = report.seal(Mac(bytes(32)), Report(0, 1, 42, 1, {}))[:10] + body
    frame += Mac(bytes(32)).tag(b"sereno/1 report\0" + frame)
    try:
        assert isinstance(report.open(Mac(bytes(32)), frame).body, dict)
    except Malformed:
        with pytest.raises((ValueError, AssertionError)):
            assert len(body) <= report.MAX_BODY
            assert isinstance(json.loads(body.decode()), dict)


def _values() -> st.SearchStrategy[Any]:
    whole = st.integers(-(1 << 64), (1 << 64) - 1)
    leaf = st.one_of(whole, st.binary(max_size=300), st.text(max_size=30))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(whole, inner, max_size=6)),
        max_leaves=15,
    )


@quick
@given(_values())
def test_a_cbor_library_reads_what_we_write(value: Any) -> None:
    """The same value, in the same octets as its canonical writer's where no map leaves an order to choose."""
    octets = cbor.encode(value)
    assert cbor2.loads(octets) == value
    assert len(octets) == len(cbor2.dumps(value, canonical=True))


@quick
@given(st.dictionaries(st.integers(-(1 << 64), (1 << 64) - 1), st.integers(0, 9), max_size=8))
def test_maps_are_in_the_order_of_their_encoded_keys(value: dict[int, int]) -> None:
    """RFC 8949, 4.2.1: bytewise."""
    keys = [cbor2.dumps(key) for key in cbor2.loads(cbor.encode(value))]
    assert keys == sorted(keys)


def test_no_nonce_is_eight_zeros() -> None:
    """What stands in the tag of frames from a center."""
    assert bytes(8) == NO_NONCE
