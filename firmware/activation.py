"""One switching-on of outputs: how long, in which cadence, and what the measurement says of it. Pure; called by center."""

from firmware import cadence
from protocol import codes

# A relay and its sensing settle within this; a longer disagreement is a fault.
SETTLE_MS = 200
FAULT_MS = 2000


class Activation:
    """`order` tells whom to answer: (authority, counter, incident, activation); counter 0 is the own button."""

    def __init__(self, order, class_code, outputs, now_ms, duration_s):
        self.order = order
        self.class_code = class_code
        self.outputs = outputs
        self.started_ms = now_ms
        self.duration_ms = duration_s * 1000
        self._told = False
        self._wrong_ms = 0
        self._seen_ms = now_ms

    def over(self, now_ms):
        """Whether its time has passed."""
        return now_ms - self.started_ms >= self.duration_ms

    def levels(self, now_ms):
        """The outputs that shall be on now."""
        return cadence.levels(self.outputs, self.class_code, now_ms - self.started_ms)

    def observe(self, wanted, measured, now_ms):
        """SOUNDING or FAILED, once, from what is measured of what was wanted; None while it is not decided."""
        step_ms = now_ms - self._seen_ms
        self._seen_ms = now_ms
        if self._told:
            return None
        telling = _telling(self.outputs)
        if wanted & telling:
            if measured & telling:
                self._told = True
                return codes.SOUNDING
            self._wrong_ms += step_ms
            if self._wrong_ms >= FAULT_MS:
                self._told = True
                return codes.FAILED
        return None


def _telling(outputs):
    """The output by which an activation is judged: what wakes a street, if it is among them."""
    for output in (codes.SIREN, codes.STROBE, codes.FLOODLIGHT, codes.INDICATOR):
        if outputs & output:
            return output
    return 0
