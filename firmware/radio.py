"""The 433 MHz receiver: fixed (EV1527) and rolling (HCS301) codes out of the lengths of a pin's levels. Called by app.

It says which code was on the air, once for each press, and never who sent it or whether it counts: firmware/fobs.py.
"""

from array import array

FIXED = 1
ROLLING = 2

# A frame's successor comes at most 178 ms later (HCS301 data sheet DS21143, table 9-4: 270 TE of at most 660 us).
TWICE_US = 250000
# A code is a new press after this long without a single frame of it.
ABSENT_US = 1500000
# Longer levels say no more than this, which is longer than any of the times above.
_LONGEST_US = 2000000
# The clock is turned back before it needs more than a small integer of a board.
_TURN_US = 1 << 29

# Per kind: pulses until the low that ends it; bits; in T a bit, its longer pulse, and the low before the first bit;
# tolerance in percent; the least and the most T in us.
# The rolling tolerance keeps one T (0.7 to 1.3) and two T (1.4 to 2.6) apart. T of an EV1527 follows from its resistor;
# TE of an HCS301 is 130 to 660 us at its two slower rates.
_SHAPES = {FIXED: (49, 24, 4, 3, 31, 35, 180, 660), ROLLING: (131, 66, 3, 2, 10, 30, 120, 720)}


class Receiver:
    """Fed with every level that ended; all it needs per level is a few small integers and one place of a fixed array.

    A frame is kept while its pulses could belong to it, and judged when it is whole: only then is T known well enough.
    """

    def __init__(self):
        self._pulses = array("H", [0] * 132)
        self._count = 0
        self._kind = 0  # of the frame being kept; 0: none
        self._least_us = self._most_us = 0
        self._first_us = self._start_us = 0  # the high and the low before its first bit
        self._high_us = 0  # of the high just before; 0 when that was a low
        self._now_us = 0
        self._last = None
        self._last_us = 0
        self._held = {}  # code told: when it was heard last

    def edge(self, level, duration_us):
        """`level` (0 or 1) ended after `duration_us`: None, or the code (kind, value) that was pressed.

        FIXED: value = 20 bits of id, 4 of buttons. ROLLING: value = (serial of 28 bits, buttons of 4, hopping of 32).
        A code is told when it was heard twice in a row, then not again before it was absent for ABSENT_US.
        """
        us = min(max(duration_us, 1), _LONGEST_US)
        self._now_us += us
        if self._now_us >= _TURN_US:
            self._turn_back()
        high_us = self._high_us
        if level:
            self._high_us = us
            if high_us:
                self._kind = 0  # A level was lost between two highs.
        else:
            self._high_us = 0
            # In a frame no low is longer than 6.3 highs. After a lost level there is no high, and the frame ends too.
            if us * 2 > high_us * 13:
                return self._gap(high_us, us)
        if self._kind:
            if self._count < 131 and self._least_us <= us <= self._most_us:
                self._pulses[self._count] = us
                self._count += 1
            else:
                self._kind = 0
        return None

    def _gap(self, high_us, us):
        """A low much longer than its high: the end of a frame, the start of the next, or noise.

        Fixed frames end with the high that starts the next one, rolling ones with the high of their last bit. What has
        more bits is no such frame.
        """
        code = self._whole(us) if self._kind and self._count == _SHAPES[self._kind][0] else None
        self._kind = self._count = 0
        self._first_us = high_us
        self._start_us = us
        # With a fifth of jitter on both, 10 TE are 6.7 to 15 highs, and 31 T are 20.7 to 46.5. Within a frame
        # a pulse is kept between half the shortest and twice the longest: from one level T is no better known.
        if us < high_us * 17:
            if 800 < us < 10800:
                self._kind = ROLLING
                self._least_us = us // 20
                self._most_us = us * 2 // 5
        elif high_us * 19 < us < high_us * 49 and 3700 < us < 30000:
            self._kind = FIXED
            self._least_us = us // 64
            self._most_us = us // 5
        return code

    def _whole(self, ago_us):
        """Judge the frame that is kept and ended `ago_us` ago: every pulse against the mean T of all."""
        kind = self._kind
        self._kind = 0
        _, bits, together, longer, before, tolerance, t_from, t_to = _SHAPES[kind]
        pulses = self._pulses
        # The low of a rolling frame's last bit is lost in the guard time: that bit does not count for T.
        timed = bits - (kind == ROLLING)
        total = 0
        for at in range(2 * timed):
            total += pulses[at]
        units = together * timed
        if not t_from * units <= total <= t_to * units:
            return None
        if kind == ROLLING:
            pulses[131] = total * (2 if pulses[130] * units * 2 < total * 3 else 1) // units
        least = total * (100 - tolerance)
        most = total * (100 + tolerance)
        units *= 100
        if not (least <= self._first_us * units <= most and least * before <= self._start_us * units <= most * before):
            return None
        value = 0
        for at in range(0, 2 * bits, 2):
            short = pulses[at] * units
            long = pulses[at + 1] * units
            bit = short < long
            if not bit:
                short, long = long, short
            if not (least <= short <= most and least * longer <= long <= most * longer):
                return None
            # Fixed: a long high is 1, first bit highest. Rolling: a short high is 1, first bit lowest.
            value = value << 1 | (not bit) if kind == FIXED else value | bit << at // 2
        if kind == ROLLING:
            # Bits 64 and 65, battery and repetition, are no part of the code: a held button changes the second.
            value = (value >> 32 & 0xFFFFFFF, value >> 60 & 15, value & 0xFFFFFFFF)
        return self._twice((kind, value), self._now_us - ago_us)

    def _twice(self, code, now_us):
        """The code, when this frame of it is the second in a row and the first press of it for a while."""
        again = code == self._last and now_us - self._last_us <= TWICE_US
        self._last = code
        self._last_us = now_us
        held = code in self._held and now_us - self._held[code] < ABSENT_US
        if held or again:
            self._held = {one: at for one, at in self._held.items() if now_us - at < ABSENT_US}
            self._held[code] = now_us
        return None if held or not again else code

    def _turn_back(self):
        self._now_us -= _TURN_US
        self._last_us -= _TURN_US
        self._held = {code: at - _TURN_US for code, at in self._held.items()}
