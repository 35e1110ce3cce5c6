"""What the inputs mean: presses of buttons and fobs, and news of the center's own health. Called by app at every tick.

It decides what is worth telling and whether a fob may sound; center decides what moves.
"""

from firmware.drivers import DAILY, Daily
from firmware.inputs import Button
from firmware.supervision import Supervision
from protocol import codes

SECOND_MS = 1000
PAIR_MS = 30000

_FOB_STATUS = {
    ("panic", "rolling"): codes.PANIC_FOB,
    ("panic", "fixed"): codes.PANIC_FOB_FIXED,
    ("silent", "rolling"): codes.SILENT_FOB,
    ("silent", "fixed"): codes.SILENT_FOB_FIXED,
}


class Watch:
    """`settings` and `state` are what flash keeps; `jitter` is 0 to 255, of the device."""

    def __init__(self, board, center, settings, clock, jitter):
        self._board = board
        self._center = center
        self._settings = settings
        self._state = center.state
        self._clock = clock
        self.supervision = Supervision(settings, self._state.resistances, jitter)
        self.fobs = None
        if settings.get("rf"):
            # Without a receiver its code takes no memory.
            from firmware.fobs import Fobs

            self.fobs = Fobs(settings.fobs, self._state.fobs_spent)
            board.receive()
        self.paired = None  # what became of the last pairing, a sentence
        self._pairing = None  # (until when in ms, action, maker's key)
        self._daily = Daily(jitter, settings.get("test_hour"), self._state.tested_s or None)
        self._next_ms = 0
        self.configure()

    def configure(self):
        """Take over the settings, at the start and whenever they changed."""
        hold_ms = self._settings.get("hold_ms")
        self._board.hold(hold_ms)
        self._panic, self._silent = Button(hold_ms), Button(hold_ms)
        self.supervision.configure(self._settings)

    def look(self, readings, now_ms):
        """[(status, slot or None, whether it may sound)] of what happened; a slot of None and news have no fob."""
        if not self._settings.get("microphone"):
            readings.sound = None
        happened = []
        if self._panic.update(readings.panic, now_ms):
            happened.append((codes.PANIC, None, True))
        if self._silent.update(readings.silent, now_ms):
            happened.append((codes.SILENT_PANIC, None, False))
        if self.fobs is not None:
            for code in self._board.codes():
                happened += self._heard(code, now_ms)
        if happened:
            # Whoever pressed, silently perhaps, must not be lit up.
            self.supervision.load_test.hush(now_ms)
        running = self._center.running
        for status in self.supervision.update(readings, self._center.wanted(), bool(len(running)), now_ms):
            happened.append((status, None, False))
        if running.stuck != self.supervision.stuck:
            # The second switch takes over as the siren's own.
            running.stuck = self.supervision.stuck
            running.renew()
        return happened

    def second(self, now_ms, updating):
        """Once a second: whether the daily test is due. The battery's load test begins here, some time after it."""
        if now_ms < self._next_ms:
            return False
        self._next_ms = now_ms + SECOND_MS
        running, load_test, unix_s = self._center.running, self.supervision.load_test, self._clock.now()
        busy = bool(len(running))
        due = self._daily.due(self._center.lifetime_s(), unix_s, busy, updating)
        if busy:
            load_test.hush(now_ms)
        elif due:
            load_test.owe()
        elif not updating:
            nominal_ma = self._settings.get("nominal_ma.floodlight")
            if load_test.begins(self.supervision, nominal_ma, unix_s, now_ms):
                running.load()
        return due

    def test(self):
        """The inaudible test of every driver; True when nothing was found. Takes some 50 ms, not while an alarm runs."""
        drivers, running = self.supervision.drivers, self._center.running
        # A board gives no pulse while something loud plays, and somebody at the console may ask at any time.
        running.unload()
        self._board.play(running.score())
        for step in range(len(DAILY)):
            flowed_ma = self._board.pulse(DAILY[step][0], DAILY[step][1])
            drivers.daily(step, flowed_ma, self._clock.ms())
        self._state.tested_s = self._center.lifetime_s()
        self._daily.done(self._state.tested_s)
        return not drivers.bad and not drivers.stuck

    def pair(self, action, maker_key):
        """The next fob that is heard within 30 s is paired."""
        self.paired = None
        self._pairing = (self._clock.ms() + PAIR_MS, action, maker_key)

    def keep(self):
        """Whether flash has the fobs as they are now; their soundings are in the state."""
        self._settings.fobs = self.fobs.entries()
        self._state.fobs_spent = self.fobs.spent
        self.fobs.changed = False
        return self._settings.save()

    def _heard(self, code, now_ms):
        if self._pairing is not None:
            until_ms, action, maker_key = self._pairing
            self._pairing = None
            if now_ms < until_ms:
                slot, problem = self.fobs.pair(code, action, 0, maker_key)
                if slot and not self.keep():
                    self.fobs.unpair(slot)
                    problem = "flash does not take it"
                self.paired = problem or "paired in slot %d" % slot
                return []
        press = self.fobs.heard(code, self._center.lifetime_s())
        # A counter that flash does not have could be used again after a power cut: then it is told, and nothing sounds.
        kept = self.keep() if self.fobs.changed else True
        if press is None:
            return []
        status = _FOB_STATUS[press.action, press.assurance]
        if press.reason:
            self._board.log("fob %d: %s" % (press.slot, press.reason))
        return [(status, press.slot, press.sounds and kept)]
