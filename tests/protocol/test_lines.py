"""Serial lines, replay windows and topics against simple models, for whatever comes."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import framing, replay, topics
from protocol.errors import Malformed
from protocol.framing import MAX_FRAME, Deframer
from protocol.replay import Window
from tests.vectors.sequences import Seen, stuffed

quick = settings(max_examples=100, deadline=None)

RUNS = st.lists(
    st.one_of(st.binary(max_size=40), st.integers(250, 260).map(lambda n: b"\x01" * n), st.integers(1, 9).map(bytes)),
    min_size=1,
    max_size=4,
)
FRAMES = RUNS.map(b"".join).filter(lambda octets: 0 < len(octets) <= MAX_FRAME)


@quick
@given(st.lists(FRAMES, max_size=5), st.data())
def test_frames_come_whole_in_pieces_of_any_size(frames: list[bytes], data: st.DataObject) -> None:
    """However the stream is cut, idle zeros or not."""
    stream = b"".join(framing.encode(frame) + bytes(data.draw(st.integers(0, 2))) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    deframer = Deframer()
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += deframer.feed(stream[start:end])
    assert got == frames
    assert deframer.dropped == 0


@quick
@given(FRAMES)
def test_the_line_is_what_a_second_implementation_writes(frame: bytes) -> None:
    """COBS by another method, the CRC by binascii; no zero but the last."""
    line = framing.encode(frame)
    crc = binascii.crc_hqx(frame, 0xFFFF)
    assert framing.crc16(frame) == crc
    assert line == stuffed(frame + crc.to_bytes(2, "big")) + b"\x00"
    assert line.index(0) == len(line) - 1


@quick
@given(st.binary(max_size=600))
def test_any_octets_are_a_frame_or_refused(octets: bytes) -> None:
    """What decodes has a good CRC, and nothing else is raised than Malformed."""
    try:
        frame = framing.decode(octets)
    except Malformed:
        return
    assert framing.decode(framing.encode(frame)[:-1]) == frame


@quick
@given(st.binary(max_size=3000), FRAMES)
def test_whatever_came_before_the_next_frame_is_heard(noise: bytes, frame: bytes) -> None:
    """Noise ends at a zero."""
    deframer = Deframer()
    assert deframer.feed(noise + b"\x00" + framing.encode(frame))[-1] == frame


@pytest.mark.parametrize("octet", [0x00, 0x01, 0xFF])
def test_the_longest_frame_fits(octet: int) -> None:
    """Exactly as long as allowed, however much the stuffing adds."""
    frame = bytes([octet]) * MAX_FRAME
    assert Deframer().feed(framing.encode(frame)) == [frame]


COUNTERS = st.one_of(st.integers(-2, 200), st.integers(0, 0xFFFFFFFF), st.integers(0xFFFFFF00, 0xFFFFFFFF))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(COUNTERS, st.integers(-70, 70))), max_size=60), st.booleans())
def test_the_window_is_a_set_with_a_floor(steps: list[tuple[int, int]], through_flash: bool) -> None:
    """Verdict by verdict against a set of everything that was ever used; half of the steps stay near the newest."""
    window, seen = Window(), Seen()
    for what, number in steps:
        counter = min(0xFFFFFFFF, max(0, seen.top + number)) if what > 4 else number
        if what == 0:
            window.raise_floor(counter)
            seen.floor = max(seen.floor, counter)
        else:
            expected = seen.take(counter)
            assert window.verdict(counter) == expected
            if expected == replay.NEW:
                window.accept(counter)
                assert window.verdict(counter) == replay.REPEAT
        if through_flash:
            window = replay.unpack(window.pack())
    assert window.pack() == seen.packed()


@quick
@given(st.lists(COUNTERS, max_size=80))
def test_no_counter_is_ever_new_twice(counters: list[int]) -> None:
    """In whatever order they come, and come again."""
    window = Window()
    new = []
    for counter in counters + counters:
        if window.verdict(counter) == replay.NEW:
            window.accept(counter)
            new.append(counter)
    assert len(new) == len(set(new))


@quick
@given(
    st.one_of(
        st.tuples(st.just("C"), st.integers(1, 999_999)),
        st.tuples(st.just("G"), st.integers(1, 65_535)),
        st.tuples(st.just("S"), st.integers(1, 99)),
    ),
    st.sampled_from([topics.DOWN, topics.UP, topics.LINK]),
)
def test_names_and_topics_come_back(device: tuple[str, int], direction: str) -> None:
    """Every number that a device can have."""
    letter, number = device
    name = {"C": topics.center_name, "G": topics.gateway_name, "S": topics.process_name}[letter](number)
    assert topics.number_of(name) == number
    assert topics.parse(topics.topic(name, direction)) == (name, direction)


_NEAR = st.text(st.sampled_from("CGS0123456789/+#$ \n\u0660\u00b2sereno1downuplink"), max_size=30)


@settings(max_examples=400, deadline=None)
@given(st.one_of(_NEAR, st.text(max_size=30), _NEAR.map(lambda text: f"sereno/1/{text}/up")))
def test_a_topic_that_is_taken_is_one_that_is_made(text: str) -> None:
    """There is one way to write each, and no other text is taken."""
    try:
        name, direction = topics.parse(text)
    except Malformed:
        return
    make = {"C": topics.center_name, "G": topics.gateway_name, "S": topics.process_name}[name[0]]
    assert make(topics.number_of(name)) == name
    assert topics.topic(name, direction) == text
