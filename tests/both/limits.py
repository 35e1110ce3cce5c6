"""The board's own cap on what is loud, and what runs in its timer interrupt."""

from firmware.inputs import Latch
from firmware.limit import LIMIT_MS, REST_MS, Limit
from firmware.player import PERIOD_MS, Player
from firmware.score import TICKS_MASK, entry, levels
from protocol import codes

SIREN = codes.SIREN | codes.INDICATOR
# Ticks that wrap in the middle of what a test watches.
NEAR_THE_WRAP = (1 << 30) - 60000


def test_nothing_loud_stays_on_beyond_the_limit():
    """Whatever is wanted, however it pulses; the silent indicator stays."""
    limit = Limit()
    for now_ms in range(0, LIMIT_MS, 500):
        # A cadence: half of the time it is off, never for long.
        wanted = SIREN if now_ms // 500 % 2 else 0
        assert limit.allowed(wanted, (NEAR_THE_WRAP + now_ms) & TICKS_MASK) == wanted
    end = (NEAR_THE_WRAP + LIMIT_MS + 500) & TICKS_MASK
    for output in (codes.SIREN, codes.STROBE, codes.FLOODLIGHT, codes.POWER):
        assert limit.allowed(output | codes.INDICATOR, end) == codes.INDICATOR
    assert limit.cut
    assert limit.periods == 1


def test_only_a_rest_begins_a_new_period():
    """Nine seconds of silence are none; ten are."""
    limit = Limit()
    limit.allowed(SIREN, 0)
    limit.allowed(0, 1000)
    limit.allowed(SIREN, 1000 + REST_MS - 1)
    assert limit.periods == 1
    limit.allowed(0, 20000)
    assert limit.allowed(SIREN, 20000 + REST_MS) == SIREN
    assert limit.periods == 2
    assert limit.allowed(SIREN, 20000 + REST_MS + LIMIT_MS - 1) == SIREN
    assert limit.allowed(SIREN, 20000 + REST_MS + LIMIT_MS) == codes.INDICATOR


def test_the_limit_stands_between_the_center_and_the_relay():
    """Above the 180 s and the supply's 300 ms of the center, below the 185 s of the timer relay, which rests as long."""
    assert 180300 < LIMIT_MS < 185000
    assert REST_MS == 10000


def test_a_rest_is_counted_from_its_beginning():
    """Looked at every 10 ms, as the interrupt does."""
    limit = Limit()
    limit.allowed(SIREN, 0)
    for at in range(1000, 1000 + REST_MS, PERIOD_MS):
        limit.allowed(0, at)
    limit.allowed(SIREN, 1000 + REST_MS)
    assert limit.periods == 2


def test_a_cut_lasts_until_the_rest():
    """The interrupt's cut is not undone by the next pulse."""
    limit = Limit()
    limit.allowed(SIREN, 0)
    limit.cut = True
    assert limit.allowed(SIREN, 500) == codes.INDICATOR
    limit.allowed(0, 1000)
    assert limit.allowed(SIREN, 1000 + REST_MS) == SIREN


def test_a_score_is_played_without_the_program():
    """Cadence and end come from the score alone, also over the wrap of the ticks; origin and start may differ."""
    start = (1 << 30) - 700
    score = (
        entry(codes.SIREN, (300, 200), start, 2000),
        entry(codes.STROBE, (200, 600), start, 1000, (start - 100) & TICKS_MASK),
    )
    assert levels(score, (start - 1) & TICKS_MASK) == 0
    seen = [levels(score, (start + at) & TICKS_MASK) for at in range(0, 2200, 100)]
    sirens = [bool(mask & codes.SIREN) for mask in seen]
    assert sirens == [True, True, True, False, False] * 4 + [False, False]
    strobes = [bool(mask & codes.STROBE) for mask in seen]
    assert strobes == [True] + [False] * 6 + [True, True, False] + [False] * 12


def test_the_interrupt_limits_what_the_score_wants():
    """A score that would last for ever is cut; a new one goes on being cut until the rest."""
    player = Player()
    player.score = (entry(codes.SIREN, (1000, 0), 0, TICKS_MASK),)
    last = [at for at in range(0, 2 * LIMIT_MS, PERIOD_MS * 100) if player.turn(at)][-1]
    assert LIMIT_MS - 1000 <= last < LIMIT_MS
    player.score = (entry(codes.SIREN, (1000, 0), 0, TICKS_MASK),)
    assert player.turn(2 * LIMIT_MS) == 0
    player.score = ()
    player.turn(2 * LIMIT_MS + 10)
    assert player.turn(2 * LIMIT_MS + 10 + REST_MS) == 0
    player.score = (entry(codes.SIREN, (1000, 0), 2 * LIMIT_MS, TICKS_MASK),)
    assert player.turn(2 * LIMIT_MS + 20 + REST_MS) == codes.SIREN


def test_the_interrupt_takes_no_memory():
    """A hard interrupt that allocates ends the interrupt; asked of MicroPython with the heap locked."""
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return  # CPython has no such lock.
    player = Player((Latch(1500, PERIOD_MS), Latch(1500, PERIOD_MS)))
    start = (1 << 30) - 5000
    player.score = (
        entry(codes.SIREN, (500, 500, 500, 500, 500, 1500), start, 180000),
        entry(codes.POWER, (1000, 0), start, 180300),
        entry(codes.STROBE, (200, 600), start, 180000, 77),
    )
    at = 0
    heap_lock()
    try:
        while at < 400000:
            player.turn((start + at) & 0x3FFFFFFF)
            player.sample(0, at & 4096)
            player.sample(1, 1)
            at += 10
    finally:
        heap_unlock()
    assert player.limit.periods >= 1
