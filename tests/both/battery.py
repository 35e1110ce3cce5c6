"""The battery, in virtual time: one look a second."""

from firmware.battery import LASTING, LIMITS, RECOVERY_MS, REST, STALLED_MS, VALUES, Battery

SLA = {"chemistry": "sla", "battery_ah": 7}
LITHIUM = {"chemistry": "lifepo4", "battery_ah": 20}


class Bench:
    """A battery on the bench; time goes on with every look."""

    def __init__(self, settings=SLA, history=None):
        self.battery = Battery(settings, [] if history is None else history)
        self.now_ms = 5000

    def see(self, mv, ma=0, seconds=1, mains=False, sounding=None):
        """The same for a while; how often a value was new."""
        new = 0
        for _ in range(seconds):
            self.now_ms += 1000
            new += bool(self.battery.update(mv, ma, mains, ma > 0 if sounding is None else sounding, self.now_ms))
        return new

    def alarm(self, mv, ma, idle_mv=12700):
        """Rest, a siren for five seconds, rest."""
        self.see(idle_mv, seconds=60)
        self.see(mv, ma, 5)
        return self.see(idle_mv, seconds=20)


def test_idle_and_load_are_what_was_measured_and_when():
    """Idle is without load; load is the lowest of the last loaded period; each knows its moment."""
    bench = Bench()
    battery = bench.battery
    assert (battery.idle_mv, battery.idle_ms, battery.load_mv, battery.load_ms) == (None, None, None, None)
    bench.see(12700, seconds=30)
    assert (battery.idle_mv, battery.idle_ms, battery.load_mv) == (12700, bench.now_ms, None)
    idle_ms = bench.now_ms
    bench.see(12300, 2000)
    bench.see(12200, 2000)
    lowest_ms = bench.now_ms
    bench.see(12250, 2000, 5)
    assert (battery.idle_mv, battery.idle_ms) == (12700, idle_ms)
    assert (battery.load_mv, battery.load_ms) == (12200, lowest_ms)
    bench.see(12600, seconds=30)
    bench.see(12400, 1000, 3)
    assert battery.load_mv == 12400


def test_idle_is_smoothed_and_waits_for_recovery():
    """One odd reading moves it by an eighth; what is read right after a load is not idle."""
    bench = Bench()
    bench.see(12800, seconds=20)
    bench.see(12000)
    assert bench.battery.idle_mv == 12700
    bench.see(12800, seconds=60)
    assert abs(bench.battery.idle_mv - 12800) <= 1
    bench.see(12100, 2000, 5)
    bench.see(12300, seconds=RECOVERY_MS // 1000)
    assert abs(bench.battery.idle_mv - 12800) <= 1
    bench.see(12600)
    assert bench.battery.idle_mv == 12600


def test_resistance_is_the_fall_over_the_current():
    """(12700 - 12500) mV over 2 A is 100 mOhm; told once, when the load is over."""
    bench = Bench()
    assert bench.alarm(12500, 2000) == 1
    assert bench.battery.resistance_mohm == 100
    assert bench.battery.history == [100]
    assert bench.alarm(12600, 2000) == 1
    assert bench.battery.history == [100, 50]


def test_a_floating_battery_is_not_taken_for_a_worn_one():
    """The charger's voltage is not the battery's own: the fall counts from a full one at rest, and only where it falls."""
    bench = Bench()
    bench.see(13700, seconds=60, mains=True)
    bench.see(12700, 2000, 5, mains=True)
    bench.see(13700, seconds=5, mains=True)
    assert bench.battery.history == [100]
    bench.see(13600, 2000, 5, mains=True)
    assert bench.see(13700, seconds=30, mains=True) == 0
    assert bench.battery.history == [100]


def test_a_cadence_is_one_load_and_little_current_is_none():
    """Pauses neither end a loaded period nor are rest; two readings, or a lamp's current, give no resistance."""
    bench = Bench()
    bench.see(12700, seconds=60)
    for _ in range(5):
        bench.see(12500, 2000)
        assert bench.see(12650, 0, sounding=True) == 0
    assert bench.battery.idle_mv == 12700
    assert bench.see(12700, seconds=20) == 1
    bench.see(12500, 2000, LASTING - 1)
    assert bench.see(12700, seconds=20) == 0
    bench.see(12500, 499, 10)
    assert bench.see(12700, seconds=20) == 0
    bench.see(12500, 500, LASTING)
    assert bench.see(12700, seconds=20) == 1


def test_history_keeps_the_first_values_and_the_newest():
    """Eight at most; what the battery was like when new is never pushed out, however slowly it ages."""
    bench = Bench()
    for rise in range(12):
        bench.alarm(12600 - 10 * rise, 1000)
    assert bench.battery.history == [100, 110, 120, 170, 180, 190, 200, 210]


def test_worn_is_a_doubling_or_too_much():
    """The middle of the newest three against that of the first three; crossing the limits in both directions."""
    for history, expected in (
        ([], False),
        ([500, 500], False),  # too few to say
        ([158] * 3, True),
        ([157] * 3, False),
        ([50, 50, 50, 100, 100, 100], False),
        ([50, 50, 50, 101, 101, 101], True),
        ([50, 50, 50, 101, 400, 60], True),
        ([50, 50, 50, 100, 400, 60], False),
        ([50, 500, 50, 101, 101, 101], True),
        ([10, 10, 10, 39, 39, 39], False),  # noise
        ([10, 10, 10, 40, 40, 40], True),
    ):
        assert Battery(SLA, history).worn == expected, history
    assert not Battery({"chemistry": "sla", "battery_ah": 1}, [1100] * 3).worn
    assert Battery({"chemistry": "sla", "battery_ah": 1}, [1101] * 3).worn
    assert not Battery({"chemistry": "sla", "battery_ah": 100}, [100] * 3).worn
    assert Battery({"chemistry": "sla", "battery_ah": 100}, [101] * 3).worn


def test_a_new_battery_begins_anew():
    """Nothing of the old one is left."""
    bench = Bench(SLA, [200] * 8)
    bench.see(11000, seconds=10)
    assert bench.battery.worn and bench.battery.low
    bench.battery.renew()
    bench.see(12900)
    assert (bench.battery.history, bench.battery.worn, bench.battery.low, bench.battery.idle_mv) == (
        [], False, False, 12900,
    )  # fmt: skip


def test_charge_comes_from_the_table_of_the_chemistry():
    """At its points exactly, between them in between, beyond them the ends."""
    for settings in (SLA, LITHIUM):
        table = REST[settings["chemistry"]]
        for mv, percent in table + ((9000, 0), (15000, 100)):
            bench = Bench(settings)
            bench.see(mv)
            assert bench.battery.soc_percent == percent
        before = 0
        for mv in range(9900, 13600, 10):
            bench = Bench(settings)
            bench.see(mv)
            assert before <= bench.battery.soc_percent <= 100
            before = bench.battery.soc_percent
    bench = Bench()
    bench.see(12450)
    assert bench.battery.soc_percent == 62


def test_hours_left_need_a_known_charge():
    """7 Ah at 80 mA are 87 hours, half of it half; what else is drawn counts; a charger at work hides it."""
    bench = Bench()
    assert (bench.battery.soc_percent, bench.battery.hours_left) == (None, None)
    bench.see(12900, seconds=30)
    assert bench.battery.hours_left == 87
    bench.see(12300, seconds=90)
    assert bench.battery.hours_left == 43
    bench.see(12300, 100, sounding=False)
    assert bench.battery.hours_left == 19
    bench.see(13200, seconds=60, mains=True)
    assert (bench.battery.charger, bench.battery.hours_left) == ("charging", None)
    bench.see(13600, seconds=60, mains=True)
    assert (bench.battery.charger, bench.battery.soc_percent) == ("float", 100)


def test_low_has_a_hysteresis_and_lasts():
    """Both thresholds from both sides, for both chemistries; two readings are no news."""
    for settings in (SLA, LITHIUM):
        low_mv, back_mv = LIMITS[settings["chemistry"]][:2]
        bench = Bench(settings)
        bench.see(low_mv, seconds=60)
        assert not bench.battery.low
        bench.see(low_mv - 1, seconds=LASTING - 1)
        bench.see(low_mv)
        bench.see(low_mv - 1, seconds=LASTING - 1)
        assert not bench.battery.low
        bench.see(low_mv - 1)
        assert bench.battery.low
        bench.see(back_mv - 1, seconds=60)
        bench.see(back_mv, seconds=LASTING - 1)
        assert bench.battery.low
        bench.see(back_mv)
        assert not bench.battery.low


def test_flat_is_under_load_and_a_rest_does_not_clear_it():
    """A worn battery is back at 12 V as soon as it rests; a load that it carries, or a full charge, clears it."""
    for settings in (SLA, LITHIUM):
        limits = LIMITS[settings["chemistry"]]
        flat_mv, float_mv = limits[2], limits[4]
        bench = Bench(settings)
        bench.see(limits[1], seconds=60)
        bench.see(flat_mv, 2000, 10)
        assert not bench.battery.flat
        bench.see(flat_mv - 1, 2000, LASTING - 1)
        assert not bench.battery.flat
        bench.see(flat_mv - 1, 2000)
        assert bench.battery.flat
        bench.see(limits[3], seconds=600)
        assert bench.battery.flat
        bench.see(flat_mv, 2000, LASTING - 1)
        bench.see(limits[3], seconds=60)
        assert bench.battery.flat  # too short a load to prove anything
        bench.see(flat_mv, 2000, LASTING)
        bench.see(limits[3])
        assert not bench.battery.flat
        bench.see(flat_mv - 1, 2000, LASTING)
        bench.see(float_mv - 1, seconds=120, mains=True)
        assert bench.battery.flat
        bench.see(float_mv + 100, seconds=120, mains=True)
        assert not bench.battery.flat


def test_flat_is_found_in_a_cadence_too():
    """The voltage comes back in each pause; that clears nothing."""
    bench = Bench()
    for _ in range(LASTING):
        assert not bench.battery.flat
        bench.see(10000, 3000)
        bench.see(12600, 0, sounding=True)
    assert bench.battery.flat and bench.battery.low


def test_a_charger_that_held_before_a_load_clears_nothing_after_it():
    """What was float before the alarm is no proof of a charge after it."""
    bench = Bench()
    bench.see(13700, seconds=60, mains=True)
    bench.see(10000, 3000, 5, mains=True)
    bench.see(12700, seconds=600, mains=True)
    assert (bench.battery.flat, bench.battery.charger) == (True, "charging")


def test_a_charger_is_told_from_one_that_does_not_work():
    """Absent without mains, float, charging while it rises, fault after 30 minutes below 12.9 V without a rise."""
    for settings in (SLA, LITHIUM):
        float_mv, working_mv = LIMITS[settings["chemistry"]][4:]
        bench = Bench(settings)
        bench.see(working_mv - 200)
        assert bench.battery.charger == "absent"
        bench.see(working_mv - 200, seconds=STALLED_MS // 1000, mains=True)
        assert bench.battery.charger == "charging"
        bench.see(working_mv - 200, mains=True)
        assert bench.battery.charger == "fault"
        bench.see(working_mv - 100, seconds=60, mains=True)
        assert bench.battery.charger == "charging"
        bench.see(working_mv - 100, seconds=3600, mains=True)
        assert bench.battery.charger == "fault"
        bench.see(working_mv + 50, seconds=7200, mains=True)
        assert bench.battery.charger == "charging"
        bench.see(float_mv + 10, seconds=120, mains=True)
        assert bench.battery.charger == "float"
        bench.see(float_mv + 10)
        assert bench.battery.charger == "absent"


def test_a_slow_charge_is_no_fault_and_a_slow_fall_is_one():
    """40 mV in half an hour is a charge; a fall never counts as a rise, and a rise is from the bottom of it."""
    bench = Bench()
    for mv in range(12000, 12700, 10):
        bench.see(mv, seconds=400, mains=True)
        assert bench.battery.charger == "charging"
    bench.see(12100, 2000, 5, mains=True)
    bench.see(12300, seconds=600, mains=True)
    bench.see(12350, seconds=1500, mains=True)
    assert bench.battery.charger == "charging"
    bench = Bench()
    for mv in range(12600, 12400, -1):
        bench.see(mv, seconds=20, mains=True)
    assert bench.battery.charger == "fault"


def test_whatever_is_measured_the_words_hold():
    """A seeded history of a year of odd readings: no error, nothing outside its range, history bounded."""
    seed = 20240501
    bench = Bench()
    battery = bench.battery
    for _ in range(6000):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        mv, ma = 9000 + (seed >> 8) % 6000, (seed >> 4) % 3 * 700
        bench.see(mv, ma, 1 + (seed >> 20) % 12, bool(seed & 0x10000), bool(seed & 0x20000))
        assert battery.charger in ("float", "charging", "absent", "fault")
        assert len(battery.history) <= VALUES and all([value > 0 for value in battery.history])
        assert battery.soc_percent is None or 0 <= battery.soc_percent <= 100
        assert battery.hours_left is None or 0 <= battery.hours_left <= 88
        assert battery.idle_mv is None or 9000 <= battery.idle_mv <= 15000
