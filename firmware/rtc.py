"""The chip's clock, by which certificates are checked: set from what is known after a power cut, then from TIME. Used by firmware.board."""

import os
import time

from machine import RTC

from firmware import almanac

# Some ports count from 2000.
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0


class Calendar:
    """`flash` is the device's folder; the last known time is kept in its file `clock`."""

    def __init__(self, flash):
        self._path = flash + "clock"
        self._behind = 0
        self._told_s = _number(_octets(self._path))
        self._known = (self._told_s, almanac.begins(_octets(flash + "cert.der")))
        _set(almanac.guess(self._known, 0))

    def set(self, unix_s):
        """The true time; kept for the next start about once a day."""
        _set(unix_s)
        if not 0 <= unix_s - self._told_s < almanac.DAY_S:
            self._told_s = unix_s
            try:
                with open(self._path + "-new", "wb") as file:
                    file.write(b"%d" % unix_s)
                os.rename(self._path + "-new", self._path)
            except OSError as error:
                print("not kept: %s: %r" % (self._path, error))

    def behind(self):
        """A certificate of ours begins later than this clock says, and no TIME came yet: go on by a month."""
        self._behind += 1
        _set(almanac.guess(self._known, self._behind))


def _set(unix_s):
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - _EPOCH_S)[:7]
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _octets(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _number(octets):
    try:
        return int(octets.decode() or "0")
    except ValueError:
        return 0
