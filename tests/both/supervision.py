"""Supervision in virtual time, a look every 20 ms: what is told, how soon, and that nothing else is."""

from firmware.drivers import DAILY
from firmware.supervision import FULL, NOTHING, PARTIAL, Supervision
from protocol import codes
from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        """CPython cannot."""

    heap_unlock = heap_lock

SETTINGS = {
    "nominal_ma": {"siren": 2000, "strobe": 500, "floodlight": 3000, "indicator": 30},
    "siren_db": 80,
    "heard_db": 70,
    "mains_defer_s": 120,
    "chemistry": "sla",
    "battery_ah": 7,
}
OF = {SIREN: "siren_ma", STROBE: "strobe_ma", FLOODLIGHT: "floodlight_ma", INDICATOR: "indicator_ma"}
NOMINAL = {SIREN: 2000, STROBE: 500, FLOODLIGHT: 3000, INDICATOR: 30}


class Readings:
    """A cabinet in which all is well."""

    def __init__(self):
        self.panic = self.silent = self.tamper = self.motion = False
        self.mains = True
        self.battery_mv = 13700
        self.siren_ma = self.strobe_ma = self.floodlight_ma = self.indicator_ma = 0
        self.sound = 40
        self.light = None


class Street:
    """One center's supervision; `events` are (ms, status) since the last `clear`."""

    def __init__(self, settings=SETTINGS, jitter=0, step_ms=20):
        self.one = Supervision(settings, [], jitter)
        self.readings = Readings()
        self.step_ms = step_ms
        self.now_ms = self.begun_ms = 1000
        self.told = []
        self.run(0.1)

    def run(self, seconds, wanted=0, active=False, **readings):
        """The same for a while; outputs draw, and are heard, as they are asked to but for `readings`. The events of it."""
        for bit, name in OF.items():
            setattr(self.readings, name, NOMINAL[bit] if wanted & bit else 0)
        self.readings.sound = 100 if wanted & SIREN else 40
        for name, value in readings.items():
            setattr(self.readings, name, value)
        self.begun_ms = self.now_ms
        self.told = []
        while self.now_ms < self.begun_ms + seconds * 1000:
            self.now_ms += self.step_ms
            for event in self.one.update(self.readings, wanted, active, self.now_ms):
                self.told.append((self.now_ms - self.begun_ms, event))
        return [event for _, event in self.told]

    def when(self, event):
        """After how many ms an event came in the last run."""
        return next(iter([ms for ms, told in self.told if told == event]))


ALARM = SIREN | POWER | STROBE | FLOODLIGHT


def test_a_quiet_center_says_nothing_and_takes_no_memory():
    """Ten minutes with the heap locked; the answer is one and the same empty tuple."""
    street = Street()
    street.run(5)
    one, readings, now_ms = street.one, street.readings, street.now_ms
    heap_lock()
    try:
        for _ in range(30000):
            now_ms += 20
            if one.update(readings, 0, False, now_ms) is not NOTHING:
                break
    finally:
        heap_unlock()
    assert now_ms == street.now_ms + 600000
    assert one.verdict() == FULL


def test_a_siren_that_nobody_asked_for_is_told_within_two_seconds():
    """By its current, with POWER or without, steady or in a cadence; half a second of it is nothing."""
    for wanted in (0, POWER, STROBE, FLOODLIGHT | INDICATOR):
        street = Street()
        street.run(3, wanted)
        assert street.run(0.5, wanted & ~POWER, siren_ma=2000) == []
        assert street.run(3, wanted) == []
    for wanted in (0, STROBE, FLOODLIGHT | INDICATOR):
        street = Street()
        street.run(3, wanted)
        assert street.run(5, wanted, siren_ma=2000) == [codes.UNEXPECTED_SOUNDING]
        assert 500 <= street.when(codes.UNEXPECTED_SOUNDING) <= 2000
        assert street.one.verdict() == PARTIAL
        street.run(3, wanted)
        assert street.one.verdict() == FULL
    street = Street()
    assert street.run(5, siren_ma=599) == []
    assert street.run(5, siren_ma=600) == [codes.UNEXPECTED_SOUNDING]


def test_a_siren_that_sounds_in_a_cadence_unasked_is_told_within_five_seconds():
    """Each of the cadences of an alarm."""
    for on_s, off_s in ((0.4, 0.4), (0.5, 0.5), (1.5, 1.5)):
        street = Street()
        seconds = 0
        told = []
        while not told:
            told = street.run(on_s, siren_ma=2000) + street.run(off_s, siren_ma=0)
            seconds += on_s + off_s
            assert seconds <= 5
        assert told == [codes.UNEXPECTED_SOUNDING]


def test_a_slow_loop_needs_more_than_one_reading():
    """A loop that stood still is no evidence; one that is merely slow finds it in time."""
    street = Street(step_ms=3000)
    assert street.run(3, siren_ma=2000) == []
    assert street.run(9, siren_ma=0) == []
    street = Street(step_ms=500)
    assert street.run(5, siren_ma=2000) == [codes.UNEXPECTED_SOUNDING]


def test_the_same_sounding_is_told_once():
    """However long it lasts; one that begins within ten minutes is told when they are over, if it still sounds."""
    street = Street()
    assert street.run(1200, siren_ma=2000) == [codes.UNEXPECTED_SOUNDING]
    assert street.run(60, siren_ma=0) == []
    assert street.run(60, siren_ma=2000) == [codes.UNEXPECTED_SOUNDING]
    assert street.run(60, siren_ma=0) == []
    assert street.run(60, siren_ma=2000) == []
    assert street.run(300, siren_ma=0) == []
    assert street.run(600, siren_ma=2000) == [codes.UNEXPECTED_SOUNDING]
    assert 110000 <= street.when(codes.UNEXPECTED_SOUNDING) <= 125000


def test_a_microphone_hears_what_has_no_current():
    """Above the limit for three seconds, told within five; not this center's own siren, nor its echo."""
    street = Street()
    assert street.run(2.9, sound=81) == []
    assert street.run(5, sound=80) == []
    assert street.run(10, sound=81) == [codes.UNEXPECTED_SOUNDING]
    assert 3000 <= street.when(codes.UNEXPECTED_SOUNDING) <= 5000
    for settings, sound, told in ((SETTINGS, None, 0), ({}, 95, 0), ({}, 96, 1)):
        assert len(Street(settings).run(60, sound=sound)) == told
    street = Street()
    assert street.run(30, ALARM, True, sound=100) == []
    assert street.run(3.9, sound=100) == []
    assert street.run(5, sound=100) == [codes.UNEXPECTED_SOUNDING]


def test_a_relay_that_does_not_open_is_seen_before_the_path_opens():
    """In the 300 ms in which the program keeps POWER closed; then the path is the switch, and all is as wanted."""
    for step_ms in (20, 50, 100):
        street = Street(step_ms=step_ms)
        street.run(5, ALARM, True)
        assert street.run(0.3, POWER, siren_ma=2000) == [codes.STUCK_RELAY]
        assert street.one.stuck and street.one.verdict() == PARTIAL
        assert street.run(30) == []
        assert street.run(10, POWER | STROBE, True, siren_ma=2000, sound=100) == []
        assert street.run(10) == []
        assert street.one.stuck


def test_a_relay_that_opens_slowly_is_not_stuck():
    """100 ms of release, a cadence of pauses, and an open path are no evidence."""
    street = Street()
    for _ in range(20):
        assert street.run(0.4, ALARM, True) == []
        assert street.run(0.1, POWER | STROBE | FLOODLIGHT, True, siren_ma=2000) == []
        assert street.run(0.3, POWER | STROBE | FLOODLIGHT, True) == []
    street.run(0.4, ALARM, True)
    assert street.run(0.3, siren_ma=2000) == []
    assert not street.one.stuck


def test_a_relay_stuck_in_a_cadence_is_one_event():
    """Found in the first pause of the fastest cadence; not also told as sounding that nobody wanted."""
    street = Street()
    assert street.run(0.4, ALARM, True) == []
    assert street.run(0.3, POWER, True, siren_ma=2000) == [codes.STUCK_RELAY]
    for _ in range(20):
        assert street.run(0.1, 0, True) + street.run(0.4, POWER, True, siren_ma=2000, sound=100) == []
        assert street.run(0.3, 0, True) == []


def test_what_flows_while_relays_let_go_does_not_add_up():
    """An alarm in its fastest cadence for three minutes, with a relay that takes its time."""
    street = Street()
    for _ in range(225):
        assert street.run(0.4, ALARM, True) + street.run(0.12, POWER, True, siren_ma=2000) == []
        assert street.run(0.28, 0, True) == []


def test_the_daily_test_tells_what_it_found():
    """A stuck relay, a lamp that is open, and both repaired."""
    street = Street()
    for step, ma in enumerate((2000, 2000, 0, 3000, 30)):
        street.one.drivers.daily(step, ma, street.now_ms)
    assert street.run(1) == [codes.STUCK_RELAY, codes.DRIVER_FAULT]
    assert street.one.stuck and street.one.verdict() == PARTIAL
    for step in range(len(DAILY)):
        street.one.drivers.daily(step, (0, 2000, 500, 3000, 30)[step], street.now_ms)
    assert street.run(1) == [codes.DRIVER_BACK]
    assert not street.one.stuck and street.one.verdict() == FULL


def test_a_siren_that_is_not_heard_is_told_once_in_an_activation():
    """Three seconds of on-time below the limit; only with current and a microphone; anew in the next one."""
    street = Street()
    assert street.one.acoustic is None
    assert street.run(2.9, ALARM, True, sound=69) == []
    assert street.run(20, ALARM, True, sound=69) == [codes.NOT_HEARD]
    assert (street.one.acoustic, street.one.verdict()) == (False, PARTIAL)
    assert street.run(5, ALARM, True, sound=70) + street.run(20, ALARM, True, sound=0) == []
    street.run(5)
    assert street.run(10, ALARM, True, sound=69) == [codes.NOT_HEARD]
    assert 3000 <= street.when(codes.NOT_HEARD) <= 5000
    street.run(5)
    assert street.run(10, ALARM, True, sound=70) == []
    assert (street.one.acoustic, street.one.verdict()) == (True, FULL)
    for settings, sound, told, acoustic in ((SETTINGS, None, 0, None), ({}, 84, 1, False), ({}, 85, 0, True)):
        street = Street(settings)
        assert len(street.run(20, ALARM, True, sound=sound)) == told and street.one.acoustic is acoustic
    street = Street()
    assert street.run(20, STROBE | POWER, True) == []
    for _ in range(5):
        assert street.run(2, ALARM, True) + street.run(2, ALARM, True, sound=0) == []
    assert street.one.acoustic is True
    street = Street()
    assert street.run(20, ALARM, True, siren_ma=0, sound=0) == [codes.DRIVER_FAULT]  # silent, and it is known why
    street = Street()
    for _ in range(5):
        assert street.run(0.5, ALARM, True, sound=0) + street.run(0.5, POWER, True) == []
    assert street.run(0.5, ALARM, True, sound=0) + street.run(1, ALARM, True, sound=0) == [codes.NOT_HEARD]
