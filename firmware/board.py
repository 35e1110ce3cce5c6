"""A board as the app sees it; only this, its wiring in firmware/boards and rtc touch hardware. Loading it switches outputs off.

It decides nothing, but for one thing: what is loud goes off at the limit, by interrupts, whatever the program does.
"""

from firmware.boards import PLATFORM, POWER_SETTLE_MS, RELAY_MS

# First of all: the wiring drives the outputs low.
if PLATFORM == "esp32":
    from firmware.boards import esp32_s3 as wiring
else:
    from firmware.boards import pico_w as wiring

import json
import os
import select
import sys
import time

import machine
import micropython
import network
from machine import PWM, WDT, Pin, Timer

from firmware.clock import Clock
from firmware.inputs import HOLD_MS, Latch
from firmware.limit import LIMIT_MS
from firmware.meter import Meter
from firmware.player import PERIOD_MS, Player
from firmware.readings import Readings
from firmware.rtc import Calendar
from firmware.score import levels
from firmware.settings import Settings
from protocol.codes import LOUD, OUTPUTS, POWER, SIREN

JOIN_MS = 15000
TYPED_A_LOOK = 128
LONGEST_LINE = 1024

_player = Player()


def outputs_off():
    """Nothing plays on, and every output is driven low, whatever drove it before."""
    _player.score = ()
    for _, number in wiring.OUTPUTS:
        Pin(number, Pin.OUT, value=0)


def restart():
    """Outputs off, then a reset of the processor; does not return."""
    outputs_off()
    machine.reset()


class Horn:
    """A horn that has no sound of its own: the siren's pin swings at a pitch. As a pin it has `value`."""

    def __init__(self, pin, hz):
        self._pwm = PWM(pin, freq=hz, duty_u16=0)
        self._level = 0

    def value(self, level):
        """On or off; takes no memory."""
        if level != self._level:
            # In this order an interrupt in between is put right by the next.
            self._pwm.duty_u16(0x8000 if level else 0)
            self._level = level


class Board:
    """Made once. `flash` is the folder of what enrolment wrote; its device.json also has `wifi` with `ssid` and `key`."""

    def __init__(self, flash):
        self.flash = flash
        self.kind = wiring.KIND
        # A stray octet on the console must not end the program in an alarm.
        micropython.kbd_intr(-1)
        device = _document(flash + "device.json")
        settings = Settings(flash, os)
        settings.load(device)
        self._clock = Clock(time.ticks_ms)
        self._outputs = wiring.DRIVERS
        self._horn = settings.get("siren") == "pwm"
        if self._horn:
            self._outputs = ((SIREN, Horn(self._outputs[0][1], settings.get("siren_hz"))),) + self._outputs[1:]
        self._panic = Pin(wiring.PANIC, Pin.IN, Pin.PULL_UP)
        self._silent = Pin(wiring.SILENT, Pin.IN, Pin.PULL_UP)
        self._cabinet = Pin(wiring.CABINET, Pin.IN, Pin.PULL_UP)
        self._mains = Pin(wiring.MAINS, Pin.IN, Pin.PULL_DOWN)
        self._motion = Pin(wiring.MOTION, Pin.IN, Pin.PULL_DOWN) if settings.get("motion") else None
        self._readings = Readings()
        self._meter = Meter(wiring.Converter(), settings)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._line = bytearray()
        self._edges = None
        self._join_ms = self._pulse = self._pulse_turns = self._periods = self._armed = self._turns = 0
        self._since = time.ticks_ms()
        self._over = -1  # the loud period that the second interrupt has ended
        self._calendar = Calendar(flash)
        self._wifi = device.get("wifi")
        self._wlan = network.WLAN(network.WLAN.IF_STA)
        self._wlan.active(True)
        # Power saving of the radio would hold an alert back for a tenth of a second and more.
        self._wlan.config(pm=network.WLAN.PM_NONE)
        self.hold(HOLD_MS)
        self._player_timer, self._limit_timer = wiring.make_timer(0), wiring.make_timer(1)
        wiring.start(self._player_timer, PERIOD_MS, self._turn, Timer.PERIODIC)
        self._watchdog = WDT(timeout=wiring.WATCHDOG_MS)

    def outputs_off(self):
        """Every output off, at once."""
        _player.score = ()
        self._write(0)

    def play(self, score):
        """What the interrupt plays from now on (firmware.score)."""
        _player.score = score
        self._arm()

    def pulse(self, mask, lasting_ms):
        """A test pulse too short to be heard; the mA that flowed at its end. Nothing moves while something loud plays."""
        for one in _player.score:
            if one[0] & (LOUD | POWER):
                return 0
        try:
            if mask & POWER:
                self._drive(POWER, POWER_SETTLE_MS)
            relay = mask & SIREN and not self._horn
            self._drive(mask, lasting_ms + (RELAY_MS if relay else 0))
            return self._meter.milliamperes(OUTPUTS.index(mask & ~POWER or SIREN))
        finally:
            self._pulse_turns = 0
            self._write(levels(_player.score, time.ticks_ms()))

    def hold(self, hold_ms):
        """How long a button must be held for the interrupt to latch it."""
        _player.latches = (Latch(hold_ms, PERIOD_MS), Latch(hold_ms, PERIOD_MS))

    def look(self):
        """What the board senses now; the same object again and again. Currents are of now, sound and light in turn."""
        now, now_ms = self._readings, self._clock.ms()
        panic, silent = _player.latches
        now.panic = panic.level(not self._panic.value(), now_ms)
        now.silent = silent.level(not self._silent.value(), now_ms)
        # Wires that lead nowhere: cabinet open, mains lost.
        now.tamper = bool(self._cabinet.value())
        now.mains = bool(self._mains.value())
        now.motion = self._motion is not None and bool(self._motion.value())
        self._meter.read(now)
        return now

    def receive(self):
        """A 433 MHz receiver is fitted: listen to it from now on."""
        # Without a receiver its code takes no memory.
        from firmware.edges import Edges

        self._edges = Edges(time.ticks_us())
        self._data = Pin(wiring.RECEIVER, Pin.IN, Pin.PULL_DOWN)
        wiring.watch_edges(self._data, self._edge)

    def line(self, options):
        """The RS-485 line of a center that is reached over one (firmware.rs485)."""
        from firmware.rs485 import Line

        return Line(wiring.LINE, options)

    def codes(self):
        """Radio codes that were received since the last look (firmware.radio)."""
        return self._edges.codes() if self._edges else ()

    def typed(self):
        """The next line that somebody typed on the serial console, or None; never waits."""
        for _ in range(TYPED_A_LOOK):
            octet = sys.stdin.buffer.read(1) if self._poll.poll(0) else b""
            if not octet:
                break
            if octet not in b"\r\n":
                if len(self._line) <= LONGEST_LINE:
                    self._line.extend(octet)
            elif self._line:
                line, self._line = self._line, bytearray()
                try:
                    if len(line) <= LONGEST_LINE:
                        return bytes(line).decode()
                except ValueError:
                    pass
                self.say("that line is too long or no text: it is forgotten")
        return None

    def say(self, text):
        """Lines on the serial console."""
        print(text)

    log = say

    def feed(self):
        """The loop is alive, and with it the interrupt, or the watchdog gets nothing. Also looks after the network."""
        if _player.turns != self._turns:
            self._turns = _player.turns
            self._watchdog.feed()
        self._arm()
        now_ms = self._clock.ms()
        if self._wifi and now_ms >= self._join_ms:
            self._join_ms = now_ms + JOIN_MS
            if not self._wlan.isconnected():
                try:
                    self._wlan.connect(self._wifi["ssid"], self._wifi["key"])
                except OSError:
                    pass  # A port that is still at it by itself says so by an error.

    def restart(self):
        """Outputs off, then a reset of the processor; does not return."""
        restart()

    def free(self):
        """Octets of flash that are free."""
        found = os.statvfs(self.flash)
        return found[0] * found[3]

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30."""
        return time.ticks_ms()

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.words.BOOT_CAUSES)."""
        return wiring.cause()

    def runtime(self):
        """What the interpreter says of itself."""
        return "MicroPython v%s on %s" % (".".join([str(part) for part in sys.implementation.version[:3]]), PLATFORM)

    def set_clock(self, unix_s):
        """The true time, from a TIME."""
        self._calendar.set(unix_s)

    def clock_behind(self):
        """A certificate of ours begins later than the clock says, and no TIME came yet."""
        self._calendar.behind()

    def _turn(self, _):
        # An interrupt: it must take no memory, and one that fails would not come again.
        ticks = time.ticks_ms()
        _player.sample(0, not self._panic.value())
        _player.sample(1, not self._silent.value())
        mask = _player.turn(ticks)
        if _player.limit.periods != self._periods:
            self._periods = _player.limit.periods
            self._since = ticks
        if self._periods == self._over:
            mask &= ~(LOUD | POWER)
        if self._pulse_turns:
            # A program that stands still in the middle of a test leaves nothing on.
            self._pulse_turns -= 1
            mask |= self._pulse
        self._write(mask)

    def _cut(self, _):
        # The second interrupt, which needs nothing of the first: the loud period that it was set for is over.
        self._over = self._armed
        if self._periods == self._over:
            for bit, pin in self._outputs:
                if bit & (LOUD | POWER):
                    pin.value(0)

    def _edge(self, pin):
        if self._edges is not None:
            self._edges.edge(pin.value(), time.ticks_us())

    def _write(self, mask):
        for bit, pin in self._outputs:
            pin.value(1 if mask & bit else 0)

    def _arm(self):
        """A new loud period has begun: the second interrupt is set for its end."""
        periods = self._periods
        if periods != self._armed:
            self._armed = periods
            left_ms = LIMIT_MS - time.ticks_diff(time.ticks_ms(), self._since)
            wiring.start(self._limit_timer, max(left_ms, 1), self._cut, Timer.ONE_SHOT)

    def _drive(self, mask, lasting_ms):
        self._pulse = mask
        self._pulse_turns = lasting_ms // PERIOD_MS + 2
        self._write(levels(_player.score, time.ticks_ms()) | mask)
        time.sleep_ms(lasting_ms)


def _document(path):
    """A file's JSON, {} when there is none: a center that is factory-new has a board too."""
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}
