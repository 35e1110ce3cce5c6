"""What a center knows of itself: readings and the time in; events, a verdict and a description out. Pure; called by app.

Every tick; it takes no memory while nothing happens, and measures, drives and sends nothing.
"""

from firmware.battery import Battery
from firmware.drivers import OPEN, SHORT, STUCK, Drivers
from firmware.lasting import Lasting
from firmware.load_test import LoadTest
from protocol import codes
from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

FULL = 0
PARTIAL = 1
FAILED = 2

NOTHING = ()

# A siren that nobody asked for is told within 5 s in any case; its cadence has pauses of up to 700 ms.
SOUNDING_MS = 1000
PAUSE_MS = 700
NOISE_MS = 3000
# An echo and the microphone's own averaging after this center's siren.
ECHO_MS = 1000
ENDED_MS = 2000
TOLD_AGAIN_MS = 10 * 60 * 1000

# The program keeps POWER closed for 300 ms after the siren's relay went off: the relay needs the first part of it.
RELEASE_MS = 100
STUCK_MS = 60
STUCK_STEP_MS = 50

# Sirens make 105 dB and more beside their cabinet, a street with lorries 85; settings `siren_db`, `heard_db`.
SIREN_DB = 95
HEARD_DB = 85
DEAF_MS = 3000
HEARD_MS = 300

TAMPER_MS = 2000
MAINS_DEFER_S = 120
MAINS_MIN_MS = 2000
MAINS_BACK_MS = 10000
MOTION_MS = 200
MOTION_AGAIN_MS = 5 * 60 * 1000
BATTERY_MS = 1000
# The loop may stand still for a handshake: one reading is not worth more than this.
STEP_MS = 100


class Supervision:
    """`settings` has get(name), None for what it does not know: those of battery and drivers, `mains_defer_s`, `siren_db`
    and `heard_db`. `history` as for Battery, `jitter` 0 to 255 of the device.

    `stuck`: the siren's relay no longer opens, POWER has to be the siren's switch. `acoustic`: whether the siren was heard
    when it last sounded, None where that is not known. `history_changed` is for the caller to clear. `load_test` is the
    caller's to ask once a second.
    """

    def __init__(self, settings, history, jitter=0):
        self.battery = Battery(settings, history)
        self.drivers = Drivers(settings)
        self.load_test = LoadTest()
        self.acoustic = self.mains_during_alarm = None
        self.motions = 0
        self.history_changed = False
        self._jitter = jitter
        self._tamper = Lasting(TAMPER_MS, TAMPER_MS)
        self._mains = Lasting(0, MAINS_BACK_MS, MAINS_BACK_MS - 1, MAINS_BACK_MS)  # on when it is lost
        self._motion = Lasting(MOTION_MS, ENDED_MS)
        self._current = Lasting(SOUNDING_MS, ENDED_MS, PAUSE_MS)
        self._noise = Lasting(NOISE_MS, ENDED_MS, PAUSE_MS)
        self._readings = self._last_ms = self._lost_ms = self._acoustic_ms = self._motion_ms = None
        self._active = self._sounding = self._low = self._charger = self._stuck = False
        self._ended = True  # the sounding that was told last
        self._bad = self._off_ms = self._stuck_ms = self._heard_ms = self._deaf_ms = 0
        self._not_heard = False  # said in this activation
        self._battery_ms = BATTERY_MS
        # Since it was told last; as good as never at the start.
        self._told_ms = TOLD_AGAIN_MS
        self._moved_ms = MOTION_AGAIN_MS
        self.configure(settings)

    def configure(self, settings):
        """Take over the settings, at the start and whenever they changed."""
        self.battery.configure(settings)
        self.drivers.configure(settings)
        self._siren_db = settings.get("siren_db") or SIREN_DB
        self._heard_db = settings.get("heard_db") or HEARD_DB
        defer_s = settings.get("mains_defer_s")
        defer_ms = (MAINS_DEFER_S if defer_s is None else defer_s) * 1000
        # A blackout is of a whole neighbourhood: they must not all speak at once.
        self._mains.on_ms = max(MAINS_MIN_MS, defer_ms + defer_ms * self._jitter // 255)

    @property
    def stuck(self):
        """Whether the siren's relay no longer opens."""
        return self.drivers.stuck

    @property
    def mains(self):
        """Whether there is mains; None while a change of it has not lasted as long as it must to be told."""
        here = self._lost_ms is None
        return None if here == self._mains.on else here

    def update(self, readings, wanted, active, now_ms):
        """The events of one tick, statuses of protocol.codes in the order of their weight.

        `readings` has panic, silent, tamper, mains, motion; battery_mv; siren_ma, strobe_ma, floodlight_ma, indicator_ma;
        sound and light (None where not fitted). `wanted` is the mask that is driven, POWER in it; `active` whether an
        alarm runs.
        """
        step_ms = 0 if self._last_ms is None else now_ms - self._last_ms
        self._last_ms = now_ms
        self._readings = readings
        begins = active and not self._active
        self._active = active
        siren = bool(wanted & (SIREN | POWER if self.drivers.stuck else SIREN))
        flows = self.drivers.judge(SIREN, False, readings.siren_ma) == STUCK
        self._off_ms = 0 if siren else min(self._off_ms + step_ms, ECHO_MS)
        events = self._unasked(readings, siren, flows, step_ms)
        self._look(wanted, siren, flows, step_ms)
        self.drivers.observe(SIREN, siren, readings.siren_ma, now_ms, step_ms)
        self.drivers.observe(STROBE, bool(wanted & STROBE), readings.strobe_ma, now_ms, step_ms)
        self.drivers.observe(FLOODLIGHT, bool(wanted & FLOODLIGHT), readings.floodlight_ma, now_ms, step_ms)
        self.drivers.observe(INDICATOR, bool(wanted & INDICATOR), readings.indicator_ma, now_ms, step_ms)
        events += self._driver_news()
        events += self._listen(readings.sound, begins, siren and flows, now_ms, min(step_ms, STEP_MS))
        events += self._supply(readings, begins, bool(wanted & ~POWER), now_ms, step_ms)
        if self._tamper.update(bool(readings.tamper), step_ms):
            events += (codes.TAMPER if self._tamper.on else codes.TAMPER_CLEARED,)
        self._moved_ms = min(self._moved_ms + step_ms, MOTION_AGAIN_MS)
        if self._motion.update(bool(readings.motion), step_ms) and self._motion.on:
            self.motions += 1
            self._motion_ms = now_ms
            if self._moved_ms >= MOTION_AGAIN_MS:
                self._moved_ms = 0
                events += (codes.MOTION,)
        return events

    def _unasked(self, readings, siren, flows, step_ms):
        """Sounding that nobody asked for, by its current or by its sound; each once, and one in 10 minutes."""
        if siren:
            # Otherwise the moments in which its relay lets go would add up over a cadence.
            self._current.anew()
            self._noise.anew()
        else:
            loud = readings.sound is not None and readings.sound > self._siren_db
            self._noise.update(loud and self._off_ms >= ECHO_MS, step_ms)
            self._current.update(flows, step_ms)
        self._sounding = self._current.on or self._noise.on
        self._told_ms = min(self._told_ms + step_ms, TOLD_AGAIN_MS)
        if not self._sounding:
            self._ended = True
        elif self._ended and self._told_ms >= TOLD_AGAIN_MS:
            self._ended = False
            self._told_ms = 0
            return (codes.UNEXPECTED_SOUNDING,)
        return NOTHING

    def _look(self, wanted, siren, flows, step_ms):
        """The siren's relay is off and POWER still closed: what flows now flows through a relay that does not open."""
        if siren or not wanted & POWER or not flows or self._off_ms < RELEASE_MS:
            self._stuck_ms = 0
            return
        self._stuck_ms += min(step_ms, STUCK_STEP_MS)
        if self._stuck_ms >= STUCK_MS:
            self.drivers.stuck = True

    def _driver_news(self):
        events = NOTHING
        stuck, bad = self.drivers.stuck, self.drivers.bad
        if stuck and not self._stuck:
            events += (codes.STUCK_RELAY,)
        if bad & ~self._bad:
            events += (codes.DRIVER_FAULT,)
        elif self._bad and not bad:
            events += (codes.DRIVER_BACK,)
        self._stuck, self._bad = stuck, bad
        return events

    def _listen(self, sound, begins, sounds, now_ms, step_ms):
        """Whether the own siren is heard while its current flows."""
        if begins:
            self._heard_ms = self._deaf_ms = 0
            self._not_heard = False
        if not sounds or sound is None:
            return NOTHING
        if sound >= self._heard_db:
            self._heard_ms = min(self._heard_ms + step_ms, HEARD_MS)
            if self._heard_ms >= HEARD_MS:
                self._deaf_ms = 0
                self.acoustic, self._acoustic_ms = True, now_ms
            return NOTHING
        self._deaf_ms = min(self._deaf_ms + step_ms, DEAF_MS)
        if self._deaf_ms < DEAF_MS:
            return NOTHING
        self._heard_ms = 0
        self.acoustic, self._acoustic_ms = False, now_ms
        if self._not_heard:
            return NOTHING
        self._not_heard = True
        return (codes.NOT_HEARD,)

    def _supply(self, readings, begins, driven, now_ms, step_ms):
        """Mains and battery."""
        events = NOTHING
        mains = bool(readings.mains)
        if mains:
            self._lost_ms = None
        elif self._lost_ms is None:
            self._lost_ms = now_ms
        if begins or (self._active and not mains):
            self.mains_during_alarm = mains
        if self._mains.update(not mains, step_ms):
            events += (codes.MAINS_LOST if self._mains.on else codes.MAINS_BACK,)
        self._battery_ms += step_ms
        if self._battery_ms < BATTERY_MS:
            return events
        self._battery_ms = 0
        load_ma = readings.siren_ma + readings.strobe_ma + readings.floodlight_ma + readings.indicator_ma
        if self.battery.update(readings.battery_mv, load_ma, mains, self._active or driven, now_ms):
            self.history_changed = True
        if self.battery.low != self._low:
            self._low = self.battery.low
            events += (codes.BATTERY_LOW if self._low else codes.BATTERY_BACK,)
        fault = self.battery.charger == "fault"
        if fault and not self._charger:
            events += (codes.CHARGER_FAULT,)
        self._charger = fault
        return events

    def verdict(self):
        """FULL, PARTIAL (something is wrong, the siren can sound) or FAILED (it cannot)."""
        battery = self.battery
        if self.drivers.verdict(SIREN) in (OPEN, SHORT) or (battery.flat and self._lost_ms is not None):
            return FAILED
        wrong = battery.low or battery.flat or battery.worn or self._charger or self._mains.on or self._tamper.on
        wrong = wrong or self.drivers.bad or self.drivers.stuck or self._sounding or self.acoustic is False
        return PARTIAL if wrong else FULL

    def describe(self, now_ms):
        """Plain JSON of all that is known, under 700 octets; None before the first update.

        Ages are in seconds; what has none of its own (`mv`, `now`, `tamper`, `sound`, `light`) is `age_s` old.
        """
        readings, battery = self._readings, self.battery
        if readings is None:
            return None
        return {
            "verdict": self.verdict(),
            "age_s": _age_s(self._last_ms, now_ms),
            "battery": {
                "mv": readings.battery_mv,
                "idle_mv": battery.idle_mv, "idle_age_s": _age_s(battery.idle_ms, now_ms),
                "load_mv": battery.load_mv, "load_age_s": _age_s(battery.load_ms, now_ms),
                "mohm": battery.resistance_mohm, "worn": battery.worn, "low": battery.low, "flat": battery.flat,
                "hours": battery.hours_left, "charger": battery.charger,
                "tested": [self.load_test.result, _age_s(self.load_test.result_ms, now_ms)],
            },
            "drivers": self.drivers.describe(now_ms),
            "mains": {
                "now": self._lost_ms is None,
                "lost_s": _age_s(self._lost_ms, now_ms),
                "during_alarm": self.mains_during_alarm,
            },
            "tamper": self._tamper.on,
            "sound": readings.sound,
            "heard": [self.acoustic, _age_s(self._acoustic_ms, now_ms)],
            "light": readings.light,
            "motion": [self.motions, _age_s(self._motion_ms, now_ms)],
        }  # fmt: skip


def _age_s(at_ms, now_ms):
    return None if at_ms is None else (now_ms - at_ms) // 1000
