"""What time it may be on a board without a battery for its clock, before any TIME came. Pure; called by firmware.board.

Certificates are checked against the board's clock, which starts in 2021; a center that believed that would never connect.
"""

DAY_S = 86400
STEP_S = 30 * DAY_S
# Certificates live 825 days: further ahead than that and a bit, no true one can lie.
REACH_S = 900 * DAY_S

_SEQUENCE = 0x30
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18


def guess(known, behind):
    """Unix seconds to start from: `known` are earlier moments that have certainly passed, `behind` counts the times
    that a certificate of ours was found to begin later still; then it goes on by 30 days, and round again."""
    return max(known) + behind * STEP_S % REACH_S


def only_early(reason):
    """Whether a verification failed for nothing but a certificate that begins in the future, by the words of mbedTLS."""
    lines = [line for line in reason.replace("\\n", "\n").split("\n") if "certificate" in line.lower()]
    return len(lines) > 0 and all(["starts in the future" in line for line in lines])


def begins(certificate):
    """Unix seconds from which a DER certificate is valid; 0 when it cannot be read."""
    try:
        _, tbs, _ = _element(certificate, 0)
        _, at, _ = _element(certificate, tbs)
        tag, _, after = _element(certificate, at)
        if tag == 0xA0:  # the version, which may be missing
            at = after
        for _ in range(3):  # serial number, signature algorithm, issuer
            at = _element(certificate, at)[2]
        tag, at, _ = _element(certificate, at)
        if tag != _SEQUENCE:
            return 0
        tag, at, after = _element(certificate, at)
        text = bytes(certificate[at:after]).decode()
        if tag == _UTC_TIME:
            text = ("20" if text < "50" else "19") + text
        elif tag != _GENERALIZED_TIME:
            return 0
        return _unix(int(text[:4]), int(text[4:6]), int(text[6:8])) + _seconds(text[8:14])
    except (IndexError, ValueError):
        return 0


def _element(octets, at):
    """(tag, where its content starts, where it ends) of the DER element at `at`."""
    tag, length = octets[at], octets[at + 1]
    start = at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(octets[start : start + count], "big")
        start += count
    return tag, start, start + length


def _unix(year, month, day):
    """Midnight of a date of the Gregorian calendar."""
    year -= month <= 2
    shifted = (month + 9) % 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * shifted + 2) // 5 + day - 1
    return (days - 719468) * DAY_S


def _seconds(text):
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:6])
