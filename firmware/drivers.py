"""What the current says of each driver: its verdicts, the inaudible daily test as data, and when it is due. Pure.

Called by supervision in an alarm and by app for the test, which it carries out pulse by pulse; nothing is driven here.
"""

from protocol.codes import FLOODLIGHT, INDICATOR, OUTPUT_NAMES, OUTPUTS, POWER, SIREN, STROBE

OK = 0
OPEN = 1
SHORT = 2
STUCK = 3
VERDICT_NAMES = ("ok", "open", "short", "stuck")

# Of the nominal current that commissioning learnt, unless the settings `open_percent` and `short_percent` say otherwise.
OPEN_PERCENT = 30
SHORT_PERCENT = 250
# Without a nominal current: less is no load, more melts the wires of a cabinet with an 8 A fuse.
OPEN_MA = 20
SHORT_MA = 8000

# The daily test: (mask to pulse, milliseconds, whether current must flow), in this order. Where POWER is in the mask the
# board closes it first and lets it settle; the milliseconds are those of the whole path being closed, or of POWER alone.
# So short a pulse is a click of the relay at most, and no flash that anybody takes for an alarm.
DAILY = (
    (POWER, 10, False),
    (POWER | SIREN, 10, True),
    (STROBE, 5, True),
    (FLOODLIGHT, 5, True),
    (INDICATOR, 5, True),
)

# A relay and its sensing settle in this time of an output's being on; a strobe's flash lasts 200 ms.
SETTLE_MS = 100
# So much settled on-time with one and the same verdict makes it lasting: three flashes, 2.4 s.
LASTING_MS = 300
# What an output draws so long after it went off is no afterglow.
AFTER_MS = 1000
# The loop may stand still for a handshake; one reading is not worth more than this.
STEP_MS = 100

DAY_S = 24 * 3600
QUIET_S = 600


def judge(output, asked, ma, nominal_ma, open_percent=OPEN_PERCENT, short_percent=SHORT_PERCENT):
    """OK, OPEN, SHORT or STUCK of one reading in mA; `nominal_ma` is {output's name: mA}, as far as it was learnt.

    STUCK is a current with nothing asked, from the limit up below which one that was asked for would be OPEN.
    """
    nominal = nominal_ma.get(OUTPUT_NAMES[output])
    open_ma = nominal * open_percent // 100 if nominal else OPEN_MA
    if not asked:
        return STUCK if ma >= max(open_ma, 1) else OK
    if ma < open_ma:
        return OPEN
    return SHORT if ma > (nominal * short_percent // 100 if nominal else SHORT_MA) else OK


class Drivers:
    """What is known of each output in this boot. `stuck` tells of the siren's relay; only the daily test clears it.

    `settings` has get(name) for `nominal_ma` (output's name: mA), `open_percent`, `short_percent`. `bad` is the mask of
    outputs that are not OK; a siren that sounds behind a stuck relay is not in it.
    """

    def __init__(self, settings):
        self.stuck = False
        self.bad = 0
        self._known = [[None, 0, 0, ""] for _ in OUTPUTS]  # verdict, mA, when in ms, by
        self._looks = [[False, 0, OK, 0] for _ in OUTPUTS]  # asked, for how long; verdict of the moment, for how long
        self.configure(settings)

    def configure(self, settings):
        """Take over the settings."""
        self._nominal_ma = settings.get("nominal_ma") or {}
        self._open_percent = settings.get("open_percent") or OPEN_PERCENT
        self._short_percent = settings.get("short_percent") or SHORT_PERCENT

    def judge(self, output, asked, ma):
        """The verdict of one reading by these settings."""
        return judge(output, asked, ma, self._nominal_ma, self._open_percent, self._short_percent)

    def verdict(self, output):
        """The newest verdict of an output, None when it was not judged in this boot."""
        verdict = self._known[OUTPUTS.index(output)][0]
        return STUCK if output == SIREN and self.stuck and not verdict else verdict

    def note(self, output, verdict, ma, now_ms, by):
        """Remember a verdict; `by` is test or activation."""
        known = self._known[OUTPUTS.index(output)]
        known[0], known[1], known[2], known[3] = verdict, ma, now_ms, by
        self.bad = self.bad | output if verdict else self.bad & ~output

    def daily(self, step, ma, now_ms):
        """Take in what step number `step` of DAILY measured; its verdict."""
        mask, _, asked = DAILY[step]
        output = mask & ~POWER or SIREN
        verdict = self.judge(output, asked, ma)
        if asked:
            self.note(output, verdict, ma, now_ms, "test")
        else:
            # The path alone: whether the relay behind it is open, which says nothing of the siren.
            self.stuck = verdict == STUCK
        return verdict

    def observe(self, output, asked, ma, now_ms, step_ms):
        """One reading of an output, `step_ms` after the one before; called every tick, takes no memory.

        Times are summed up from steps: on a board the difference of two long ones takes memory after 12 days.
        """
        look = self._looks[OUTPUTS.index(output)]
        if asked != look[0]:
            look[0] = asked
            look[1] = 0
        elif look[1] < AFTER_MS:
            look[1] += step_ms
        if look[1] < (SETTLE_MS if asked else AFTER_MS):
            return
        verdict = self.judge(output, asked, ma)
        if not asked and (output == SIREN or (verdict == OK and self.verdict(output) != STUCK)):
            # An output that is off and without current proves nothing; a siren that nobody asked for is not a driver's
            # matter alone, supervision looks after it.
            look[3] = 0
            return
        if verdict != look[2]:
            look[2] = verdict
            look[3] = 0
        if look[3] < LASTING_MS:
            look[3] += min(step_ms, STEP_MS)
        if look[3] >= LASTING_MS:
            self.note(output, verdict, ma, now_ms, "activation")

    def describe(self, now_ms):
        """{output: [verdict, mA, age in seconds, test or activation]}; [unknown] for what was not judged."""
        told = {}
        for index, output in enumerate(OUTPUTS):
            known, ma, when_ms, by = self._known[index]
            verdict = self.verdict(output)
            row = ["unknown" if verdict is None else VERDICT_NAMES[verdict]]
            told[OUTPUT_NAMES[output]] = row if known is None else row + [ma, (now_ms - when_ms) // 1000, by]
        return told


class Daily:
    """When the test is due: once in 24 h of running, in a device's own minute of `hour` (UTC) where the time is known.

    Seconds are the center's lifetime seconds. `jitter` is 0 to 255, of the device; `last_s` when the last test was, None
    where there was none; the caller keeps it over a restart. For all that is known a start is the end of an alarm.
    """

    def __init__(self, jitter, hour, last_s=None):
        self.last_s = -(jitter * DAY_S // 256) if last_s is None else last_s
        self._begin_s = hour * 3600 + jitter * 3600 // 256
        self._quiet_s = None

    def due(self, lifetime_s, unix_s, active, updating):
        """Whether to begin now; `unix_s` is None without a clock. Ask every second or so."""
        if active or self._quiet_s is None:
            self._quiet_s = lifetime_s + QUIET_S
        if updating or lifetime_s < self._quiet_s:
            return False
        if unix_s is None:
            patience_s = DAY_S
        elif (unix_s - self._begin_s) % DAY_S < 3600:
            # The same minute as yesterday, though yesterday's test may have had to wait.
            patience_s = DAY_S - 3600
        else:
            # This hour was missed, or the clock was: not a second day without a test.
            patience_s = 2 * DAY_S - 3600
        return lifetime_s - self.last_s >= patience_s

    def done(self, lifetime_s):
        """A test was carried out, to its end or until an alarm ended it."""
        self.last_s = lifetime_s
