"""The GSM 7 bit default alphabet and its packing into octets (3GPP TS 23.038 6.1.2 and 6.2.1).

Called by `modem.pdu`. Septets travel as bytes, one septet in each. It has no national language tables: a letter
of one is read as the letter of the default alphabet in its place, as the standard asks.
"""

ESCAPE = 0x1B

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS = {character: bytes((septet,)) for septet, character in enumerate(BASIC) if septet != ESCAPE}
_SEPTETS |= {character: bytes((ESCAPE, septet)) for septet, character in EXTENSION.items()}


def encode(text: str) -> bytes:
    """The septets of a text, two for a character of the extension; ValueError where the alphabet lacks one."""
    try:
        return b"".join([_SEPTETS[character] for character in text])
    except KeyError as lacking:
        raise ValueError(f"the GSM alphabet has no {lacking.args[0]!r}") from None


def decode(septets: bytes) -> str:
    """The text of septets (each under 128); every sequence has one.

    An escape before a septet that the extension lacks is left out; one before another escape, or at the end,
    is a space (TS 23.038 6.2.1.1, notes 1 and 3).
    """
    text = []
    walk = iter(septets)
    for septet in walk:
        if septet != ESCAPE:
            text.append(BASIC[septet])
            continue
        after = next(walk, ESCAPE)
        text.append(" " if after == ESCAPE else EXTENSION.get(after, BASIC[after]))
    return "".join(text)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets packed from the low bit of the first octet, after `fill` zero bits (TS 23.040 9.2.3.24)."""
    bits = 0
    for septet in reversed(septets):
        bits = bits << 7 | septet
    return (bits << fill).to_bytes((len(septets) * 7 + fill + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """The first `count` septets after `fill` bits; ValueError where the octets hold fewer."""
    if len(octets) * 8 < count * 7 + fill:
        raise ValueError(f"{len(octets)} octets do not hold {count} septets")
    bits = int.from_bytes(octets, "little") >> fill
    return bytes(bits >> 7 * index & 0x7F for index in range(count))
