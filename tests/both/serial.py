"""Serial lines: frames come out whole however the octets come in, and noise costs no more than the frame it hit."""

from protocol import framing
from protocol.framing import Deframer
from tests.both.readers import VECTORS, error_of, octets

LINES = [(octets(v["frame"]), octets(v["crc"]), octets(v["line"])) for v in VECTORS["lines"]]


def test_published_check_value():
    """CRC-16/IBM-3740 of the nine digits."""
    assert framing.crc16(b"123456789") == 0x29B1


def test_lines():
    """The octets of every frame on the line, and back."""
    for frame, crc, line in LINES:
        assert framing.crc16(frame) == int.from_bytes(crc, "big")
        assert framing.encode(frame) == line
        assert framing.decode(line[:-1]) == frame


def test_an_octet_at_a_time():
    """Each frame is handed over with the zero that ends it, not before and not twice."""
    deframer = Deframer()
    got = []
    for frame, _, line in LINES:
        for at in range(len(line)):
            frames = deframer.feed(line[at : at + 1])
            assert frames == ([frame] if at == len(line) - 1 else [])
            got += frames
    assert got == [frame for frame, _, _ in LINES]
    assert deframer.dropped == 0


def test_all_at_once():
    """A burst of many frames, with idle zeros between them."""
    deframer = Deframer()
    assert deframer.feed(b"\x00\x00".join([line for _, _, line in LINES])) == [frame for frame, _, _ in LINES]
    assert deframer.dropped == 0


def test_noise_costs_one_frame():
    """An octet changed, lost or doubled drops that frame and no other."""
    frame, _, line = LINES[4]
    for at in range(len(line) - 1):
        for damaged in (
            line[:at] + bytes([line[at] ^ 0x10 or 0x55]) + line[at + 1 :],
            line[:at] + line[at + 1 :],
            line[:at] + line[at : at + 1] + line[at:],
        ):
            deframer = Deframer()
            assert deframer.feed(damaged + line) == [frame]
            assert deframer.dropped == 1


def test_a_line_that_never_ends_takes_no_memory():
    """Far more than a frame without a zero is dropped, and the next frame is heard."""
    deframer = Deframer()
    for _ in range(40):
        assert deframer.feed(b"\x55" * 1000) == []
        assert len(deframer._pending) < 1200
    frame, _, line = LINES[4]
    assert deframer.feed(b"\x00" + line) == [frame]
    assert deframer.dropped == 1


def test_damaged_blocks():
    """A code that points beyond the end, a zero inside, too short for a CRC."""
    for damaged in (b"", b"\x01", b"\x05ab", b"\x03a\x00", b"\x00", b"\x02a", b"\x03\xff\xff", b"\xff" + b"a" * 253):
        assert error_of(framing.decode, damaged) == "Malformed", damaged


def test_a_zero_inside_a_block_is_damage():
    """Also where the CRC agrees: a frame has one way to stand on a line."""
    checked = b"ab\x00cd" + framing.crc16(b"ab\x00cd").to_bytes(2, "big")
    assert 0 not in checked[-2:]
    assert error_of(framing.decode, bytes([len(checked) + 1]) + checked) == "Malformed"
    assert framing.decode(b"\x03ab\x05" + checked[3:]) == b"ab\x00cd"
