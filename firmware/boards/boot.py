"""The board's own /boot.py, laid down once; no update replaces it. Outputs off, then the slot whose program starts.

/choose.py beside it is firmware/boot.py. Nothing of a slot is believed here, hence raw pin numbers.
"""

import os
import sys

from machine import Pin

for number in (2, 3, 4, 5, 6) if sys.platform == "rp2" else (11, 12, 13, 14, 15):
    Pin(number, Pin.OUT, value=0)
try:
    from choose import choose  # pyright: ignore[reportMissingImports]

    choose("/device/", os)
except Exception as error:
    # Raised further it would keep MicroPython from running main.py, and with that from a restart.
    print("boot: %r" % (error,))
