"""Fields of a short message: address, validity, time stamp, user data (3GPP TS 23.040 9.1.2.5 and 9.2.3).

Called by `modem.pdu`, which puts them in order. A value that its field cannot hold is a ValueError.
"""

from datetime import UTC, datetime, timedelta, timezone

from modem import alphabet

MAX_USER_DATA = 140
_DIGITS = "0123456789*#abc"
_INTERNATIONAL, _NATIONAL, _NAME = 0x91, 0x81, 0xD0
_QUARTER_HOUR = timedelta(minutes=15)
_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 604800


class Octets:
    """Octets read from the front; ValueError when they end too soon."""

    def __init__(self, octets: bytes) -> None:
        self.rest = octets

    def take(self, count: int) -> bytes:
        """The next `count` octets."""
        if len(self.rest) < count:
            raise ValueError(f"the message ends {count - len(self.rest)} octets too soon")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def octet(self) -> int:
        """The next octet."""
        return self.take(1)[0]


def _swapped(digits: str) -> bytes:
    """Semi-octets: each pair of hexadecimal digits the other way round."""
    digits += "f" * (len(digits) % 2)
    return bytes(int(digits[at + 1] + digits[at], 16) for at in range(0, len(digits), 2))


def encode_address(number: str, named: bool = False) -> bytes:
    """Length, type and value (9.1.2.5) of `+` and 1 to 20 digits, of digits alone, or of a name of 1 to 11 characters.

    Digits are 0 to 9, `*`, `#`, a, b and c.
    """
    if named:
        septets = alphabet.encode(number)
        if not 1 <= len(septets) <= 11:
            raise ValueError(f"a name of 1 to 11 characters is wanted, not {number!r}")
        return bytes(((len(septets) * 7 + 3) // 4, _NAME)) + alphabet.pack(septets)
    digits = number.removeprefix("+")
    if not 1 <= len(digits) <= 20 or set(digits) - set(_DIGITS):
        raise ValueError(f"a number of 1 to 20 digits is wanted, not {number!r}")
    values = "".join(f"{_DIGITS.index(digit):x}" for digit in digits)
    return bytes((len(digits), _NATIONAL if digits == number else _INTERNATIONAL)) + _swapped(values)


def decode_address(octets: Octets) -> tuple[str, bool]:
    """Number and whether it is a name; international numbers begin with `+`."""
    length, kind = octets.octet(), octets.octet()
    if length > 20:
        raise ValueError(f"an address of {length} digits; the longest has 20")
    value = octets.take((length + 1) // 2)
    if kind & 0x70 == _NAME & 0x70:
        return alphabet.decode(alphabet.unpack(value, length * 4 // 7)), True
    nibbles = [nibble for octet in value for nibble in (octet & 15, octet >> 4)][:length]
    if 15 in nibbles:  # some networks count the filler as a digit
        nibbles = nibbles[: nibbles.index(15)]
    sign = "+" if kind & 0x70 == _INTERNATIONAL & 0x70 else ""
    return sign + "".join(_DIGITS[nibble] for nibble in nibbles), False


def encode_validity(seconds: int) -> int:
    """The relative validity octet (9.2.3.12.1): the shortest period that is not under `seconds`; 63 weeks at most.

    Rounded upwards, because a frame carries its own expiry: one that comes late is refused where it arrives, one
    that the network gave up too soon sounds no siren.
    """
    if seconds <= 0:
        raise ValueError(f"a validity of {seconds} s")
    if seconds <= 12 * _HOUR:
        return -(-seconds // (5 * _MINUTE)) - 1
    if seconds <= _DAY:
        return -(-seconds // (30 * _MINUTE)) + 119
    if seconds <= 30 * _DAY:
        return -(-seconds // _DAY) + 166
    return min(-(-seconds // _WEEK) + 192, 255)


def decode_validity(octet: int) -> int:
    """Seconds of a relative validity octet."""
    if octet <= 143:
        return (octet + 1) * 5 * _MINUTE
    if octet <= 167:
        return (octet - 119) * 30 * _MINUTE
    if octet <= 196:
        return (octet - 166) * _DAY
    return (octet - 192) * _WEEK


def encode_time(moment: datetime | None) -> bytes:
    """Seven semi-octet pairs (9.2.3.11), to the second and the quarter of an hour; None is all zeros, no time."""
    if moment is None:
        return bytes(7)
    offset = moment.utcoffset()
    if offset is None or not 2000 <= moment.year <= 2099 or offset % _QUARTER_HOUR or abs(offset) >= 80 * _QUARTER_HOUR:
        raise ValueError(f"no time stamp can say {moment}")
    zone = _swapped(f"{abs(offset) // _QUARTER_HOUR:02d}")[0] | (8 if offset < timedelta() else 0)
    return _swapped(moment.strftime("%y%m%d%H%M%S")) + bytes((zone,))


def decode_time(octets: bytes) -> datetime | None:
    """The moment, in the zone the message center wrote; None where it wrote no real one (9.2.3.11)."""
    zone = octets[6]
    pairs = [octet & 15 for octet in octets], [octet >> 4 for octet in octets]
    pairs[0][6] &= 7
    if any(nibble > 9 for half in pairs for nibble in half):
        return None
    year, month, day, hour, minute, second, quarters = (tens * 10 + ones for tens, ones in zip(*pairs, strict=True))
    offset = quarters * _QUARTER_HOUR * (-1 if zone & 8 else 1)
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset) if offset else UTC)
    except ValueError:
        return None


def character_set(dcs: int) -> str:
    """`gsm`, `octets` or `ucs2`, as the data coding scheme says (TS 23.038 4); a reserved one means `gsm`."""
    group = dcs >> 4
    if group < 8:
        if dcs & 0x20:
            return "octets"  # compressed text; nobody here can read it
        return ("gsm", "octets", "ucs2", "gsm")[dcs >> 2 & 3]
    if group == 14:
        return "ucs2"
    return "octets" if group == 15 and dcs & 4 else "gsm"


def scheme(payload: bytes | str) -> int:
    """The plain data coding scheme of a payload: 4 for octets, 0 for text of the GSM alphabet, 8 for other text."""
    if isinstance(payload, bytes):
        return 4
    try:
        alphabet.encode(payload)
    except ValueError:
        return 8
    return 0


def encode_user_data(payload: bytes | str, dcs: int, udh: bytes = b"") -> bytes:
    """Length and user data (9.2.3.16, 9.2.3.24); `udh` comes without its own length octet."""
    header = bytes((len(udh),)) + udh if udh else b""
    wanted = character_set(dcs)
    if isinstance(payload, bytes) != (wanted == "octets"):
        raise ValueError(f"data coding scheme {dcs:#04x} carries {wanted}, not {type(payload).__name__}")
    if isinstance(payload, str) and wanted == "gsm":
        septets = alphabet.encode(payload)
        before = -(-len(header) * 8 // 7)  # the text begins on the next septet after the header
        octets = header + alphabet.pack(septets, before * 7 - len(header) * 8)
        length = before + len(septets)
    else:
        octets = header + (payload if isinstance(payload, bytes) else payload.encode("utf-16-be"))
        length = len(octets)
    if len(octets) > MAX_USER_DATA:
        raise ValueError(f"the message is too long: {len(octets)} octets, and {MAX_USER_DATA} fit")
    return bytes((length,)) + octets


def decode_user_data(octets: Octets, dcs: int, has_header: bool) -> tuple[bytes | str, bytes]:
    """Payload and header (without its length octet); what the modem put after the user data is left over."""
    coded = character_set(dcs)
    length = octets.octet()
    count = -(-length * 7 // 8) if coded == "gsm" else length
    if count > MAX_USER_DATA:
        raise ValueError(f"user data of {count} octets; the longest has {MAX_USER_DATA}")
    data = Octets(octets.take(count))
    udh = data.take(data.octet()) if has_header else b""
    if coded == "octets":
        return data.rest, udh
    if coded == "ucs2":
        return data.rest.decode("utf-16-be", "replace"), udh
    used = (count - len(data.rest)) * 8
    before = -(-used // 7)
    if before > length:
        raise ValueError("the header is longer than the message")
    return alphabet.decode(alphabet.unpack(data.rest, length - before, before * 7 - used)), udh
