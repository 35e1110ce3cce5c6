"""The Pico W as the app sees it: the only file that touches hardware. Loading it switches every output off.

It decides nothing: what moves, and for how long, is the center's business.
"""

import os
import sys
import time

import machine
import network
from machine import ADC, WDT, Pin

from firmware import almanac
from firmware.boards import pico_w as pins

# Before anything else that takes time or may fail.
_OUTPUTS = [(mask, Pin(number, Pin.OUT, value=0)) for mask, number in pins.OUTPUTS]

FLASH = "/device/"
NETWORK_MS = 10000
_CLOCK_FILE = FLASH + "clock"


def outputs_off():
    """Every output off."""
    for _, pin in _OUTPUTS:
        pin.value(0)


def restart(after_ms):
    """Outputs off, then a reset of the processor; does not return."""
    outputs_off()
    time.sleep_ms(after_ms)
    machine.reset()


class Board:
    """Made once. `flash` holds what enrolment wrote, and `network.json` with `ssid` and `key` of the wireless network."""

    def __init__(self, settings):
        self.flash = FLASH
        self._senses = [(mask, Pin(number, Pin.IN, Pin.PULL_DOWN)) for mask, number in pins.SENSES]
        self._panic = Pin(pins.PANIC, Pin.IN, Pin.PULL_UP)
        self._silent = Pin(pins.SILENT, Pin.IN, Pin.PULL_UP)
        self._cabinet = Pin(pins.CABINET, Pin.IN, Pin.PULL_UP)
        self._mains = Pin(pins.MAINS, Pin.IN, Pin.PULL_DOWN)
        self._battery = ADC(pins.BATTERY)
        self._cause = machine.reset_cause()
        self._settings = settings
        self._behind = 0
        self._told_s = _read_clock()
        self._known = (self._told_s, almanac.begins(_octets(FLASH + "cert.der")))
        _set_rtc(almanac.guess(self._known, 0))
        self._wlan = network.WLAN(network.STA_IF)
        self._wlan.active(True)
        self._looked_ms = time.ticks_add(time.ticks_ms(), -NETWORK_MS)
        self._watchdog = WDT(timeout=pins.WATCHDOG_MS)

    def outputs_off(self):
        """Every output off."""
        outputs_off()

    def set_outputs(self, mask):
        """Switch the outputs to these levels."""
        for bit, pin in _OUTPUTS:
            pin.value(1 if mask & bit else 0)

    def measured(self):
        """The mask of outputs through which current flows."""
        mask = 0
        for bit, pin in self._senses:
            if pin.value():
                mask |= bit
        return mask

    def inputs(self):
        """Buttons, cabinet, mains and battery."""
        return {
            "panic": not self._panic.value(),
            "silent": not self._silent.value(),
            "tamper": bool(self._cabinet.value()),
            "mains": bool(self._mains.value()),
            "battery_mv": self._battery.read_u16() * pins.BATTERY_FULL_MV // 0xFFFF,
        }

    def feed(self):
        """The loop is alive: feed the watchdog, and now and then see whether the network is still there."""
        self._watchdog.feed()
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._looked_ms) >= NETWORK_MS:
            self._looked_ms = now_ms
            if not self._wlan.isconnected():
                self._wlan.connect(self._settings["ssid"], self._settings["key"])

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30."""
        return time.ticks_ms()

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.codes.BOOT_CAUSES). A reset by software looks like the watchdog's."""
        return 2 if self._cause == machine.WDT_RESET else 1

    def log(self, text):
        """One line on the serial console."""
        print(text)

    def runtime(self):
        """What the interpreter says of itself."""
        version = ".".join([str(part) for part in sys.implementation.version[:3]])
        return "MicroPython %s on %s" % (version, sys.platform)

    def set_clock(self, unix_s):
        """The true time, from a TIME; remembered for the next start about once a day."""
        _set_rtc(unix_s)
        if not 0 <= unix_s - self._told_s < almanac.DAY_S:
            self._told_s = unix_s
            _write_clock(unix_s)

    def clock_behind(self):
        """A certificate of ours begins later than this clock says, and no TIME came yet: go on by a month."""
        self._behind += 1
        _set_rtc(almanac.guess(self._known, self._behind))


def _set_rtc(unix_s):
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _octets(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _read_clock():
    try:
        return int(_octets(_CLOCK_FILE).decode() or "0")
    except ValueError:
        return 0


def _write_clock(unix_s):
    try:
        with open(_CLOCK_FILE + "-new", "wb") as file:
            file.write(str(unix_s).encode())
        os.rename(_CLOCK_FILE + "-new", _CLOCK_FILE)
    except OSError as error:
        print("clock not remembered: %r" % (error,))
