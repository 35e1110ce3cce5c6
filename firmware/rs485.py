"""The RS-485 line of a board: a UART and the pin that enables its driver. Loaded by board where device.json has `serial`.

It touches hardware, and knows nothing of what is said.
"""

from machine import UART, Pin

# More than the longest message: what comes while flash is written waits here.
BUFFER_OCTETS = 1536


class Line:
    """`pins` are UART number, transmitter, receiver and driver enable; `options` has `baud`, 115,200 unless told."""

    def __init__(self, pins, options):
        number, transmitter, receiver, enable = pins
        # First of all: a driver that stays on would mute everybody.
        self._enable = Pin(enable, Pin.OUT, value=0)
        self._baud = options.get("baud", 115200)
        self._uart = UART(number, self._baud, tx=Pin(transmitter), rx=Pin(receiver), rxbuf=BUFFER_OCTETS)

    def read(self):
        """What came; never waits."""
        return self._uart.read() if self._uart.any() else b""

    def write(self, octets):
        """Begin to send; the milliseconds that it takes. `finish` must follow."""
        self._enable.value(1)
        self._uart.write(octets)
        return len(octets) * 10000 // self._baud

    def finish(self):
        """Wait for the end of what is sent, and give the line free."""
        self._uart.flush()
        self._enable.value(0)
