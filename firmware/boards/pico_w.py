"""Raspberry Pi Pico W in the alarm cabinet: which GPIO does what, its timers and its converter. Read by firmware.board.

Outputs are high for on and have pull-downs at the drivers, so a processor in reset switches nothing on. Behind the siren
stands a timer relay that no software reaches. The wiring is drawn in docs/boards/pico_w.md.
"""

import time

import machine
from machine import ADC, Pin, Timer

from firmware.boards import BATTERY
from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

KIND = "pico_w"
OUTPUTS = ((SIREN, 2), (STROBE, 3), (FLOODLIGHT, 4), (INDICATOR, 5), (POWER, 6))
# S0, S1 and S2 of the CD74HC4051, whose common pin is MEASURED.
SELECT = (7, 8, 9)
# Buttons and the cabinet's contact close to ground; the contact is closed while the cabinet is.
PANIC = 10
SILENT = 11
CABINET = 12
# High while the mains supply is there, high while something moves.
MAINS = 13
MOTION = 14
# Data of the 433 MHz receiver.
RECEIVER = 15
# UART and its pins for the RS-485 line: transmitter, receiver, driver enable (high drives the line).
LINE = (0, 16, 17, 18)
BATTERY_PIN = 26
MEASURED = 27

# The RP2040's watchdog counts to 8,388 ms at most.
WATCHDOG_MS = 8000
# An LM4040 holds the converter's reference at 3.0 V.
FULL_SCALE_MV = 3000
# The multiplexer switches in less than a microsecond; the capacitors at its inputs need a few to fill the converter's.
SETTLE_US = 5

# Loading this file drives every output low, before anything that takes time or may fail.
DRIVERS = tuple([(mask, Pin(number, Pin.OUT, value=0)) for mask, number in OUTPUTS])


def make_timer(_number):
    """A timer; it runs once `start` was called with it, and must be kept: what is collected runs no more."""
    return Timer(-1)


def start(timer, period_ms, callback, mode):
    """Calls back in a hard interrupt, also during a TLS handshake; not while flash is erased or written."""
    timer.init(period=period_ms, mode=mode, callback=callback, hard=True)


def watch_edges(pin, callback):
    """Calls back in a hard interrupt at every edge of a pin."""
    pin.irq(callback, Pin.IRQ_RISING | Pin.IRQ_FALLING, hard=True)


def cause():
    """Of protocol.words.BOOT_CAUSES. The chip tells no more: a restart that was asked for looks like the watchdog's."""
    return {machine.PWRON_RESET: 1, machine.WDT_RESET: 2}.get(machine.reset_cause(), 0)


class Converter:
    """Three analog pins are too few: the battery has one, all else shares another behind a multiplexer."""

    def __init__(self):
        self._battery = ADC(Pin(BATTERY_PIN))
        self._measured = ADC(Pin(MEASURED))
        self._select = [Pin(number, Pin.OUT, value=0) for number in SELECT]

    def mv(self, channel):
        """What a channel is at, the mean of four."""
        adc = self._battery
        if channel != BATTERY:
            adc = self._measured
            for pin in self._select:
                pin.value(channel & 1)
                channel >>= 1
            time.sleep_us(SETTLE_US)
        total = adc.read_u16() + adc.read_u16() + adc.read_u16() + adc.read_u16()
        return total * FULL_SCALE_MV // (4 * 0xFFFF)
