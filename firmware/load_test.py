"""The battery's daily test under load: when the floodlight may be lit for it, and what came of it. Pure; called by watch.

The floodlight is the only load that is silent and big enough. It switches nothing: running lights it, battery measures.
"""

from firmware.battery import CUT_SHORT, LOADED_MA, NO_FALL, NO_LOAD
from firmware.drivers import DAY_S, OK, QUIET_S
from protocol.codes import FLOODLIGHT

# 8 h to 19 h in Argentina (UTC-3): later a light that nobody asked for wakes people.
DAY_BEGINS_S = 11 * 3600
DAY_ENDS_S = 22 * 3600
# The battery rests when it was last read at rest so short a time ago.
REST_MS = 2000


class LoadTest:
    """`result` is a word of firmware.battery for the last one in this boot and `result_ms` its moment, None before it."""

    def __init__(self):
        self.result = self.result_ms = None
        self._owed = False
        self._alone = False  # with mains it was begun already: what is owed now needs the battery alone
        self._rest_ms = None  # when the battery rested before the light went on, while the result is waited for
        self._quiet_ms = 0

    def owe(self):
        """The day's test is due, from now on, at the first second that allows it."""
        self._owed, self._alone = True, False

    def hush(self, now_ms):
        """An alarm runs, or somebody pressed a button or fob, a silent one perhaps: no light in the next ten minutes."""
        self._quiet_ms = now_ms + QUIET_S * 1000

    def begins(self, known, nominal_ma, unix_s, now_ms):
        """Whether to light the floodlight now; ask once a second while no alarm and no update runs.

        `known` is the supervision with its battery, drivers and mains; `nominal_ma` the floodlight's, 0 unknown; `unix_s`
        None without a clock, then any hour will do. On the battery alone too: a charger that floats carries the light.
        """
        battery, mains = known.battery, known.mains
        if self._rest_ms is not None:
            if battery.idle_ms != self._rest_ms:
                self._rest_ms = None
                # Where no current was read at all, it may be that something else began at once.
                self.result = battery.outcome or (CUT_SHORT if now_ms < self._quiet_ms else NO_LOAD)
                self.result_ms = now_ms
                self._owed = self._alone and battery.outcome == NO_FALL
            return False
        if not self._owed or now_ms < self._quiet_ms or mains is None or (self._alone and mains):
            return False
        if battery.low or battery.flat or battery.idle_ms is None or now_ms - battery.idle_ms > REST_MS:
            return False
        if unix_s is not None and not DAY_BEGINS_S <= unix_s % DAY_S < DAY_ENDS_S:
            return False
        self._owed = False
        if known.drivers.verdict(FLOODLIGHT) != OK or 0 < nominal_ma < LOADED_MA:
            # None is fitted, or a bad one, which a longer current makes worse.
            self.result, self.result_ms = NO_LOAD, now_ms
            return False
        battery.outcome = None
        self._rest_ms, self._alone = battery.idle_ms, mains
        return True
