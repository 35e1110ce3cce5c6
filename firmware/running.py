"""What runs now and what was told to stop, until it is measured off; the score of it all. Pure; called by center.

Three things may run side by side: a silent alert must not cut a siren short, and a drill must not touch anything real.
"""

from firmware.activation import FAULT_MS, GAP_MS, SETTLE_MS
from firmware.cadence import STEADY
from firmware.score import entry, levels
from protocol import codes

LOUD = 0
QUIET = 1
DRILL = 2

EVERY_OUTPUT = 0x0F
BLINK = (250, 250)
BLINK_FOR_MS = 10000
# A battery's resistance takes three readings, one a second; the fourth is for one that comes late.
LOAD_FOR_MS = 4000


class Running:
    """`stuck` is set while the siren's relay is known to be stuck."""

    def __init__(self, clock):
        self.active = None  # the activation that was started last, while it runs
        self.stuck = False
        self._score = ()  # made anew only when something changes: it is asked for 50 times a second
        self._clock = clock
        self._slots = {}  # slot: Activation
        self._stopping = []  # (order, outputs, since ms) of what was told to stop and is not yet measured off
        self._blink_ms = None  # until when the indicator shows which center this is
        self._load_ms = None  # until when the floodlight is on as the battery's load
        self._tail_ms = None  # when the siren's relay was told to open

    def __len__(self):
        return len(self._slots)

    def loud(self):
        """Whether something runs that the street notices."""
        return LOUD in self._slots

    def outlasts(self, activation):
        """Whether something loud runs that ends no earlier than this would."""
        running = self._slots.get(LOUD)
        return running is not None and activation.outputs & codes.LOUD and running.ends_ms() >= activation.ends_ms()

    def activations(self):
        """Everything that runs."""
        return list(self._slots.values())

    def start(self, slot, activation):
        """Begin, in the place of what ran in that slot."""
        self.stop(slot)
        self._load_ms = None
        self._slots[slot] = activation
        self.active = activation
        self.renew()

    def score(self):
        """The score of everything that runs, and the siren's supply for a moment after it was told to stop."""
        return self._score

    def renew(self):
        """Make the score anew."""
        entries = []
        for activation in self._slots.values():
            entries += activation.entries(self._clock, self.stuck)
        if self._tail_ms is not None and not self.stuck:
            entries.append(entry(codes.POWER, STEADY, self._clock.ticks(self._tail_ms), GAP_MS))
        if self._blink_ms is not None:
            entries.append(
                entry(codes.INDICATOR, BLINK, self._clock.ticks(self._blink_ms - BLINK_FOR_MS), BLINK_FOR_MS)
            )
        if self._load_ms is not None:
            start = self._clock.ticks(self._load_ms - LOAD_FOR_MS)
            entries.append(entry(codes.FLOODLIGHT, STEADY, start, LOAD_FOR_MS))
        self._score = tuple(entries)

    def wanted(self):
        """The mask of outputs that shall be on now, the siren's supply included."""
        return levels(self._score, self._clock.ticks())

    def blink(self):
        """Show which center this is by its indicator, to whoever stands before it."""
        self._blink_ms = self._clock.ms() + BLINK_FOR_MS
        self.renew()

    def load(self):
        """Light the floodlight as a load for the battery, with nothing else: what begins or is stopped ends it."""
        if not self._slots:
            self._load_ms = self._clock.ms() + LOAD_FOR_MS
            self.renew()

    def unload(self):
        """The floodlight is no load any more."""
        self._load_ms = None
        self.renew()

    def stop(self, slot):
        """End what runs in a slot."""
        activation = self._slots.pop(slot, None)
        if activation is None:
            return
        now_ms = self._clock.ms()
        if activation.outputs & codes.SIREN:
            self._tail_ms = now_ms
        self._stopping.append((activation.order, activation.outputs, now_ms))
        if activation is self.active:
            self.active = None
        self.renew()

    def stop_for(self, order):
        """Stop what an authority may stop: a drill only its own, the others everything. `order` is told of it."""
        if order[0] == codes.DRILL:
            activation = self._slots.get(DRILL)
            self.stop(DRILL)
            outputs = activation.outputs if activation else 0
        else:
            for slot in list(self._slots):
                self.stop(slot)
            self.unload()
            outputs = EVERY_OUTPUT
        self._stopping.append((order, outputs, self._clock.ms()))

    def whole(self):
        """What `restore` needs to undo a start."""
        return dict(self._slots)

    def restore(self, slots):
        """As it was before a start that never moved anything."""
        self._slots = slots
        self.active = None
        for activation in slots.values():
            self._stopping = [entry for entry in self._stopping if entry[0] != activation.order]
            self.active = activation
        self.renew()

    def tick(self, wanted, measured):
        """(whether something ended by itself, [(order, status)] of what was found out)."""
        now_ms = self._clock.ms()
        ended = False
        told = []
        for slot, activation in list(self._slots.items()) if self._slots else ():
            if activation.over(now_ms):
                self.stop(slot)
                ended = True
            else:
                verdict = activation.observe(wanted & activation.outputs, measured, now_ms)
                if verdict is not None:
                    told.append((activation.order, verdict))
        if self._tail_ms is not None and now_ms - self._tail_ms > GAP_MS:
            self._tail_ms = None
            self.renew()
            ended = True
        if self._blink_ms is not None and now_ms >= self._blink_ms:
            self._blink_ms = None
            self.renew()
        if self._load_ms is not None and now_ms >= self._load_ms:
            self.unload()
        if self._stopping:
            told += self._settle(measured, now_ms)
        return ended, told

    def _settle(self, measured, now_ms):
        """STOPPED once the outputs are measured off, or FAILED when they stay on; an output that is on for something
        else says nothing about what was stopped."""
        told = []
        waiting = []
        busy = 0
        for activation in self._slots.values():
            busy |= activation.outputs
        for order, outputs, since_ms in self._stopping:
            on = measured & outputs & ~busy
            if not on and (now_ms - since_ms >= SETTLE_MS or outputs & busy):
                told.append((order, codes.STOPPED))
            elif on and now_ms - since_ms >= FAULT_MS:
                told.append((order, codes.FAILED))
            else:
                waiting.append((order, outputs, since_ms))
        self._stopping = waiting
        return told
