"""Frames for and of a gateway itself: what goes in comes out, what does not fit is refused, and two acks fit one SMS."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import codes, countersign, gateway, hop
from protocol.errors import Malformed, ProtocolError
from protocol.hmac import Mac
from protocol.messages import ACK, COMMAND, HELLO, TIME

KEY = Mac(bytes(32))
U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
U64 = st.integers(0, (1 << 64) - 1)
quick = settings(max_examples=200, deadline=None)


def ack(sequence: int = 9) -> bytes:
    """A center's sealed ack."""
    return ACK.seal(KEY, (0, 0, 42, 7, 1, codes.SOUNDING, 1, sequence, 0, 12_700))


@quick
@given(U32, U32, U16, U64, U16)
def test_a_group_stop_comes_out_as_it_went_in(order: int, issued: int, ttl: int, incident: int, group: int) -> None:
    """Through an envelope too, small enough for one SMS."""
    stop = gateway.StopGroup(order, issued, ttl, incident, group)
    octets = hop.seal(KEY, 7, 1, [gateway.stop_group(stop)])
    assert len(octets) <= 60
    assert gateway.read_stop_group(hop.open(KEY, octets).frames[0]) == stop


@quick
@given(U32, U32, st.lists(U32, min_size=1, max_size=8))
def test_a_batch_of_acks_comes_out_as_it_went_in(sequence: int, time: int, numbers: list[int]) -> None:
    """The sealed acks are unaltered, and in order."""
    batch = gateway.Acks(sequence, time, [ack(number) for number in numbers])
    assert gateway.read_acks(hop.open(KEY, hop.seal(KEY, 7, 1, [gateway.acks(batch)])).frames[0]) == batch


def test_what_goes_by_sms_fits_a_text_only_provider() -> None:
    """At most 120 octets each: two acks, one countersigned ack, two commands, a hello, two times, a receipt."""
    stamped = countersign.pack(countersign.Countersigned(ack(), 7, 1, 2, codes.BEARER_SMS, 0, bytes(64)))
    assert len(stamped) == hop.SMS_SIZE
    batch = gateway.acks(gateway.Acks(1, 2, [ack(1), ack(2)]))
    for frames in ([batch], [bytes([0x44]) + bytes(COMMAND.size - 1)] * 2, [bytes([0x50]) + bytes(TIME.size - 1)] * 2):
        assert sum(map(len, frames)) <= hop.SMS_ROOM
        assert len(hop.seal(KEY, 7, 1, frames)) <= hop.SMS_SIZE
    assert HELLO.size <= hop.SMS_ROOM


@quick
@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=8))
def test_a_document_comes_out_as_it_went_in(content: dict[str, object]) -> None:
    """Settings and status are JSON objects."""
    frame = gateway.document(gateway.SETTINGS, content)
    assert gateway.read_document(gateway.SETTINGS, frame) == content
    with pytest.raises(Malformed):
        gateway.read_document(gateway.STATUS, frame)


@quick
@given(st.binary(max_size=80).map(lambda rest: bytes([0x40]) + rest) | st.binary(max_size=80))
def test_whatever_comes_is_a_value_or_a_protocol_error(octets: bytes) -> None:
    """Nothing else escapes from a reader."""
    readers = (
        gateway.about,
        gateway.read_stop_group,
        gateway.read_acks,
        lambda frame: gateway.read_document(gateway.SETTINGS, frame),
    )
    for reader in readers:
        try:
            reader(octets)
        except ProtocolError:
            continue


def test_a_document_that_is_too_long_or_no_object_is_refused() -> None:
    """On both sides."""
    with pytest.raises(Malformed):
        gateway.document(gateway.STATUS, {"a": "x" * gateway.MAX_JSON})
    for body in (b"[]", b"1", b"{", b"\xff", b'{"a":"' + b"x" * gateway.MAX_JSON + b'"}'):
        with pytest.raises(Malformed):
            gateway.read_document(gateway.STATUS, bytes([0x40, gateway.STATUS]) + body)


def test_a_batch_takes_acks_alone() -> None:
    """No batch of nothing, none of another frame, none that is cut."""
    for frames in ([], [b""], [ack()[:-1]], [bytes([0x44]) + ack()[1:]]):
        with pytest.raises(Malformed):
            gateway.acks(gateway.Acks(1, 2, frames))
    with pytest.raises(Malformed):
        gateway.read_acks(gateway.acks(gateway.Acks(1, 2, [ack()]))[:-1])


def test_a_gateway_never_speaks_as_a_center_nor_a_center_as_a_gateway() -> None:
    """Centers have up to six digits; incidents of the two are told apart as well."""
    for number in (1, 7, 65_535):
        assert gateway.gateway_of(gateway.speaker(number)) == number
        assert gateway.incident(number, 1) >> 62 == 3
    for center in (0, 1, 42, 999_999):
        assert gateway.gateway_of(center) == 0
        assert (1 << 63 | center << 32 | 5) >> 62 == 2
    told = gateway.event(7, codes.PANIC, gateway.incident(7, 3), 9, 70_000)
    opened = ACK.open(KEY, ACK.seal(KEY, told))
    assert (opened.center, opened.age, opened.counter) == (gateway.speaker(7), 0xFFFF, 0)
