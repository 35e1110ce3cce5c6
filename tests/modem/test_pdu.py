"""Short messages as PDUs: what comes back, what does not fit, and what networks and modems do to them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modem import alphabet, fields
from modem.pdu import (
    Deliver,
    StatusReport,
    Submit,
    decode_incoming,
    decode_submit,
    encode_deliver,
    encode_report,
    encode_submit,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone(-timedelta(hours=3)))
CHARACTERS = alphabet.BASIC.replace("\x1b", "") + "".join(alphabet.EXTENSION.values())
MOMENT = "62304050607029"  # NOW, as a message center writes it

digits = st.text("0123456789*#abc", min_size=1, max_size=20)
numbers = digits | digits.map(lambda number: "+" + number)
payloads = st.binary(max_size=134) | st.text(CHARACTERS, max_size=76) | st.text(max_size=33)  # beside a header too
quarters = st.integers(-79, 79).map(lambda count: timezone(timedelta(minutes=15 * count)))
earliest, latest = datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)
moments = st.none() | st.datetimes(earliest, latest, timezones=quarters).map(
    lambda moment: moment.replace(microsecond=0)
)
headers = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=4)), max_size=3).map(
    lambda elements: b"".join(bytes((kind, len(value))) + value for kind, value in elements)
)


def deliver(tail: str, first: str = "04") -> str:
    """A PDU from the number 12, of the moment NOW, that ends with `dcs` and `tail`."""
    return "00" + first + "028121" + "00" + tail[:2] + MOMENT + tail[2:]


@given(
    numbers,
    payloads,
    st.none() | st.integers(0, 255),
    st.booleans(),
    st.integers(0, 255),
    st.sampled_from([b"", bytes((0, 3, 1, 2, 1))]),
)
def test_a_message_to_send_comes_back(
    number: str, payload: bytes | str, octet: int | None, report: bool, reference: int, udh: bytes
) -> None:
    """What the message center reads is what was sent, and the length is that of the TPDU."""
    validity_s = None if octet is None else fields.decode_validity(octet)
    message = Submit(number, payload, validity_s, report, reference, fields.scheme(payload), udh=udh)
    [(pdu, length)] = encode_submit(message)
    assert (message, length) == (decode_submit(pdu), len(pdu) // 2 - 1)


@given(numbers, payloads, moments, headers, st.integers(0, 255))
def test_a_message_that_came_comes_back(
    number: str, payload: bytes | str, sent_at: datetime | None, udh: bytes, pid: int
) -> None:
    """What the modem gives is what the message center sent, with any header that leaves room."""
    message = Deliver(number, payload, sent_at, fields.scheme(payload), pid, udh)
    try:
        pdu, length = encode_deliver(message)
    except ValueError as refusal:
        assert "too long" in str(refusal) and udh
    else:
        came = decode_incoming(pdu)
        assert (message, length) == (came, len(pdu) // 2 - 1)
        assert (sent_at and sent_at.utcoffset()) == (came.sent_at and came.sent_at.utcoffset())


@given(st.integers(0, 255), numbers, moments, moments, st.integers(0, 255))
def test_a_status_report_comes_back(
    reference: int, number: str, sent_at: datetime | None, done_at: datetime | None, status: int
) -> None:
    """Reference, number, times and status are kept."""
    report = StatusReport(reference, number, sent_at, done_at, status)
    pdu, length = encode_report(report)
    assert (report, length) == (decode_incoming(pdu), len(pdu) // 2 - 1)


whole = st.builds(Deliver, numbers, payloads, moments).map(lambda message: bytes.fromhex(encode_deliver(message)[0]))
damaged = st.builds(
    lambda octets, at, value, end: (octets[:at] + bytes((value,)) + octets[at + 1 :])[: len(octets) - end],
    *(whole, st.integers(0, 30), st.integers(0, 255), st.sampled_from([0, 0, 1, 5])),
)
rubbish = (damaged | st.binary(max_size=180)).map(bytes.hex) | st.text("0123456789abcdefG \n", max_size=60) | st.text()


@given(rubbish)
def test_rubbish_is_only_ever_a_value_error(pdu: str) -> None:
    """Any text is a message or a ValueError, nothing else, for both directions."""
    for decode, kinds in ((decode_incoming, (Deliver, StatusReport)), (decode_submit, (Submit,))):
        try:
            message = decode(pdu)
        except ValueError:
            continue
        assert isinstance(message, kinds)
        if isinstance(message, Deliver) and message.concatenation:
            assert 1 <= message.concatenation[2] <= message.concatenation[1]


@pytest.mark.parametrize(
    "message",
    [
        Submit("+549261", bytes(141)),
        Submit("+549261", "a" * 161),
        Submit("+549261", "€" * 80 + "a"),
        Submit("+549261", "á" * 71),
        Submit("+549261", "🚨" * 35 + "a"),
        Submit("+549261", bytes(134), udh=bytes(6)),
        Submit("+549261", "a" * 153, udh=bytes(6)),
        Submit("+549261", "\ud800"),
        Submit("+549261", b"", dcs=0),
        Submit("+549261", "", dcs=4),
        Submit("+549261", "á", dcs=0),
        Submit("+549261", "a", reference=256),
    ],
)
def test_what_a_message_to_send_cannot_hold(message: Submit) -> None:
    """Nothing is cut to size or guessed at: the message is refused before the modem hears of it."""
    with pytest.raises(ValueError, match=r"."):
        encode_submit(message)


@pytest.mark.parametrize("number", ["", "+", "1" * 21, "+54 9 261", "++549", "Vecino", "٣٤"])
def test_what_is_no_number(number: str) -> None:
    """A message is sent to digits and nothing else, and the refusal says so."""
    with pytest.raises(ValueError, match="a number of 1 to 20 digits"):
        encode_submit(Submit(number, "a"))


@pytest.mark.parametrize("validity_s", [0, -300])
def test_no_validity_at_all(validity_s: int) -> None:
    """A message that is over before it begins is refused."""
    with pytest.raises(ValueError, match="a validity of"):
        encode_submit(Submit("+549261", "a", validity_s))


@pytest.mark.parametrize(
    "message",
    [
        Deliver("Municipalidad", "a", NOW, named=True),
        Deliver("", "a", NOW, named=True),
        Deliver("+549261", "a", NOW.replace(tzinfo=None)),
        Deliver("+549261", "a", NOW.replace(year=1999)),
        Deliver("+549261", "a", NOW.replace(tzinfo=timezone(timedelta(minutes=7)))),
        Deliver("+549261", "a", NOW.replace(tzinfo=timezone(timedelta(hours=20)))),
    ],
)
def test_what_a_message_that_came_cannot_hold(message: Deliver) -> None:
    """The simulator's message center can write no name and no time that the standard cannot."""
    with pytest.raises(ValueError, match=r"."):
        encode_deliver(message)


@pytest.mark.parametrize(
    "pdu",
    [
        deliver("04020102", first="01"),
        deliver("04020102", first="03"),
        "00",
        "",
        "0",
        "00041591" + "00" * 40,
        "0004028121" + "0004" + MOMENT + "8D" + "00" * 141,
    ],
)
def test_what_did_not_come(pdu: str) -> None:
    """A message to send, a reserved type, no message, a number or user data too long: none is a message that came."""
    with pytest.raises(ValueError, match=r"."):
        decode_incoming(pdu)


def test_validity_is_never_shorter_than_asked() -> None:
    """Each second of the first three days, and each hour of 63 weeks, gets the first period that is long enough."""
    periods_s = [fields.decode_validity(octet) for octet in range(256)]
    assert sorted(periods_s) == periods_s
    for asked_s in [*range(1, 260_000, 7), *(period_s + step for period_s in periods_s for step in (-1, 0, 1))]:
        octet = fields.encode_validity(asked_s)
        assert periods_s[octet] >= min(asked_s, periods_s[-1])
        assert octet == 0 or periods_s[octet - 1] < asked_s


def test_a_name_may_look_like_a_number() -> None:
    """A sender who calls itself +5492611234 is known to be a name."""
    came = decode_incoming(encode_deliver(Deliver("+5492611234", "a", NOW, named=True))[0])
    assert (came.number, came.named) == ("+5492611234", True)


def test_a_counted_filler_ends_the_number() -> None:
    """A network that counts the filler as a digit still gives the number."""
    assert Deliver("+549", "a", NOW, 0) == decode_incoming("0004" + "049145F9" + "0000" + MOMENT + "0161")


@pytest.mark.parametrize(
    "moment", ["00" * 7, "FF" * 7, "623040506070F9", "62314050607029", "62304042607029", "62304050067029"]
)
def test_a_clock_that_says_nothing(moment: str) -> None:
    """A stamp of zeros, of fillers, of month 13, hour 24 or second 60 is no time, and the message is read."""
    assert Deliver("12", "a", None, 0) == decode_incoming("0004028121" + "0000" + moment + "0161")


def test_octets_after_the_message() -> None:
    """A card's record is longer than the message in it; what follows is not part of it."""
    assert Deliver("12", b"\x01\x02", NOW, 4) == decode_incoming(deliver("04" + "020102" + "FF" * 40))


@pytest.mark.parametrize(
    ("dcs", "expected"),
    [
        (0x00, "hi"),
        (0x10, "hi"),
        (0xF0, "hi"),
        (0xC8, "hi"),
        (0xD0, "hi"),
        (0x0C, "hi"),
        (0x80, "hi"),
        (0xB8, "hi"),
        (0xDC, "hi"),
    ]
    + [(dcs, bytes.fromhex("E834")) for dcs in (0x04, 0xF5, 0x14, 0x20, 0x64, 0xFF)]
    + [(dcs, "\ue834") for dcs in (0x08, 0x18, 0x48, 0xE0, 0xEF)],
)
def test_data_coding_schemes(dcs: int, expected: bytes | str) -> None:
    """Classes, deletion and waiting groups change nothing, reserved schemes are text, compressed ones are octets."""
    assert Deliver("12", expected, NOW, dcs) == decode_incoming(deliver(f"{dcs:02X}" + "02E834"))


@pytest.mark.parametrize(
    ("udh", "expected"),
    [
        ("0003070201", (7, 2, 1)),
        ("0804012C0302", (300, 3, 2)),
        ("7001FF0003070202", (7, 2, 2)),
        ("", None),
        ("0003070001", None),
        ("0003070200", None),
        ("0003070203", None),
        ("00020702", None),
        ("00030702", None),
        ("00", None),
    ],
)
def test_the_place_of_a_part(udh: str, expected: tuple[int, int, int] | None) -> None:
    """Both forms are known wherever they stand; an impossible place, or a broken header, is none (9.2.3.24.1)."""
    assert expected == Deliver("12", "a", NOW, udh=bytes.fromhex(udh)).concatenation


def test_headers_that_do_not_fit() -> None:
    """A header longer than the user data is refused for each coding."""
    for tail in ("0403050003", "0003050003", "0001" + "00", "0803050003"):
        with pytest.raises(ValueError, match=r"too soon|longer than"):
            decode_incoming(deliver(tail, first="44"))


def test_damaged_ucs2() -> None:
    """Half a character, and half a pair, are read as U+FFFD; the rest of the text is not lost."""
    assert [decode_incoming(deliver(tail)).payload for tail in ("080300F1D8", "0804D83D00F1")] == ["ñ\ufffd", "\ufffdñ"]


@pytest.mark.parametrize("pdu", [deliver("000161"), "00010005D0D6F23800000161", "0003"])
def test_what_is_not_to_be_sent(pdu: str) -> None:
    """The message center takes no message that came, and none for a name."""
    with pytest.raises(ValueError, match=r"not of a message to send|to a name"):
        decode_submit(pdu)


def test_long_forms_of_validity() -> None:
    """A message with an absolute or enhanced validity is read, without it."""
    for first in ("09", "19"):
        submit = "00" + first + "07" + "028121" + "0004" + "00" * 7 + "01AA"
        assert Submit("12", b"\xaa", None, reference=7, dcs=4) == decode_submit(submit)


def test_a_stamp_in_argentina() -> None:
    """Twelve quarters of an hour behind UTC, which this stamp says with the sign in its last octet."""
    came = decode_incoming(deliver("00" + "0161"))
    assert (datetime(2026, 3, 4, 8, 6, 7, tzinfo=UTC), timedelta(hours=-3)) == (came.sent_at, came.sent_at.utcoffset())
