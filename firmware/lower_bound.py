"""A lower bound of the time for a board without a clock, so that TLS does not take long expired certificates. For board.

It is the latest of the start of the device's own certificate and what was kept in flash; never later than now.
"""

import os

_NAME = "clock"
# Once a day is enough for certificates that last for years, and the flash is written 365 times in one.
KEEP_EVERY_S = 86400
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def read(folder):
    """Unix seconds; 0 when neither is there."""
    return max(_kept(folder), _issued(folder))


def keep(folder, unix_s):
    """Keep the time in flash, if what is there is a day old."""
    if unix_s < _kept(folder) + KEEP_EVERY_S:
        return
    temporary = folder + _NAME + "-new"
    try:
        with open(temporary, "w") as file:
            file.write("%d" % unix_s)
        os.rename(temporary, folder + _NAME)
    except OSError:
        pass  # A flash that fails must not end the program; the bound is only an older one.


def _kept(folder):
    try:
        with open(folder + _NAME) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _issued(folder):
    """The start of the validity of cert.der: its first UTCTime (X.509, 4.1.2.5), YYMMDDHHMMSSZ."""
    try:
        with open(folder + "cert.der", "rb") as file:
            content = file.read()
        at = content.index(b"\x17\x0d") + 2
        text = content[at : at + 12].decode()
        return unix(*[int(text[place : place + 2]) for place in range(0, 12, 2)])
    except (OSError, ValueError):
        return 0


def unix(year, month, day, hour, minute, second):
    """Unix seconds of a UTC time in this century; `year` has two digits."""
    leap_days = (year + 3) // 4 + (1 if month > 2 and year % 4 == 0 else 0)
    days = 10957 + year * 365 + leap_days + _DAYS_BEFORE[month - 1] + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second
