"""The battery's daily load test through watch, center, supervision and a battery, in virtual time: when, how long, with what result."""

from firmware.battery import CUT_SHORT, MEASURED, NO_FALL, NO_LOAD
from firmware.drivers import DAY_S
from firmware.running import LOAD_FOR_MS
from firmware.watch import Watch
from protocol import codes
from protocol.codes import FLOODLIGHT
from tests.both.bench import NOW, Bench
from tests.both.supervision import NOMINAL, OF, Readings

STEP_MS = 200
MORNING = NOW - NOW % DAY_S + DAY_S + 11 * 3600
MIDNIGHT = MORNING - 9 * 3600
MINUTE = 60


class Settings:
    """As firmware.settings; `ma` is the floodlight's nominal current."""

    def __init__(self, ma):
        self._known = {"hold_ms": 1500, "test_hour": 11, "mains_defer_s": 120, "nominal_ma.floodlight": ma}
        self._known["nominal_ma"] = {"siren": 2000, "strobe": 500, "floodlight": ma}
        self.fobs = []

    def get(self, name):
        """None for what is not set."""
        return self._known.get(name)


class Pole:
    """A center a day after its last test; `charger_ma` is what the charger carries while there is mains, `lit` the
    seconds (since the start) of each tick in which the floodlight was on, `told` what happened."""

    def __init__(self, unix_s=MORNING, floodlight_ma=3000, nominal_ma=3000, charger_ma=0):
        self.bench = Bench()
        if unix_s is None:
            self.bench.boot(False)
        else:
            self.bench.clock.set(unix_s)
        self.center = self.bench.center
        self.readings = Readings()
        self.readings.sound = None
        self.rest_mv, self.charger_ma, self.floodlight_ma = 12700, charger_ma, floodlight_ma
        self.stuck_ma = 0  # what the strobe draws though nobody asked
        self.lit, self.told = [], []
        self.updating = False
        self.watch = Watch(self, self.center, Settings(nominal_ma), self.bench.clock, 0)
        self.watch._daily.last_s = self.center.lifetime_s() - DAY_S
        self.begun_ms = self.bench.clock.ms()

    def hold(self, hold_ms):
        """As a board."""

    def play(self, score):
        """As a board."""
        self.bench.show()

    def pulse(self, mask, lasting_ms):
        """As a board: what flows in the daily test."""
        flows = mask & ~codes.POWER
        assert not self.center.wanted() & codes.LOUD
        return self.floodlight_ma if flows == FLOODLIGHT else NOMINAL.get(flows, 0)

    def live(self, seconds, until_lit=False, step_ms=STEP_MS):
        """The program's loop; ends when the floodlight goes on with `until_lit`. Whether it was on."""
        before = len(self.lit)
        for _ in range(seconds * 1000 // step_ms):
            now_ms = self.bench.clock.ms()
            self._flow()
            self.told += [status for status, _, _ in self.watch.look(self.readings, now_ms)]
            self.bench.tick(step_ms)
            self.bench.said.clear()
            if self.bench.shown & FLOODLIGHT:
                self.lit.append((now_ms - self.begun_ms) // 1000)
                if until_lit:
                    return True
            if self.watch.second(now_ms, self.updating):
                assert self.watch.test()
        return len(self.lit) > before

    def tested(self):
        """Word and age as the report has them."""
        return self.watch.supervision.describe(self.bench.clock.ms())["battery"]["tested"]

    def _flow(self):
        for bit, name in OF.items():
            setattr(self.readings, name, NOMINAL[bit] if self.bench.shown & bit else 0)
        if self.bench.shown & FLOODLIGHT:
            self.readings.floodlight_ma = self.floodlight_ma
        self.readings.strobe_ma = self.readings.strobe_ma or self.stuck_ma
        load_ma = self.readings.floodlight_ma + self.readings.siren_ma
        carried_ma = self.charger_ma if self.readings.mains else 0
        self.readings.battery_mv = self.rest_mv - max(0, load_ma - carried_ma) // 10


def test_once_a_day_the_floodlight_gives_the_battery_a_resistance():
    """100 mOhm in four seconds of light, told with its age; no event, nothing of the budget, no other output."""
    pole = Pole()
    pole.live(30 * MINUTE)
    assert LOAD_FOR_MS - STEP_MS <= len(pole.lit) * STEP_MS <= LOAD_FOR_MS
    assert pole.lit[0] >= 10 * MINUTE
    assert pole.watch.supervision.battery.history == [100]
    assert pole.watch.supervision.history_changed
    assert pole.tested()[0] == MEASURED
    assert 19 * MINUTE <= pole.tested()[1] <= 20 * MINUTE
    assert pole.bench.moved == [FLOODLIGHT, 0]
    assert (pole.told, pole.bench.state.budget.spent) == ([], [])
    pole.readings.mains = False
    assert not pole.live(10 * 3600, step_ms=1000)
    pole.readings.mains = True
    assert pole.live(16 * 3600, step_ms=1000)
    assert pole.watch.supervision.battery.history == [100, 100]


def test_never_at_night_but_without_a_clock():
    """Due at 2:00 UTC it waits for 11:00; half an hour before 22:00 it is taken, half an hour after it is not."""
    pole = Pole(MIDNIGHT)
    pole.watch._daily.last_s -= 2 * DAY_S
    assert pole.live(9 * 3600 + 5 * MINUTE, step_ms=1000)
    assert 9 * 3600 <= pole.lit[0] <= 9 * 3600 + 5
    for begin_s, expected in ((10 * 3600 + 30 * MINUTE, True), (11 * 3600 + 30 * MINUTE, False)):
        pole = Pole(MORNING + begin_s)
        pole.watch._daily.last_s -= 2 * DAY_S
        assert pole.live(20 * MINUTE) is expected, begin_s
    pole = Pole(None)
    assert pole.live(20 * MINUTE)


def test_no_light_on_a_low_or_flat_battery_or_in_an_update():
    """It comes when they are over."""
    pole = Pole()
    pole.rest_mv = 11400
    assert not pole.live(20 * MINUTE)
    pole.rest_mv = 12700
    assert pole.live(5 * MINUTE)
    pole = Pole()
    pole.watch.supervision.battery.flat = True
    assert not pole.live(20 * MINUTE)
    pole.watch.supervision.battery.flat = False
    assert pole.live(MINUTE)
    pole = Pole()
    assert not pole.live(10 * MINUTE)
    assert pole.watch.test()
    pole.watch.supervision.load_test.owe()
    pole.updating = True
    assert not pole.live(20 * MINUTE)
    pole.updating = False
    assert pole.live(20 * MINUTE)


def test_no_light_while_the_battery_does_not_rest():
    """A strobe that is stuck draws from it all the time: nothing to compare with. Once it is off, the test is made."""
    pole = Pole()
    pole.live(10 * MINUTE - 20)
    pole.stuck_ma = 600
    assert not pole.live(10 * MINUTE)
    pole.stuck_ma = 0
    assert not pole.live(8)
    assert pole.live(MINUTE)
    assert pole.tested()[0] == MEASURED


def test_what_the_charger_carries_is_tested_again_when_mains_is_lost():
    """Nothing is learnt with mains, and said; in the next blackout, once it is one, the battery shows what it is, once."""
    pole = Pole(charger_ma=3000)
    assert pole.live(30 * MINUTE)
    assert (pole.tested()[0], pole.watch.supervision.battery.history) == (NO_FALL, [])
    assert not pole.live(60 * MINUTE)
    pole.readings.mains = False
    assert not pole.live(2 * MINUTE - 1)
    assert pole.live(MINUTE)
    assert (pole.tested()[0], pole.watch.supervision.battery.history) == (MEASURED, [100])
    assert not pole.live(2 * 3600)
    pole.readings.mains = True
    assert not pole.live(3600)


def test_while_mains_comes_and_goes_nothing_is_tested():
    """Neither lost for long enough to be told, nor back for long enough: the battery's voltage is in between."""
    pole = Pole()
    pole.live(9 * MINUTE)
    pole.readings.mains = False
    assert not pole.live(2 * MINUTE - 1)
    pole = Pole()
    pole.live(6 * MINUTE)
    pole.readings.mains = False
    pole.live(4 * MINUTE - 1)
    pole.readings.mains = True
    assert not pole.live(9)
    assert pole.live(MINUTE)


def test_without_a_floodlight_the_test_is_not_possible_and_that_is_told():
    """None fitted, none of enough current, one with a short circuit: it stays dark."""
    for flows_ma, nominal_ma, faulty in ((0, 0, True), (300, 300, False), (20000, 3000, True)):
        pole = Pole(floodlight_ma=flows_ma, nominal_ma=nominal_ma)
        pole.watch.test = pole.watch.test if not faulty else lambda test=pole.watch.test: test() is False
        assert not pole.live(30 * MINUTE)
        assert pole.tested()[0] == NO_LOAD
        assert 19 * MINUTE <= pole.tested()[1] <= 20 * MINUTE
    pole = Pole(floodlight_ma=300, nominal_ma=0)
    assert pole.live(30 * MINUTE)
    assert (pole.tested()[0], pole.watch.supervision.battery.history) == (NO_LOAD, [])


def test_whatever_is_ordered_takes_over_at_once():
    """A siren sounds, a silent alert goes dark, a stop stops: the light is out before the answer, and the day has no other."""
    for action, class_, shown in (
        (codes.ACTIVATE | codes.SIREN, codes.GENERAL, codes.SIREN),
        (codes.ACTIVATE | codes.INDICATOR, codes.GENDER_VIOLENCE, codes.INDICATOR),
        (codes.STOP, codes.GENERAL, 0),
    ):
        pole = Pole()
        assert pole.live(30 * MINUTE, until_lit=True)
        pole.live(1)
        assert pole.bench.shown == FLOODLIGHT
        assert pole.bench.command(action=action, class_=class_, duration=30) == codes.ACCEPTED
        assert pole.bench.shown == shown, action
        pole.live(10)
        assert pole.bench.shown == shown
        assert not pole.live(20 * MINUTE)
    for lit_s in (0, 2):
        pole = Pole()
        assert pole.live(30 * MINUTE, until_lit=True)
        pole.live(lit_s)
        assert pole.bench.command(action=codes.ACTIVATE | codes.INDICATOR, class_=3, duration=30) == codes.ACCEPTED
        pole.live(60)
        assert pole.tested()[0] == CUT_SHORT, lit_s


def test_no_light_while_something_runs_nor_soon_after_a_press():
    """A silent alert shows its indicator, somebody pressed the silent button: the owed test waits for ten quiet minutes."""
    pole = Pole()
    pole.live(10 * MINUTE - 2)
    pole.watch.supervision.load_test.owe()
    assert pole.bench.command(action=codes.ACTIVATE | codes.INDICATOR, class_=3, duration=180) == codes.ACCEPTED
    assert not pole.live(13 * MINUTE - 2)
    assert pole.live(MINUTE)
    pole = Pole()
    pole.live(10 * MINUTE - 3)
    pole.readings.silent = True
    pole.live(2)
    pole.readings.silent = False
    pole.watch.supervision.load_test.owe()
    assert pole.told == [codes.SILENT_PANIC]
    assert not pole.live(10 * MINUTE - 3)
    assert pole.live(MINUTE)


def test_the_load_begins_with_nothing_else_and_ends_by_itself():
    """Not beside an activation, whoever asks; the score ends in four seconds though the program stands still; the daily test ends it."""
    bench = Bench()
    bench.command(action=codes.ACTIVATE | codes.INDICATOR, class_=3)
    bench.center.running.load()
    bench.show()
    assert bench.shown == codes.INDICATOR
    bench = Bench()
    bench.center.running.load()
    bench.show()
    assert bench.shown == FLOODLIGHT
    bench.ticks += LOAD_FOR_MS
    bench.show()
    assert bench.shown == 0
    bench.tick()
    assert bench.center.running.score() == ()
    pole = Pole()
    pole.center.running.load()
    pole.bench.show()
    assert pole.watch.test()
    assert (pole.center.wanted(), pole.bench.shown) == (0, 0)
