"""The board's own cap on what is loud, and the lower bound of its clock."""

import os

from firmware import lower_bound
from firmware.limit import LIMIT_MS, REST_MS, Limit
from protocol import codes

SIREN = codes.SIREN | codes.INDICATOR


def test_nothing_loud_stays_on_beyond_the_limit():
    """Whatever is wanted, however it pulses; the silent indicator stays."""
    limit = Limit()
    assert limit.begins(SIREN, 0)
    for now_ms in range(0, LIMIT_MS, 1000):
        # A cadence: half of the time it is off, never for long.
        wanted = SIREN if now_ms // 1000 % 2 else 0
        assert not limit.begins(wanted, now_ms)
        assert limit.allowed(wanted, now_ms) == wanted
    for output in (codes.SIREN, codes.STROBE, codes.FLOODLIGHT):
        assert limit.allowed(output | codes.INDICATOR, LIMIT_MS) == codes.INDICATOR


def test_only_a_rest_begins_a_new_period():
    """Nine seconds of silence are none; ten are."""
    limit = Limit()
    assert limit.begins(SIREN, 0)
    limit.begins(0, 1000)
    assert not limit.begins(SIREN, 1000 + REST_MS - 1)
    limit.begins(0, 20000)
    assert limit.begins(SIREN, 20000 + REST_MS)
    assert limit.allowed(SIREN, 20000 + REST_MS + LIMIT_MS - 1) == SIREN


def test_a_cut_lasts_until_the_rest():
    """The interrupt's cut is not undone by the next pulse."""
    limit = Limit()
    limit.begins(SIREN, 0)
    limit.cut = True
    assert limit.allowed(SIREN, 500) == codes.INDICATOR
    limit.begins(0, 1000)
    limit.begins(SIREN, 1000 + REST_MS)
    assert limit.allowed(SIREN, 1000 + REST_MS) == SIREN


def test_unix_time_of_a_certificate_date():
    """Leap years and the ends of months."""
    assert lower_bound.unix(0, 1, 1, 0, 0, 0) == 946684800
    assert lower_bound.unix(24, 2, 29, 23, 59, 59) == 1709251199
    assert lower_bound.unix(24, 3, 1, 0, 0, 0) == 1709251200
    assert lower_bound.unix(26, 11, 24, 9, 30, 44) == 1795512644
    assert lower_bound.unix(99, 12, 31, 0, 0, 0) == 4102358400


def test_the_bound_is_the_later_of_certificate_and_flash():
    """It never goes down, and is written once a day at most."""
    folder = "/tmp/sereno-bound-%s/" % os.urandom(6).hex()
    os.mkdir(folder[:-1])
    try:
        assert lower_bound.read(folder) == 0
        with open(folder + "cert.der", "wb") as file:
            file.write(b"\x30\x82\x01\x00..\x17\x0d261124093044Z\x17\x0d290226093044Z..")
        assert lower_bound.read(folder) == 1795512644
        lower_bound.keep(folder, 1795512700)
        lower_bound.keep(folder, 1795512700 + 86399)
        assert lower_bound.read(folder) == 1795512700
        lower_bound.keep(folder, 1795512700 + 86400)
        assert lower_bound.read(folder) == 1795512700 + 86400
        lower_bound.keep(folder, 5)
        assert lower_bound.read(folder) == 1795512700 + 86400
        with open(folder + "clock", "w") as file:
            file.write("torn")
        assert lower_bound.read(folder) == 1795512644
    finally:
        for name in os.listdir(folder[:-1]):
            os.remove(folder + name)
        os.rmdir(folder[:-1])
