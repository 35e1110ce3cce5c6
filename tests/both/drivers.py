"""Drivers judged by their current, the daily test as data, and when it is due."""

from firmware.drivers import AFTER_MS, DAILY, DAY_S, OK, OPEN, QUIET_S, SETTLE_MS, SHORT, STUCK, Daily, Drivers, judge
from protocol.codes import FLOODLIGHT, INDICATOR, OUTPUT_NAMES, OUTPUTS, POWER, SIREN, STROBE

NOMINAL = {"siren": 2000, "strobe": 500, "floodlight": 3000, "indicator": 30}
LEARNT = {"nominal_ma": NOMINAL}


class Cabinet:
    """Drivers that are looked at every 20 ms."""

    def __init__(self, settings=LEARNT):
        self.drivers = Drivers(settings)
        self.now_ms = 0

    def see(self, output, asked, ma, for_ms, step_ms=20):
        """One output for a while; after how many ms its verdict became bad, or None."""
        begun_ms = self.now_ms
        found = None
        while self.now_ms - begun_ms < for_ms:
            self.now_ms += step_ms
            self.drivers.observe(output, asked, ma, self.now_ms, step_ms)
            if found is None and self.drivers.verdict(output):
                found = self.now_ms - begun_ms
        return found


def test_every_limit_is_crossed_in_both_directions():
    """Below 30 % open, above 250 % short, current unasked stuck; without a nominal 20 mA and 8 A."""
    for output in OUTPUTS:
        nominal = NOMINAL[OUTPUT_NAMES[output]]
        low, high = nominal * 30 // 100, nominal * 250 // 100
        for asked, ma, expected in (
            (True, 0, OPEN), (True, low - 1, OPEN), (True, low, OK), (True, nominal, OK), (True, high, OK),
            (True, high + 1, SHORT), (False, 0, OK), (False, low - 1, OK), (False, low, STUCK), (False, high + 1, STUCK),
        ):  # fmt: skip
            assert judge(output, asked, ma, NOMINAL) == expected, (output, asked, ma)
        for asked, ma, expected in (
            (True, 19, OPEN), (True, 20, OK), (True, 8000, OK), (True, 8001, SHORT), (False, 19, OK), (False, 20, STUCK),
        ):  # fmt: skip
            assert judge(output, asked, ma, {}) == expected, (output, asked, ma)
    assert judge(SIREN, False, 0, {"siren": 1}) == OK


def test_the_settings_move_the_limits():
    """And a new nominal takes effect at once."""
    drivers = Drivers({"nominal_ma": NOMINAL, "open_percent": 50, "short_percent": 150})
    assert [drivers.judge(SIREN, True, ma) for ma in (999, 1000, 3000, 3001)] == [OPEN, OK, OK, SHORT]
    drivers.configure({"nominal_ma": {"siren": 100}})
    assert [drivers.judge(SIREN, True, ma) for ma in (29, 30, 250, 251)] == [OPEN, OK, OK, SHORT]
    drivers.configure({})
    assert [drivers.judge(SIREN, True, ma) for ma in (19, 20, 8000, 8001)] == [OPEN, OK, OK, SHORT]


def test_the_daily_test_cannot_be_heard():
    """Ten milliseconds at most, the path alone first, every output once, and no output beside another."""
    assert DAILY[0][0] == POWER and DAILY[0][2] is False
    assert [mask & ~POWER for mask, _, asked in DAILY if asked] == list(OUTPUTS)
    assert [mask & POWER for mask, _, asked in DAILY if asked] == [POWER, 0, 0, 0]
    assert max([ms for _, ms, _ in DAILY]) <= 10
    assert [ms for mask, ms, _ in DAILY if mask in (STROBE, FLOODLIGHT, INDICATOR)] == [5, 5, 5]


def carry_out(drivers, currents, now_ms):
    """What the program does: pulse by pulse; the verdicts."""
    return [drivers.daily(step, currents[step], now_ms) for step in range(len(DAILY))]


def test_the_daily_test_judges_every_output():
    """And says what it saw, when, and that it was a test."""
    drivers = Drivers(LEARNT)
    assert [drivers.verdict(output) for output in OUTPUTS] == [None] * 4
    assert drivers.describe(0)["siren"] == ["unknown"]
    assert carry_out(drivers, [0, 2000, 100, 9000, 30], 1000) == [OK, OK, OPEN, SHORT, OK]
    assert drivers.bad == STROBE | FLOODLIGHT
    assert drivers.describe(61000) == {
        "siren": ["ok", 2000, 60, "test"],
        "strobe": ["open", 100, 60, "test"],
        "floodlight": ["short", 9000, 60, "test"],
        "indicator": ["ok", 30, 60, "test"],
    }
    carry_out(drivers, [0, 2000, 500, 3000, 30], 2000)
    assert drivers.bad == 0


def test_a_stuck_relay_is_found_and_only_a_clean_path_clears_it():
    """The siren sounds all the same, so it is not bad; that it sounds in an alarm says nothing of its relay."""
    cabinet = Cabinet()
    drivers = cabinet.drivers
    assert carry_out(drivers, [2000, 2000, 500, 3000, 30], 1000)[:2] == [STUCK, OK]
    assert (drivers.stuck, drivers.bad, drivers.verdict(SIREN)) == (True, 0, STUCK)
    cabinet.see(SIREN, True, 2000, 5000)
    assert (drivers.stuck, drivers.verdict(SIREN), drivers.describe(0)["siren"][0]) == (True, STUCK, "stuck")
    carry_out(drivers, [2000, 0, 500, 3000, 30], 1000)
    assert (drivers.stuck, drivers.bad, drivers.verdict(SIREN)) == (True, SIREN, OPEN)
    carry_out(drivers, [599, 2000, 500, 3000, 30], 1000)
    assert (drivers.stuck, drivers.bad, drivers.verdict(SIREN)) == (False, 0, OK)
    drivers.stuck = True
    assert Drivers(LEARNT).describe(0)["siren"] == ["unknown"]


def test_an_alarm_judges_what_it_drives():
    """After settling, and only what lasts: within half a second for what is steady; and back to OK."""
    for output in OUTPUTS:
        for ma, expected in ((0, OPEN), (30000, SHORT)):
            cabinet = Cabinet()
            assert cabinet.see(output, True, NOMINAL[OUTPUT_NAMES[output]], 1000) is None
            assert cabinet.drivers.verdict(output) == OK
            assert cabinet.see(output, True, ma, 280) is None
            assert cabinet.see(output, True, ma, 20) == 20
            assert (cabinet.drivers.verdict(output), cabinet.drivers.bad) == (expected, output)
            cabinet.see(output, True, NOMINAL[OUTPUT_NAMES[output]], 300)
            assert (cabinet.drivers.verdict(output), cabinet.drivers.bad) == (OK, 0)
            assert cabinet.drivers.describe(cabinet.now_ms + 9000)[OUTPUT_NAMES[output]][2:] == [9, "activation"]


def test_settling_is_no_fault():
    """A relay that takes its time, over and over, and a single odd reading in an alarm."""
    cabinet = Cabinet()
    for _ in range(50):
        assert cabinet.see(SIREN, True, 0, SETTLE_MS) is None
        assert cabinet.see(SIREN, True, 2000, 300) is None
        assert cabinet.see(SIREN, True, 0, 280) is None
        assert cabinet.see(SIREN, True, 2000, 20) is None
        assert cabinet.see(SIREN, False, 0, 400) is None
    assert cabinet.drivers.bad == 0


def test_a_strobe_that_does_not_flash_is_found_within_seconds():
    """Its flashes last 200 ms, of which half is settled: the third tells; a slow loop finds it too."""
    for step_ms, limit_ms in ((20, 2000), (100, 5000)):
        cabinet = Cabinet()
        while not cabinet.drivers.bad:
            cabinet.see(STROBE, True, 0, 200, step_ms)
            cabinet.see(STROBE, False, 0, 600, step_ms)
            assert cabinet.now_ms < 10000
        assert (cabinet.drivers.bad, cabinet.drivers.verdict(STROBE)) == (STROBE, OPEN)
        assert cabinet.now_ms - 600 <= limit_ms, cabinet.now_ms


def test_a_lamp_that_stays_on_is_stuck_until_it_goes_off():
    """Not before its afterglow is over; the siren is not judged here when nobody asked for it."""
    for output in (STROBE, FLOODLIGHT, INDICATOR):
        nominal = NOMINAL[OUTPUT_NAMES[output]]
        cabinet = Cabinet()
        cabinet.see(output, True, nominal, 1000)
        found = cabinet.see(output, False, nominal, 5000)
        assert AFTER_MS < found <= 1500, found
        assert (cabinet.drivers.verdict(output), cabinet.drivers.bad) == (STUCK, output)
        cabinet.see(output, False, 0, 320)
        assert (cabinet.drivers.verdict(output), cabinet.drivers.bad) == (OK, 0)
    cabinet = Cabinet()
    assert cabinet.see(SIREN, False, 2000, 5000) is None
    for _ in range(20):
        # Flickers of a sensor do not add up.
        assert cabinet.see(STROBE, False, 0, 2000) is None
        assert cabinet.see(STROBE, False, 500, 200) is None


def test_an_output_that_is_off_keeps_its_verdict():
    """That no current flows where none was asked for repairs nothing."""
    for output in OUTPUTS:
        cabinet = Cabinet()
        cabinet.see(output, True, 0, 1000)
        cabinet.see(output, False, 0, 60000)
        assert (cabinet.drivers.verdict(output), cabinet.drivers.bad) == (OPEN, output)


def test_a_slow_loop_needs_several_readings_too():
    """A loop that stood still for seconds has seen one reading, not seconds of them."""
    cabinet = Cabinet()
    cabinet.see(SIREN, True, 2000, 1000)
    assert cabinet.see(SIREN, True, 0, 5000, 5000) is None
    assert cabinet.see(SIREN, True, 0, 15000, 5000) == 10000


def tests_of(daily, begin_s, days, clock=None, step_s=60, active=lambda s: False, updating=lambda s: False):
    """The lifetime seconds at which a device carried its test out, over some days."""
    done = []
    for second in range(begin_s, begin_s + days * DAY_S, step_s):
        if daily.due(second, None if clock is None else clock + second, active(second), updating(second)):
            daily.done(second)
            done.append(second)
    return done


def gaps(seconds):
    """From each to the next."""
    return [seconds[index + 1] - seconds[index] for index in range(len(seconds) - 1)]


def test_the_test_is_due_once_in_24_hours_of_running():
    """Without a clock too; two devices of one blackout do not begin together."""
    done = tests_of(Daily(128, 3), 0, 5)
    assert len(done) == 5
    assert done[0] == DAY_S // 2
    assert gaps(done) == [DAY_S] * 4
    assert len(set([tests_of(Daily(jitter, 3), 0, 2, step_s=300)[0] for jitter in range(0, 256, 16)])) == 16
    assert tests_of(Daily(128, 3, last_s=500000), 500000 + 3600, 1) == [500000 + DAY_S]


def test_with_a_clock_it_is_in_the_hour_and_moves_with_the_jitter():
    """From its own minute of the hour on; the day begins at 0:00 UTC."""
    midnight = 1800057600
    for jitter in (0, 100, 255):
        done = tests_of(Daily(jitter, 3), 0, 6, midnight)
        own_s = 3 * 3600 + jitter * 3600 // 256
        assert all([0 <= second % DAY_S - own_s < 60 for second in done[1:]]), done
        assert len(done) >= 5 and all([DAY_S - 60 <= gap <= DAY_S + 60 for gap in gaps(done[1:])])


def test_an_hour_that_is_missed_every_day_is_made_up_for():
    """A device that is busy whenever its hour comes has its test two days after the last at the latest."""
    midnight = 1800057600
    busy = lambda second: 2 * 3600 <= second % DAY_S < 5 * 3600  # noqa: E731
    done = tests_of(Daily(0, 3, last_s=0), 1, 12, midnight, updating=busy)
    assert len(done) >= 5
    assert not [second for second in done if busy(second)]
    assert max(gaps([0] + done)) <= 2 * DAY_S


def test_no_test_within_ten_minutes_of_an_alarm_or_of_the_start():
    """Nor in it, nor in an update; the start may have been the end of an alarm."""
    daily = Daily(0, 3, last_s=-DAY_S)
    assert not daily.due(100, None, False, False)
    assert not daily.due(100 + QUIET_S - 1, None, False, False)
    assert daily.due(100 + QUIET_S, None, False, False)
    assert not daily.due(100 + QUIET_S, None, False, True)
    assert not daily.due(2000, None, True, False)
    assert not daily.due(2000 + QUIET_S - 1, None, False, False)
    assert daily.due(2000 + QUIET_S, None, False, False)


def test_whatever_happens_the_test_keeps_its_distance():
    """A seeded year: never in an alarm or update, never soon after an alarm, never twice in a day, never forgotten."""
    seed = 7
    daily = Daily(77, 4, 0)
    last_s, quiet_s, longest_s = 0, QUIET_S, 0
    active = updating = False
    for second in range(1, 365 * DAY_S, 300):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        active, updating = (seed >> 12) % 40 == 0, (seed >> 18) % 50 == 0
        if active:
            quiet_s = second + QUIET_S
        if daily.due(second, 1800000000 + second if second % 5 else None, active, updating):
            assert not active and not updating and second >= quiet_s
            assert second - last_s >= DAY_S - 3600
            longest_s = max(longest_s, second - last_s)
            last_s = second
            daily.done(second)
    assert DAY_S <= longest_s <= 2 * DAY_S
