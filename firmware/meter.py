"""Makes currents, voltage, sound and light of what a board's converter reads. Pure but for the converter. Used by firmware.board."""

from firmware.boards import (
    BATTERY,
    BATTERY_DIV,
    BATTERY_MUL,
    FLOOR_MV,
    FULL_MV,
    LIGHT,
    LIGHT_MV,
    MA_PER_V,
    MICROPHONE,
    OVER_MA,
    QUIET_DB,
    SOUND_DB,
    ZERO_MOST_MV,
)


class Meter:
    """`converter` has mv(channel). Made while every output is off: what the amplifiers show then is their offset."""

    def __init__(self, converter, settings):
        self._mv = converter.mv
        self._slow = [channel for channel, name in ((MICROPHONE, "microphone"), (LIGHT, "light")) if settings.get(name)]
        self._next = 0
        self._zeros = [self._zero(channel) for channel in range(len(MA_PER_V))]

    def milliamperes(self, channel):
        """The current of an output now."""
        mv = self._mv(channel)
        if mv >= FULL_MV:
            return OVER_MA
        mv -= self._zeros[channel]
        return mv * MA_PER_V[channel] // 1000 if mv >= FLOOR_MV else 0

    def read(self, readings):
        """Fill in what is analog: currents and battery as of now, of sound and light one at a time. Takes no memory."""
        readings.siren_ma = self.milliamperes(0)
        readings.strobe_ma = self.milliamperes(1)
        readings.floodlight_ma = self.milliamperes(2)
        readings.indicator_ma = self.milliamperes(3)
        readings.battery_mv = self._mv(BATTERY) * BATTERY_MUL // BATTERY_DIV
        if self._slow:
            self._next = (self._next + 1) % len(self._slow)
            channel = self._slow[self._next]
            if channel == MICROPHONE:
                readings.sound = decibels(self._mv(channel))
            else:
                readings.light = min(self._mv(channel) * 100 // LIGHT_MV, 100)

    def _zero(self, channel):
        mv = self._mv(channel)
        return mv if mv <= ZERO_MOST_MV else 0


def decibels(mv):
    """The level outside, rounded down to a step of the table."""
    level = QUIET_DB
    for least_mv, db in SOUND_DB:
        if mv < least_mv:
            break
        level = db
    return level
