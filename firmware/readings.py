"""What a board senses at one look. Filled by the board again and again, in place: it is looked at 50 times a second."""

from protocol.codes import FLOODLIGHT, INDICATOR, SIREN, STROBE

# Below this a driver is off, whatever its sensing reads: leakage and the noise of the converter.
FLOWING_MA = 5


class Readings:
    """Currents in mA per output; `sound` in dB and `light` in per cent are None where nothing is fitted."""

    def __init__(self):
        self.panic = self.silent = self.tamper = self.motion = False
        self.mains = True
        self.battery_mv = 0
        self.siren_ma = self.strobe_ma = self.floodlight_ma = self.indicator_ma = 0
        self.sound = self.light = None

    def measured(self):
        """The mask of outputs through which current flows."""
        mask = SIREN if self.siren_ma >= FLOWING_MA else 0
        mask |= STROBE if self.strobe_ma >= FLOWING_MA else 0
        mask |= FLOODLIGHT if self.floodlight_ma >= FLOWING_MA else 0
        return mask | (INDICATOR if self.indicator_ma >= FLOWING_MA else 0)

    def load_ma(self):
        """What all outputs draw together."""
        return self.siren_ma + self.strobe_ma + self.floodlight_ma + self.indicator_ma
