"""A Raspberry Pi of gpiozero's mock pins with an MCP3208: `mock_pi.py FOLDER` runs the center on it and says `o MASK`.

What an output that is on draws is 1 A, 40 mA the indicator; the battery is at 12.6 V, the cabinet shut, mains there.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin, MockSPIDevice

from firmware.boards import BATTERY, MA_PER_V
from firmware.boards.pi import run
from firmware.boards.raspberry_pi import CABINET, FULL_SCALE_MV, MAINS, OUTPUT_PINS, SPI, STEPS, Pins
from protocol.codes import INDICATOR, OUTPUTS

BATTERY_MV = 12_600 * 10 // 57


class Pi:
    """`changed` is called with the mask of outputs at each change; `dead` is a mask of what draws no current."""

    def __init__(self, changed: Callable[[int], None] = lambda mask: None) -> None:
        pi = self
        self.mask = self.dead = 0
        self.changed = changed
        bits = {number: bit for bit, number in OUTPUT_PINS}

        class Pin(MockPin):
            def _change_state(self, value: Any) -> bool:
                moved = bool(super()._change_state(value))
                bit = bits.get(self.info.name and int(self.info.name.removeprefix("GPIO")), 0)
                if moved and bit:
                    pi.mask = pi.mask | bit if value else pi.mask & ~bit
                    pi.changed(pi.mask)
                return moved

        # gpiozero shares a bus of converters among all factories for as long as anybody holds it; what an earlier board left
        # in a cycle is nobody's.
        gc.collect()
        self.factory = MockFactory(pin_class=Pin)
        self._converter = Converter(self)

    def pins(self) -> Pins:
        """The board's pins, with a shut cabinet and mains."""
        made = Pins(self.factory)
        self.set(CABINET, False)
        self.set(MAINS, True)
        return made

    def set(self, number: int, high: bool) -> None:
        """The level of an input."""
        pin = self.factory.pin(number)
        pin.drive_high() if high else pin.drive_low()

    def cut(self, number: int) -> None:
        """The wire of an input is cut: its pull decides."""
        self.set(number, self.factory.pin(number).pull == "up")

    def output(self, number: int) -> bool | None:
        """Whether an output is high, None when nothing drives it."""
        pin = self.factory.pin(number)
        return bool(pin.state) if pin.function == "output" else None

    def mv(self, channel: int) -> int:
        """What a channel of the converter is at."""
        if channel == BATTERY:
            return BATTERY_MV
        if channel >= len(OUTPUTS) or not self.mask & ~self.dead & OUTPUTS[channel]:
            return 0
        return (40 if OUTPUTS[channel] == INDICATOR else 1000) * 1000 // MA_PER_V[channel]


class Converter(MockSPIDevice):
    """The MCP3208 of the data sheet: a start bit, single-ended, three bits of channel; a null bit and twelve of value."""

    def __init__(self, pi: Pi) -> None:
        super().__init__(**SPI, pin_factory=pi.factory)
        self._pi = pi

    def on_bit(self) -> None:
        begun = self.rx_buf.index(True) if True in self.rx_buf else len(self.rx_buf)
        asked = self.rx_buf[begun:]
        if len(asked) == 5:
            channel = asked[2] << 2 | asked[3] << 1 | asked[4]
            self.tx_buf = []
            self.tx_word(-(-self._pi.mv(channel) * STEPS // FULL_SCALE_MV), 14)


def say(mask: int) -> None:
    """One whole line at once: two threads speak."""
    os.write(1, b"o %d\n" % mask)


if __name__ == "__main__":
    pi = Pi(say)
    run(sys.argv[1], pi.pins(), os.environ, sys.argv[1] + "/watchdog")
