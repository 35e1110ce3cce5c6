"""The board's own cap on what is loud."""

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
