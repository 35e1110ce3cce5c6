"""The simulated board as the firmware sees it: same methods as firmware.board, over a loopback socket.

Lines to the board process: `s NOW;BIT,START,LASTING,ORIGIN,CADENCE...` a score, `z` everything off, `p MASK MS` a test pulse, `h MS` how
long a button is held, `f` feeds the watchdog, `q` restart, `l TEXT` log, `c TEXT` console, `r TEXT` the runtime. Lines
from it: `i ...` the readings at every change, `m MA...` what flowed in a pulse, `k LEVEL US...` radio, `t TEXT` typed.
"""

import os
import select
import socket
import sys
import time

from firmware.inputs import HOLD_MS, Latch
from firmware.readings import Readings
from firmware.score import TICKS_MASK
from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

FEED_MS = 500
_RADIO_BACKLOG = 8


class Board:
    """Connects to the board process; `flash` is the device's folder with a slash at its end."""

    def __init__(self, port, name, flash):
        self.flash = flash
        self.kind = "unix"
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        # TCP_NODELAY by number: MicroPython has no name for it. A siren must not wait for the echo of a feed.
        self._socket.setsockopt(6, 1, 1)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._pending = b""
        self._fed_ms = 0
        self._cause = None
        self._readings = Readings()
        self._pressed = [0, 0]  # of panic and silent: whether it is, and above that bit the number of whole holds
        self._latches = _latches(HOLD_MS)
        self._flowed = None
        self._typed = []
        self._codes = []
        self._receiver = None
        self._say("hello " + name)
        self._say("r " + self.runtime())
        while self._cause is None:
            self._read(True)

    def outputs_off(self):
        """Every output off, at once."""
        self._say("z")

    def play(self, score):
        """What the timer interrupt plays from now on (firmware.score)."""
        entries = [",".join([str(part) for part in (one[0], one[4], one[5], one[3]) + one[1]]) for one in score]
        self._say(";".join(["s %d" % self.ticks_ms()] + entries))

    def pulse(self, mask, lasting_ms):
        """A test pulse too short to be heard; the mA that flowed at its end."""
        self._flowed = None
        self._say("p %d %d" % (mask, lasting_ms))
        while self._flowed is None:
            self._read(True)
        # The second switch lies in the siren's supply: what flows through it alone is the siren's.
        siren, strobe, floodlight, indicator = self._flowed
        flowed = siren if mask & (SIREN | POWER) else 0
        flowed += strobe if mask & STROBE else 0
        flowed += floodlight if mask & FLOODLIGHT else 0
        return flowed + (indicator if mask & INDICATOR else 0)

    def hold(self, hold_ms):
        """How long a button must be held for the interrupt to latch it."""
        self._latches = _latches(hold_ms)
        self._say("h %d" % hold_ms)

    def look(self):
        """What the board senses now; the same object again and again."""
        self._read(False)
        now_ms = self.ticks_ms()
        self._readings.panic = self._latches[0].level(self._pressed[0] & 1, now_ms)
        self._readings.silent = self._latches[1].level(self._pressed[1] & 1, now_ms)
        return self._readings

    def receive(self):
        """A 433 MHz receiver is fitted: listen to it from now on."""
        from firmware.radio import Receiver

        self._receiver = Receiver()

    def line(self, options):
        """The RS-485 line of a center that is reached over one."""
        from simulator.device.line import Line

        return Line(options)

    def codes(self):
        """Radio codes that were received since the last look (firmware.radio)."""
        if not self._codes:
            return ()
        codes, self._codes = self._codes, []
        return codes

    def typed(self):
        """The next line that somebody typed on the serial console, or None."""
        return self._typed.pop(0) if self._typed else None

    def say(self, text):
        """Lines on the serial console."""
        for line in text.split("\n"):
            self._say("c " + line)

    def feed(self):
        """Tell the watchdog that the loop is alive."""
        now_ms = self.ticks_ms()
        if (now_ms - self._fed_ms) & TICKS_MASK >= FEED_MS:
            self._fed_ms = now_ms
            self._say("f")

    def restart(self):
        """Outputs off, then a reset of the processor."""
        self.outputs_off()
        self._say("q")
        while True:
            self._read(True)

    def free(self):
        """Octets of flash that are free."""
        found = os.statvfs(self.flash)
        return found[0] * found[3]

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30, as on boards."""
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms() & TICKS_MASK
        return int(time.monotonic() * 1000) & TICKS_MASK

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.words.BOOT_CAUSES)."""
        return self._cause

    def set_clock(self, unix_s):
        """The true time; certificates are checked by the machine's clock here."""

    def clock_behind(self):
        """Nothing to set: see set_clock."""

    def log(self, text):
        """One line for whoever looks at the board's console."""
        self._say("l " + text.replace("\n", " "))

    def runtime(self):
        """What the interpreter says of itself."""
        name = "MicroPython" if sys.implementation.name == "micropython" else "CPython"
        parts = [str(part) for part in sys.implementation.version]
        stage = parts[3] if len(parts) > 3 and parts[3] not in ("", "final") else ""
        return "%s v%s%s" % (name, ".".join(parts[:3]), "-" + stage if stage else "")

    def _say(self, line):
        octets = (line + "\n").encode()
        while octets:
            octets = octets[self._socket.send(octets) :]

    def _read(self, wait):
        while self._poll.poll(-1 if wait else 0):
            octets = self._socket.recv(1024)
            if not octets:
                # The board lost its power.
                sys.exit(0)
            self._pending += octets
            lines = self._pending.split(b"\n")
            self._pending = lines[-1]
            for line in lines[:-1]:
                self._hear(line.decode())
            wait = False

    def _hear(self, line):
        kind, rest = line[:1], line[2:]
        if kind == "i":
            self._sense([int(part) for part in rest.split()])
        elif kind == "m":
            self._flowed = [int(part) for part in rest.split()]
        elif kind == "t":
            self._typed.append(rest)
        elif kind == "k":
            self._receive(*[int(part) for part in rest.split()])

    def _sense(self, values):
        for place, latch in enumerate(self._latches):
            # What was held while the program was busy is shown from its next look on, as by a latch in its own memory.
            if self._cause is not None and values[place] >> 1 != self._pressed[place] >> 1:
                latch.sample(False)
                latch.sample(True)
            self._pressed[place] = values[place]
        now = self._readings
        now.tamper, now.mains, now.motion = [bool(value) for value in values[2:5]]
        now.battery_mv, now.siren_ma, now.strobe_ma, now.floodlight_ma, now.indicator_ma = values[5:10]
        now.sound = values[10] if values[10] >= 0 else None
        now.light = values[11] if values[11] >= 0 else None
        self._cause = values[12]

    def _receive(self, level, *pulses):
        """Durations in microseconds, the first at this level, then in turn."""
        for duration_us in pulses if self._receiver else ():
            code = self._receiver.edge(level, duration_us)
            level = 1 - level
            if code is not None and len(self._codes) < _RADIO_BACKLOG:
                self._codes.append(code)


def _latches(hold_ms):
    """The interrupt that samples the buttons runs in the board process: here one sample is a whole hold."""
    return Latch(hold_ms, hold_ms), Latch(hold_ms, hold_ms)
