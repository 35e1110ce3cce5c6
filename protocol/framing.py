"""Frames on a byte stream (RS-485, LoRa): COBS with CRC-16, a zero octet after each frame.

COBS after Cheshire and Baker (1999); the CRC is CRC-16/IBM-3740 (polynomial 0x1021, initial 0xFFFF). It finds line
noise; what may be obeyed is decided by the seal alone.
"""

from protocol.errors import Malformed

MAX_FRAME = 1100


def crc16(octets: bytes) -> int:
    """CRC-16/IBM-3740 of the octets (0x29B1 for b"123456789")."""
    crc = 0xFFFF
    for octet in octets:
        # Eight steps of the division at once; bit by bit takes a small processor as long as the line takes.
        octet ^= crc >> 8
        octet ^= octet >> 4
        crc = (crc << 8 ^ octet << 12 ^ octet << 5 ^ octet) & 0xFFFF
    return crc


def encode(frame: bytes) -> bytes:
    """One frame for the line, its closing zero included."""
    out = bytearray()
    block = bytearray()
    for octet in frame + crc16(frame).to_bytes(2, "big"):
        if octet:
            block.append(octet)
        if not octet or len(block) == 254:
            out.append(len(block) + 1)
            out += block
            block = bytearray()
    out.append(len(block) + 1)
    out += block
    out.append(0)
    return bytes(out)


def decode(octets: bytes) -> bytes:
    """The frame in what stood between two zeros; raises Malformed when it was damaged."""
    out = bytearray()
    at = 0
    while at < len(octets):
        code = octets[at]
        block = octets[at + 1 : at + code]
        if not code or len(block) != code - 1 or 0 in block:
            raise Malformed("damaged COBS block")
        out += block
        at += code
        if code < 255 and at < len(octets):
            out.append(0)
    if len(out) < 3 or crc16(bytes(out[:-2])) != int.from_bytes(out[-2:], "big"):
        raise Malformed("CRC does not match")
    return bytes(out[:-2])


class Deframer:
    """Cuts a stream into frames, whatever the size of its pieces; counts what it had to drop."""

    def __init__(self) -> None:
        self.dropped = 0
        self._pending = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """The whole and undamaged frames that these octets complete."""
        frames = []
        for octet in octets:
            if octet:
                if len(self._pending) <= MAX_FRAME + MAX_FRAME // 254 + 4:
                    self._pending.append(octet)
                continue
            if self._pending:
                try:
                    frames.append(decode(bytes(self._pending)))
                except Malformed:
                    self.dropped += 1
                self._pending = bytearray()
        return frames
