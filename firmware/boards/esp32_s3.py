"""ESP32-S3 (DevKitC-1) in the alarm cabinet: which GPIO does what, its timers and its converter. Read by firmware.board.

No strapping pin (0, 3, 45, 46), none of flash, PSRAM, USB or the serial console; JTAG is on USB. The chip's weak pull-ups may be
on while it starts, so drivers need pull-downs of 2.2 kOhm. The wiring is drawn in docs/boards/esp32_s3.md.
"""

import machine
from machine import ADC, Pin, Timer

from protocol.codes import FLOODLIGHT, INDICATOR, POWER, SIREN, STROBE

KIND = "esp32_s3"
OUTPUTS = ((SIREN, 11), (STROBE, 12), (FLOODLIGHT, 13), (INDICATOR, 14), (POWER, 15))
# Buttons and the cabinet's contact close to ground; the contact is closed while the cabinet is.
PANIC = 16
SILENT = 17
CABINET = 18
# High while the mains supply is there, high while something moves.
MAINS = 21
MOTION = 47
# Data of the 433 MHz receiver.
RECEIVER = 10
# UART and its pins for the RS-485 line: transmitter, receiver, driver enable (high drives the line).
LINE = (1, 39, 40, 41)
# Pins of the first converter by channel: currents of siren, strobe, floodlight, indicator; microphone, light, charger,
# battery. The second converter is the radio's.
MEASURED = (1, 2, 4, 5, 6, 7, 8, 9)

# The port sets no limit; the same as on the other board.
WATCHDOG_MS = 8000

# Loading this file drives every output low, before anything that takes time or may fail.
DRIVERS = tuple([(mask, Pin(number, Pin.OUT, value=0)) for mask, number in OUTPUTS])


def make_timer(number):
    """One of the four hardware timers."""
    return Timer(number)


def start(timer, period_ms, callback, mode):
    """Calls back between two bytecodes of the program: this port refuses `hard=True`, see docs/decisions/0010."""
    timer.init(period=period_ms, mode=mode, callback=callback)


def watch_edges(pin, callback):
    """Calls back between two bytecodes after an edge of a pin; those that come too close together are lost."""
    pin.irq(callback, Pin.IRQ_RISING | Pin.IRQ_FALLING)


def cause():
    """Of protocol.words.BOOT_CAUSES. A brown-out counts as power on, a panic of the system as a software reset."""
    known = {machine.PWRON_RESET: 1, machine.WDT_RESET: 2, machine.HARD_RESET: 3, machine.SOFT_RESET: 3}
    return known.get(machine.reset_cause(), 0)


class Converter:
    """Each channel has a pin of its own; the chip's own calibration makes volts of what it reads."""

    def __init__(self):
        self._adc = [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in MEASURED]

    def mv(self, channel):
        """What a channel is at, the mean of four; from about 3,100 on it stays at that."""
        adc = self._adc[channel]
        return (adc.read_uv() + adc.read_uv() + adc.read_uv() + adc.read_uv()) // 4000
