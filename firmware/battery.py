"""What the voltage says of the battery: charge, wear, charger, hours left. Pure; called by supervision once a second.

It measures nothing and switches nothing. Thresholds are for four to six cells in series that make 12 V.
"""

# Per chemistry: low below, restored from, flat below under load, rest voltage of a full one, float from, and what a
# charger that works rises above.
# sla: typical of makers' sheets of 12 V 7 Ah AGM batteries: 10.5 V (1.75 V a cell) ends a discharge, float is 13.5 to
# 13.8 V, about 0.1 V less in the heat. lifepo4: typical of makers' sheets of 4S packs, whose own protection cuts at
# 2.5 V a cell; flat is said before it does.
LIMITS = {
    "sla": (11500, 12000, 10500, 12900, 13400, 12900),
    "lifepo4": (12000, 12800, 11000, 13400, 13500, 13100),
}
# Rest voltage and what is left, percent; typical of makers' curves at 25 degrees, hours after the last load.
REST = {
    "sla": ((11700, 0), (12000, 25), (12300, 50), (12600, 75), (12900, 100)),
    "lifepo4": (
        (10000, 0), (12000, 9), (12800, 17), (12900, 20), (13000, 30), (13100, 40), (13200, 70), (13300, 90), (13400, 100),
    ),
}  # fmt: skip
# IEEE 1188 compares ohmic values with those of the battery when it was new. A step of the outputs' current through
# fuse and cable is coarser than a tester at the poles, so only a doubling counts.
WORN_PERCENT = 200
# A new 7 Ah AGM battery has 20 to 30 mOhm, one of another size in inverse proportion; five times that is worn whatever
# it began with. Cable and fuse alone may be a good part of 100.
WORN_MOHM_AH = 1100
WORN_FLOOR_MOHM = 100

# The current that makes a load: less of a step drowns in the converter's steps of 5 mV.
LOADED_MA = 500
# What the board and its radio draw; it is not in the outputs' current. Typical of a Pico W with its regulator.
OWN_MA = 80
# After a load the voltage comes back slowly; what is read before is neither idle nor loaded.
RECOVERY_MS = 10000
# So many readings, one a second, make it lasting.
LASTING = 3
# What came of a loaded period, as reports tell it of the load test.
MEASURED = "measured"
NO_FALL = "no fall"  # a charger that carries the load, mostly: nothing is learnt of the battery
NO_LOAD = "no load"
CUT_SHORT = "cut short"
SMOOTH = 8
STALLED_MS = 30 * 60 * 1000
RISE_MV = 30
# The first values are what the battery was like when it was new, and are kept; of the others the newest.
FIRST = 3
VALUES = 8


class Battery:
    """`settings` has get(name) for `chemistry` and `battery_ah`; `history` is a list of mOhm that the caller keeps.

    Voltages and the moments they are of (`idle_ms`, `load_ms`) are None until measured; `load_mv` is the lowest of the
    last loaded period. `charger` is float, charging, absent (no mains) or fault. `outcome` is what came of the last loaded
    period (MEASURED, NO_FALL, NO_LOAD, CUT_SHORT); the load test clears it.
    """

    def __init__(self, settings, history):
        self.history = history
        self.idle_mv = self.idle_ms = self.load_mv = self.load_ms = self.resistance_mohm = None
        self.charger = "absent"
        self.outcome = None
        self.low = self.flat = False
        self._idle16 = self._idle_ma = 0  # the smoothed voltage in sixteenths
        self._lowest = None  # of the loaded period that runs: mV, and how many readings it has
        self._lowest_ma = self._readings = 0
        self._unloaded_ms = -RECOVERY_MS
        self._below = self._above = self._flat = 0
        self._bottom_mv = None  # the voltage from which a charger must rise
        self._rose_ms = 0
        self.configure(settings)

    def configure(self, settings):
        """Take over the settings."""
        self._chemistry = settings.get("chemistry") or "sla"
        self._ah = settings.get("battery_ah") or 7
        self._limits = LIMITS[self._chemistry]

    def update(self, battery_mv, load_ma, mains, sounding, now_ms):
        """One look, every second or so; True when `history` has a new value that wants to be kept.

        `load_ma` is the current of all outputs, `sounding` whether one of them is on or will be again in its cadence.
        """
        loaded = load_ma >= LOADED_MA
        ended = False
        if loaded:
            self._unloaded_ms = None
            self._readings += 1
            if self._lowest is None or battery_mv < self._lowest:
                self._lowest, self._lowest_ma = battery_mv, load_ma
                self.load_mv, self.load_ms = battery_mv, now_ms
        elif not sounding:
            if self._unloaded_ms is None:
                self._unloaded_ms = now_ms
                if self._lowest is not None:
                    ended = self._measure()
            if now_ms - self._unloaded_ms >= RECOVERY_MS:
                self._rest(battery_mv, load_ma, now_ms)
        self._charge(mains, now_ms)
        if loaded or not sounding:
            # The pause in a cadence says nothing of a load, and is no rest.
            self._judge(battery_mv, loaded, now_ms)
        return ended

    @property
    def worn(self):
        """Whether its resistance has doubled since it was new, or is beyond what any good battery has."""
        if len(self.history) < FIRST:
            return False
        newest = _median(self.history[-FIRST:])
        limit = max(WORN_FLOOR_MOHM, WORN_MOHM_AH // self._ah)
        if newest > limit:
            return True
        if len(self.history) < 2 * FIRST or newest * 4 < limit:
            # Twice next to nothing is the converter's noise.
            return False
        return newest * 100 > _median(self.history[:FIRST]) * WORN_PERCENT

    @property
    def soc_percent(self):
        """What is left, or None while a charger hides it. Soon after a charge the table says too much."""
        if self.charger == "float":
            return 100
        if self.charger == "charging" or self.idle_mv is None:
            return None
        return _interpolate(REST[self._chemistry], self.idle_mv)

    @property
    def hours_left(self):
        """Hours of waiting, silent, until it is empty; None where the charge is not known."""
        percent = self.soc_percent
        return None if percent is None else self._ah * 10 * percent // (OWN_MA + self._idle_ma)

    def renew(self):
        """A new battery was put in: what the old one was like is forgotten."""
        del self.history[:]
        self.resistance_mohm = self.load_mv = self.load_ms = self.idle_mv = self.idle_ms = self._lowest = None
        self._bottom_mv = None
        self._readings = 0
        self.low = self.flat = False
        self._below = self._above = self._flat = 0

    def _measure(self):
        """The loaded period is over: its resistance, as one more value; True when there is one.

        What floats is at the charger's voltage; its own is that of a full one at rest, which the load finds at once.
        Where the charger alone carries the load nothing is learnt.
        """
        lowest, self._lowest = self._lowest, None
        readings, self._readings = self._readings, 0
        self.outcome = CUT_SHORT
        if readings < LASTING:
            return False
        if lowest >= self._limits[2]:
            self.flat = False
        if self.idle_mv is None:
            return False
        fall_mv = min(self.idle_mv, self._limits[3]) - lowest
        step_ma = self._lowest_ma - self._idle_ma
        self.outcome = NO_LOAD if step_ma < LOADED_MA else NO_FALL if fall_mv <= 0 else MEASURED
        if self.outcome != MEASURED:
            return False
        self.resistance_mohm = fall_mv * 1000 // step_ma
        self.history.append(self.resistance_mohm)
        del self.history[FIRST : FIRST - VALUES]
        return True

    def _rest(self, battery_mv, load_ma, now_ms):
        if self.idle_mv is None or now_ms - self.idle_ms >= RECOVERY_MS:
            # The first after a load: what was before it is no guide.
            self._idle16 = battery_mv * 16
        self._idle16 += (battery_mv * 16 - self._idle16) // SMOOTH
        self.idle_mv = (self._idle16 + 8) // 16
        self.idle_ms = now_ms
        self._idle_ma = load_ma

    def _judge(self, battery_mv, loaded, now_ms):
        low_mv, back_mv, flat_mv, _, _, _ = self._limits
        self._below = self._below + 1 if battery_mv < low_mv else 0
        self._above = self._above + 1 if battery_mv >= back_mv else 0
        self._flat = self._flat + 1 if battery_mv < flat_mv else 0
        if self._below >= LASTING:
            self.low = True
        elif self._above >= LASTING and not loaded:
            self.low = False
        if self._flat >= LASTING:
            self.flat = True
        elif self.charger == "float" and self.idle_ms == now_ms:
            # A worn one is soon back at 12 V at rest and breaks down again: only a full charge or a load clears it.
            self.flat = False

    def _charge(self, mains, now_ms):
        if not mains:
            self.charger = "absent"
            self._bottom_mv = None
            return
        if self.idle_ms != now_ms:
            # Loaded, or not yet at rest: nothing new, but that there is mains.
            if self.charger == "absent":
                self.charger = "charging"
            return
        if self._bottom_mv is None or self.idle_mv >= self._bottom_mv + RISE_MV:
            self._bottom_mv = self.idle_mv
            self._rose_ms = now_ms
        self._bottom_mv = min(self._bottom_mv, self.idle_mv)
        if self.idle_mv >= self._limits[4]:
            self.charger = "float"
        elif self.idle_mv < self._limits[5] and now_ms - self._rose_ms >= STALLED_MS:
            self.charger = "fault"
        else:
            self.charger = "charging"


def _median(values):
    return sorted(values)[len(values) // 2]


def _interpolate(table, at):
    below_mv, below = table[0]
    for mv, percent in table:
        if at < mv:
            return below if mv <= below_mv else below + (at - below_mv) * (percent - below) // (mv - below_mv)
        below_mv, below = mv, percent
    return below
