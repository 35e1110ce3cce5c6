"""The modem's octets as lines and prompts."""

from hypothesis import given
from hypothesis import strategies as st

from modem.lines import MAX_OCTETS, Line, Prompt, Reader

# Mostly what modems say, so that any cut falls into something that matters.
PIECES = st.one_of(
    st.sampled_from(
        [b"\r\n", b"\r", b"\n", b"> ", b">", b" ", b"OK", b'+CMTI: "SM",3', b"AT+CMGS=20\r", b"\0", b"\x1a"]
    ),
    st.sampled_from([b"A" * MAX_OCTETS, b"B" * (MAX_OCTETS + 1)]),
    st.binary(max_size=6),
)


def events(octets: bytes) -> list[Line | Prompt]:
    """What a new reader makes of octets that come at once."""
    return Reader().feed(octets)


def test_any_mix_of_ends() -> None:
    """CR and LF in any number and order end one line, and empty lines are none."""
    assert [Line("OK"), Line("+CSQ: 15,99"), Line("RING")] == events(b"\r\r\nOK\r\r\n\n+CSQ: 15,99\n\r\nRING\r")


def test_an_unfinished_line_waits() -> None:
    """Nothing is said of a line until its end."""
    reader = Reader()
    assert [[], [], [Line("+CMGS: 17")]] == [reader.feed(part) for part in (b"\r\n+CM", b"GS: 17", b"\r")]


def test_the_prompt_needs_no_end_of_line() -> None:
    """`> ` at the beginning of a line is the prompt as soon as it is there, also after an echo."""
    assert [Line("AT+CMGS=20"), Prompt()] == events(b"AT+CMGS=20\r\r\n> ")


def test_a_greater_than_inside_a_line_is_text() -> None:
    """Only the beginning of a line can be a prompt, and only with its space."""
    assert [Line("a> b"), Line(" > "), Line(">b c")] == events(b"a> b\r\n > \r\n>b c\r\n")


def test_the_echo_of_the_message_follows_its_prompt() -> None:
    """A modem that echoes the PDU after its prompt gives prompt, echo without its Ctrl-Z, and answer."""
    assert [Prompt(), Line("0001AB"), Line("+CMGS: 4"), Line("OK")] == events(
        b"\r\n> 0001AB\x1a\r\n+CMGS: 4\r\n\r\nOK\r\n"
    )


def test_noise_between_lines_is_dropped() -> None:
    """What a modem's line carries while it starts does not spoil the first word."""
    assert [Line("RDY"), Prompt()] == events(b"\0\xff\xf8\x80RDY\r\n\xfe\0> ")


def test_damage_inside_a_line_shows() -> None:
    """A damaged octet stands as U+FFFD, so that a damaged number is not read as another; controls go."""
    assert [Line("+CMGS: 1\ufffd7"), Line("+CSQ: 15")] == events(b"+CMGS: 1\xb77\r\n+CS\0Q: \x7f1\t5\r\n")


def test_a_line_too_long_is_dropped_and_counted() -> None:
    """1024 octets are a line; one more and the whole line goes, and the next is whole."""
    reader = Reader()
    longest = "x" * MAX_OCTETS
    assert [Line(longest), Line("OK")] == reader.feed(f"{longest}\r\n{longest}y> z\r\nOK\r\n".encode())
    assert reader.dropped == 1


def test_an_endless_line_takes_no_room() -> None:
    """A modem that never ends its line fills no memory."""
    reader = Reader()
    for _ in range(100):
        assert reader.feed(b"z" * MAX_OCTETS) == []
    assert (reader.dropped, len(reader._line)) == (1, MAX_OCTETS)


@given(st.lists(PIECES, max_size=30), st.randoms(use_true_random=False))
def test_any_cut_gives_the_same_events(pieces: list[bytes], chance) -> None:
    """One octet at a time, all at once, or cut by chance: the events and the count of dropped lines are the same."""
    stream = b"".join(pieces)
    cuts = sorted(chance.choices(range(len(stream) + 1), k=10))
    whole, single, cut = Reader(), Reader(), Reader()
    expected = whole.feed(stream)
    assert expected == [event for octet in stream for event in single.feed(bytes((octet,)))]
    parts = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert expected == [event for part in parts for event in cut.feed(part)]
    assert whole.dropped == single.dropped == cut.dropped
    assert all(len(event.text) <= MAX_OCTETS and event.text.strip("\0\x7f") for event in expected if event != Prompt())
