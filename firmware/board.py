"""The Pico W as the app sees it: the only file that touches hardware. Loading it switches every output off.

It decides nothing, but for one thing: what is loud goes off at the limit, by an interrupt, whatever the program above does.
"""

import json
import os
import sys
import time

import machine
import network
from machine import ADC, RTC, WDT, Pin, Timer

from firmware import almanac
from firmware.boards import pico_w as pins
from firmware.clock import Clock
from firmware.inputs import HOLD_MS, Latch
from firmware.limit import LIMIT_MS, Limit
from protocol.codes import FLOODLIGHT, INDICATOR, LOUD, SIREN, STROBE

# Before anything else that takes time or may fail.
_OUTPUTS = [
    (mask, Pin(number, Pin.OUT, value=0))
    for mask, number in (
        (SIREN, pins.SIREN), (STROBE, pins.STROBE), (FLOODLIGHT, pins.FLOODLIGHT), (INDICATOR, pins.INDICATOR),
    )
]  # fmt: skip
_SENSES = (
    (SIREN, pins.SIREN_SENSE), (STROBE, pins.STROBE_SENSE), (FLOODLIGHT, pins.FLOODLIGHT_SENSE),
    (INDICATOR, pins.INDICATOR_SENSE),
)  # fmt: skip
_CAUSES = {machine.PWRON_RESET: 1, machine.WDT_RESET: 2}

JOIN_MS = 15000
SAMPLE_MS = 20


def outputs_off():
    """Every output off."""
    for _, pin in _OUTPUTS:
        pin.value(0)


def restart():
    """Outputs off, then a reset of the processor; does not return."""
    outputs_off()
    machine.reset()


class Board:
    """Made once. `flash` is the folder of what enrolment wrote; its device.json also has `wifi` with `ssid` and `key`."""

    def __init__(self, flash):
        self.flash = flash
        device = json.loads(_octets(flash + "device.json").decode())
        self._wifi = device["wifi"]
        self._clock = Clock(time.ticks_ms)
        self._senses = [(mask, Pin(number, Pin.IN, Pin.PULL_DOWN)) for mask, number in _SENSES]
        self._cabinet = Pin(pins.CABINET, Pin.IN, Pin.PULL_UP)
        self._mains = Pin(pins.MAINS, Pin.IN, Pin.PULL_DOWN)
        self._battery = ADC(pins.BATTERY)
        hold_ms = device.get("hold_ms", HOLD_MS)
        self._panic = (Pin(pins.PANIC, Pin.IN, Pin.PULL_UP), Latch(hold_ms, SAMPLE_MS))
        self._silent = (Pin(pins.SILENT, Pin.IN, Pin.PULL_UP), Latch(hold_ms, SAMPLE_MS))
        self._limit = Limit()
        self._limit_timer = Timer(-1)
        self._buttons = (self._panic, self._silent)
        # Hard interrupts: they also run while a TLS handshake keeps the interpreter busy, and must take no memory.
        self._sampler = Timer(-1)
        self._sampler.init(period=SAMPLE_MS, mode=Timer.PERIODIC, callback=self._sample, hard=True)
        self._behind = 0
        self._told_s = _number(_octets(flash + "clock"))
        self._known = (self._told_s, almanac.begins(_octets(flash + "cert.der")))
        _set_rtc(almanac.guess(self._known, 0))
        self._wlan = network.WLAN(network.WLAN.IF_STA)
        self._wlan.active(True)
        # Power saving of the radio would hold an alert back for a tenth of a second and more.
        self._wlan.config(pm=network.WLAN.PM_NONE)
        self._joined_ms = None
        self._watchdog = WDT(timeout=pins.WATCHDOG_MS)

    def outputs_off(self):
        """Every output off."""
        self.set_outputs(0)

    def set_outputs(self, mask):
        """Switch the outputs to these levels; nothing loud beyond the limit."""
        now_ms = self._clock.ms()
        if self._limit.begins(mask, now_ms):
            self._limit_timer.init(period=LIMIT_MS, mode=Timer.ONE_SHOT, callback=self._cut, hard=True)
        allowed = self._limit.allowed(mask, now_ms)
        for bit, pin in _OUTPUTS:
            pin.value(1 if allowed & bit else 0)

    def measured(self):
        """The mask of outputs through which current flows."""
        mask = 0
        for bit, pin in self._senses:
            if pin.value():
                mask |= bit
        return mask

    def inputs(self):
        """Buttons, cabinet, mains and battery. A hold that ended while the program was busy is still seen for a while."""
        now_ms = self._clock.ms()
        return {
            "panic": _held(self._panic, now_ms),
            "silent": _held(self._silent, now_ms),
            "tamper": bool(self._cabinet.value()),
            "mains": bool(self._mains.value()),
            "battery_mv": self._battery.read_u16() * pins.BATTERY_FULL_MV // 0xFFFF,
        }

    def feed(self):
        """The loop is alive: feed the watchdog, and now and then see whether the network is still there."""
        self._watchdog.feed()
        now_ms = self._clock.ms()
        if self._joined_ms is None or now_ms - self._joined_ms >= JOIN_MS:
            self._joined_ms = now_ms
            if not self._wlan.isconnected():
                self._wlan.connect(self._wifi["ssid"], self._wifi["key"])

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30."""
        return time.ticks_ms()

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.words.BOOT_CAUSES). A reset by software looks like the watchdog's."""
        return _CAUSES.get(machine.reset_cause(), 0)

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
            _replace(self.flash + "clock", b"%d" % unix_s)

    def clock_behind(self):
        """A certificate of ours begins later than this clock says, and no TIME came yet: go on by a month."""
        self._behind += 1
        _set_rtc(almanac.guess(self._known, self._behind))

    def _cut(self, _):
        # An interrupt: it takes no memory, and what it switches off stays off until a rest.
        self._limit.cut = True
        for bit, pin in _OUTPUTS:
            if bit & LOUD:
                pin.value(0)

    def _sample(self, _):
        for pin, latch in self._buttons:
            latch.sample(not pin.value())


def _held(button, now_ms):
    pin, latch = button
    return latch.level(not pin.value(), now_ms)


def _set_rtc(unix_s):
    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s)[:7]
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _octets(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _number(octets):
    try:
        return int(octets.decode() or "0")
    except ValueError:
        return 0


def _replace(path, octets):
    try:
        with open(path + "-new", "wb") as file:
            file.write(octets)
        os.rename(path + "-new", path)
    except OSError as error:
        print("not kept: %s: %r" % (path, error))
