"""A siren wired to a Raspberry Pi: the board of the alarm center there, with the methods of firmware.board. Made by pi; CPython only.

Making Pins drives every output low. What a board's timer interrupt does, a thread of its own does here, whatever the
program's loop is busy with. The wiring is drawn in docs/boards/raspberry-pi.md.
"""

import os
import select
import sys
import threading
import time

from firmware import boards
from firmware.clock import Clock
from firmware.inputs import HOLD_MS, Latch
from firmware.meter import Meter
from firmware.player import PERIOD_MS, Player
from firmware.readings import Readings
from firmware.score import TICKS_MASK, levels
from protocol.codes import FLOODLIGHT, INDICATOR, LOUD, OUTPUTS, POWER, SIREN, STROBE

KIND = "raspberry_pi"
# Pins of 9 and above have a pull-down after a reset; those below have a pull-up, which would lift a driver's input.
OUTPUT_PINS = ((SIREN, 17), (STROBE, 27), (FLOODLIGHT, 22), (INDICATOR, 23), (POWER, 24))
# Buttons and the cabinet's contact close to ground; the contact is closed while the cabinet is.
PANIC = 5
SILENT = 6
CABINET = 13
# High while the mains supply is there, high while something moves.
MAINS = 19
MOTION = 26
# An MCP3208 at the first SPI bus measures what the channels of firmware.boards say; an LM4040 holds its reference.
SPI = {"clock_pin": 11, "mosi_pin": 10, "miso_pin": 9, "select_pin": 8}
FULL_SCALE_MV = 3000
STEPS = 4095
CHANNELS = 8

# Above everything that is not the kernel's own; refused without the right to it, and then told.
PRIORITY = 50
LINE_OCTETS = 1024
STDIN = 0


class Pins:
    """Every pin that the board uses, on a gpiozero factory that the caller chose. Raises what gpiozero raises."""

    def __init__(self, factory):
        import gpiozero

        self.factory = gpiozero.Device.pin_factory = factory
        self.drivers = [(bit, gpiozero.DigitalOutputDevice(number)) for bit, number in OUTPUT_PINS]
        self._inputs = {
            number: gpiozero.DigitalInputDevice(number, pull_up=number in (PANIC, SILENT, CABINET))
            for number in (PANIC, SILENT, CABINET, MAINS, MOTION)
        }
        self._measured = [gpiozero.MCP3208(channel, **SPI) for channel in range(CHANNELS)]

    def write(self, mask):
        """Drive the outputs."""
        for bit, device in self.drivers:
            device.pin.state = bool(mask & bit)

    def level(self, number):
        """Whether an input is high."""
        return bool(self._inputs[number].pin.state)

    def mv(self, channel):
        """What a channel of the converter is at."""
        return self._measured[channel].raw_value * FULL_SCALE_MV // STEPS

    def close(self):
        """Outputs low, then every pin an input: from here on the pull-downs at the drivers hold them."""
        self.write(0)
        for device in [device for _, device in self.drivers] + list(self._inputs.values()) + self._measured:
            device.close()
        self.factory.close()


class Board:
    """`flash` is the center's folder with a slash at its end; `watchdog` has feed(); `cause` is why this program was started.

    Its thread plays from `start` to `close`.
    """

    kind = KIND

    def __init__(self, flash, pins, watchdog, settings, cause):
        self.flash = flash
        self._pins = pins
        self._watchdog = watchdog
        self._cause = cause
        self._clock = Clock(self.ticks_ms)
        self._player = Player()
        self._readings = Readings()
        self._motion = settings.get("motion")
        self._meter = Meter(pins, settings)
        self._pulse = self._pulse_turns = 0
        self._turns = 0
        # Nothing may be written after the outputs were switched off by what was worked out before.
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._play, name="player", daemon=True)
        self._poll = select.poll()
        self._poll.register(STDIN, select.POLLIN)
        self._typed = b""
        self.hold(HOLD_MS)
        for name, wanted in (("siren", "relay"), ("rf", False)):
            if settings.get(name) != wanted:
                self.log("setting %s: this board has no such hardware, it is not used" % name)

    def start(self):
        """The thread plays and looks at the buttons from now on."""
        self._thread.start()

    def close(self):
        """The thread ends, the outputs are off."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(1)
        self.outputs_off()

    def outputs_off(self):
        """Every output off, at once."""
        with self._lock:
            self._player.score = ()
            self._pulse_turns = 0
            self._pins.write(0)

    def play(self, score):
        """What the thread plays from now on (firmware.score)."""
        self._player.score = score

    def pulse(self, mask, lasting_ms):
        """A test pulse too short to be heard; the mA that flowed at its end. Nothing moves while something loud plays."""
        for one in self._player.score:
            if one[0] & (LOUD | POWER):
                return 0
        try:
            if mask & POWER:
                self._drive(POWER, boards.POWER_SETTLE_MS)
            self._drive(mask, lasting_ms + (boards.RELAY_MS if mask & SIREN else 0))
            return self._meter.milliamperes(OUTPUTS.index(mask & ~POWER or SIREN))
        finally:
            with self._lock:
                self._pulse_turns = 0
                self._pins.write(levels(self._player.score, self.ticks_ms()))

    def hold(self, hold_ms):
        """How long a button must be held for the thread to latch it."""
        self._player.latches = (Latch(hold_ms, PERIOD_MS), Latch(hold_ms, PERIOD_MS))

    def look(self):
        """What the board senses now; the same object again and again."""
        if self._problem is not None:
            raise RuntimeError("the player has ended: %r" % (self._problem,))
        now, now_ms, level = self._readings, self._clock.ms(), self._pins.level
        panic, silent = self._player.latches
        now.panic = panic.level(not level(PANIC), now_ms)
        now.silent = silent.level(not level(SILENT), now_ms)
        # Wires that lead nowhere: cabinet open, mains lost.
        now.tamper = level(CABINET)
        now.mains = level(MAINS)
        now.motion = bool(self._motion) and level(MOTION)
        self._meter.read(now)
        return now

    def receive(self):
        """There is no receiver for fobs: said once, when the board was made."""

    def codes(self):
        """No radio codes."""
        return ()

    def typed(self):
        """The next line of standard input, or None; never waits. A service has none, somebody who starts it by hand has."""
        while b"\n" not in self._typed and self._poll is not None and self._poll.poll(0):
            octets = os.read(STDIN, LINE_OCTETS)
            if not octets:
                self._poll = None
            self._typed += octets
            if len(self._typed) > LINE_OCTETS and b"\n" not in self._typed:
                self._typed = b""
                self.say("that line is too long: it is forgotten")
        line, end, rest = self._typed.partition(b"\n")
        if not end:
            return None
        self._typed = rest
        return line.decode(errors="replace").strip()

    def say(self, text):
        """Lines on standard output: the terminal, or the journal."""
        print(text, flush=True)

    log = say

    def feed(self):
        """The loop is alive, and with it the thread, or the watchdog gets nothing."""
        if self._player.turns != self._turns:
            self._turns = self._player.turns
            self._watchdog.feed()

    def restart(self):
        """Outputs off, then the end of the program, which systemd starts anew; does not return."""
        self.outputs_off()
        sys.exit(0)

    def free(self):
        """Octets of the file system that are free."""
        found = os.statvfs(self.flash)
        return found.f_bsize * found.f_bavail

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30."""
        return time.monotonic_ns() // 1000000 & TICKS_MASK

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.words.BOOT_CAUSES)."""
        return self._cause

    def runtime(self):
        """What the interpreter says of itself."""
        return "CPython v%d.%d.%d" % sys.version_info[:3]

    def set_clock(self, unix_s):
        """Nothing to set: certificates are checked by the machine's own clock, which time synchronisation keeps."""

    def clock_behind(self):
        """Nothing to set: see set_clock."""

    def turn(self):
        """One period of what a board's timer interrupt does: the buttons, the score within its limit, a test pulse."""
        with self._lock:
            self._player.sample(0, not self._pins.level(PANIC))
            self._player.sample(1, not self._pins.level(SILENT))
            mask = self._player.turn(self.ticks_ms())
            if self._pulse_turns:
                # A program that stands still in the middle of a test leaves nothing on.
                self._pulse_turns -= 1
                mask |= self._pulse
            self._pins.write(mask)

    def _play(self):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        except OSError as error:
            self.log("the player has no high priority: %s" % error)
        due = time.monotonic()
        try:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                self.turn()
                # A period that was missed is not made up for.
                due = max(due + PERIOD_MS / 1000, time.monotonic())
        except Exception as error:
            # `look` ends the program with it; a loop that stands still is ended by the watchdog, which gets nothing more.
            self._problem = error
            self.outputs_off()

    def _drive(self, mask, lasting_ms):
        with self._lock:
            self._pulse = mask
            self._pulse_turns = lasting_ms // PERIOD_MS + 2
            self._pins.write(levels(self._player.score, self.ticks_ms()) | mask)
        time.sleep(lasting_ms / 1000)
