"""One switching-on of outputs: how long, in which cadence, and what the measurement says of it. Pure; called by running."""

from firmware import cadence
from firmware.score import entry
from protocol import codes

# A relay and its sensing settle within this; a longer disagreement is a fault.
SETTLE_MS = 200
FAULT_MS = 2000
# The siren's supply stays closed for this long after its relay has opened: current that still flows then is a stuck relay.
GAP_MS = 300


class Activation:
    """`order` tells whom to answer: (authority, counter, incident); counter 0 is the own button."""

    def __init__(self, order, class_code, outputs, now_ms, duration_s, signal=codes.BY_CLASS):
        self.order = order
        self.class_code = class_code
        self.outputs = outputs
        self.started_ms = now_ms
        self.duration_ms = duration_s * 1000
        self._signal = signal
        self._told = False
        self._wrong_ms = 0
        self._seen_ms = now_ms

    def ends_ms(self):
        """The millisecond of this boot at which its time has passed."""
        return self.started_ms + self.duration_ms

    def over(self, now_ms):
        """Whether its time has passed."""
        return now_ms - self.started_ms >= self.duration_ms

    def entries(self, clock, stuck):
        """Its part of the score. Strobes count from the clock that all centers of a group share; with a `stuck` siren
        relay the second switch pulses in its place."""
        start = clock.ticks(self.started_ms)
        found = []
        for output in codes.OUTPUTS:
            if not self.outputs & output:
                continue
            pulses = cadence.cadence_of(output, self.class_code, self._signal)
            origin = clock.shared_origin(sum(pulses)) if output == codes.STROBE else start
            found.append(entry(output, pulses, start, self.duration_ms, origin))
            if output == codes.SIREN:
                found.append(
                    entry(codes.POWER, pulses, start, self.duration_ms)
                    if stuck
                    else entry(codes.POWER, cadence.STEADY, start, self.duration_ms + GAP_MS)
                )
        return found

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
    for output in codes.OUTPUTS:
        if outputs & output:
            return output
    return 0
