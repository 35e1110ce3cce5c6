"""A chip of a few lines, of either port: `machine`, `network`, `time` and what else a board file uses, for both interpreters.

It is as strict as the ports are where that matters, by their sources of 1.28 and 1.29: what they refuse is refused here. Time is
virtual; callbacks run with MicroPython's heap locked, so that one that takes memory fails.
"""

import json
import os
import select
import sys
import time
from array import array

# Loaded before any fake is in place: they must keep the real modules.
from firmware import almanac, clock, inputs, limit, player, radio, readings, score, settings
from protocol import codes

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython has no such lock.

    def heap_lock():
        pass

    heap_unlock = heap_lock

REAL = (
    json,
    os,
    select,
    sys,
    time,
    array,
    almanac,
    clock,
    inputs,
    limit,
    player,
    radio,
    readings,
    score,
    settings,
    codes,
)
PLATFORMS = ("rp2", "esp32")
EPOCH_2000_S = 946684800
_TICKS = (1 << 30) - 1
_FAKES = ("sys", "time", "select", "machine", "network", "micropython")
_ANEW = ("firmware.board", "firmware.rs485", "firmware.rtc", "firmware.meter", "firmware.boards", "firmware.boards.pico_w",
         "firmware.boards.esp32_s3")  # fmt: skip


class Names:
    """Something with attributes."""

    def __init__(self, **names):
        for name in names:
            setattr(self, name, names[name])


class Chip:
    """`levels` are the pins' by number, `mv` what each channel of firmware.boards is at, `events` what was done, in order."""

    def __init__(self, platform, cause=1):
        self.platform = platform
        self.levels = {number: 0 for number in range(49)}
        self.mv = [0] * 8
        self.pwm = {}  # pin: duty of 65,535
        self.handlers = {}  # pin: (callback, pin)
        self.timers = []  # those that run
        self.busy = False
        self.late = []
        self.events = []
        self.now_us = 0
        self.typed = b""
        self.wall = None
        self.connected = self.joining = False
        self.cause = cause

    def start(self):
        """Import the board file anew, as a start of this chip does."""
        real = {name: sys.modules.get(name) for name in _FAKES}
        for name in _ANEW:
            sys.modules.pop(name, None)
        sys.modules.update(self.modules())
        try:
            return __import__("firmware.board", None, None, ("Board",))
        finally:
            for name in _FAKES:
                sys.modules.pop(name)
                if real[name] is not None:
                    sys.modules[name] = real[name]

    def modules(self):
        """The modules that this chip stands for."""
        from tests.firmware.pins import machine

        poll = Names(register=lambda stream, mask: None, poll=lambda _ms: [(0, 1)] if self.typed else [])
        chip = self

        class Wlan:
            IF_STA, PM_NONE = 0, 16

            def __init__(self, _interface):
                self.active = lambda _on: None
                self.config = lambda pm: None
                self.isconnected = lambda: chip.connected
                self.connect = chip.connect

        return {
            "sys": Names(
                platform=self.platform, stdin=Names(buffer=Names(read=self._read)), modules=sys.modules,
                implementation=Names(version=(1, 29, 0, "")),
            ),
            "time": Names(
                ticks_ms=self.ticks_ms, ticks_us=lambda: self.now_us & _TICKS, gmtime=self._gmtime,
                ticks_diff=lambda later, earlier: (later - earlier + (1 << 29) & _TICKS) - (1 << 29),
                sleep_ms=lambda ms: self.run(ms), sleep_us=lambda us: None,
            ),
            "select": Names(POLLIN=1, poll=lambda: poll),
            "machine": machine(self),
            "network": Names(WLAN=Wlan),
            "micropython": Names(kbd_intr=lambda octet: self.events.append(("interrupt octet", octet))),
        }  # fmt: skip

    def ticks_ms(self):
        """As on boards, it wraps."""
        return self.now_us // 1000 & _TICKS

    def on(self, number):
        """Whether something is driven by a pin: high, or swinging."""
        return self.pwm[number] > 0 if number in self.pwm else self.levels[number] > 0

    def run(self, ms):
        """Time passes and only interrupts run. While the program is `busy`, in one long call of C as in a TLS handshake,
        what is no hard timer has to wait, and then runs once."""
        end_us = self.now_us + ms * 1000
        if not self.busy:
            while self.late:
                self.interrupt(self.late.pop(0).callback, None)
        while True:
            timer = None
            for one in self.timers:
                if one.due_us <= end_us and (timer is None or one.due_us < timer.due_us):
                    timer = one
            if timer is None:
                break
            self.now_us = max(self.now_us, timer.due_us)
            if timer.mode:
                timer.due_us += timer.period * 1000
            else:
                self.timers.remove(timer)
            if timer.hard or not self.busy:
                self.interrupt(timer.callback, None)
            elif timer not in self.late:
                self.late.append(timer)
        self.now_us = end_us

    def edge(self, number, level):
        """A pin changes its level, and whoever watches it is called."""
        self.levels[number] = level
        if number in self.handlers:
            self.interrupt(*self.handlers[number])

    def interrupt(self, callback, argument):
        """Call it as a hard interrupt is called: without memory."""
        heap_lock()
        try:
            callback(argument)
        finally:
            heap_unlock()

    def connect(self, ssid, _key):
        """Join a network; the ESP32 refuses while it is at it by itself."""
        if self.joining:
            raise OSError("sta is connecting, cannot set config")
        self.events.append(("join", ssid))

    def _read(self, count):
        octets, self.typed = self.typed[:count], self.typed[count:]
        return octets

    def _gmtime(self, seconds):
        return tuple(time.gmtime(seconds + (EPOCH_2000_S if self.platform == "esp32" else 0)))
