"""A board of a few lines on either interpreter: `stub_board.py FOLDER`. Says `o MASK`, `l TEXT`; hears `set NAME VALUE`."""

import gc
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # as firmware.main does

import asyncio
import os
import select
import time

from firmware.app import run
from firmware.readings import Readings
from firmware.score import TICKS_MASK, levels

OUTPUTS = 0x0F


class Board:
    """What is commanded is what is measured; `flash` is the device's folder."""

    kind = "unix"

    def __init__(self, flash):
        self.flash = flash
        self._score = ()
        self._mask = 0
        self._readings = Readings()
        self._readings.battery_mv = 12600
        self._poll = None

    def outputs_off(self):
        self.play(())
        self._say("o 0")

    def play(self, score):
        self._score = score
        self._turn()

    def pulse(self, mask, _lasting_ms):
        return 1000 if mask & OUTPUTS else 0

    def look(self):
        self._turn()
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(sys.stdin, select.POLLIN)
        while self._poll.poll(0):
            line = sys.stdin.readline()
            if not line:
                sys.exit(0)  # Whoever started this is gone.
            _, name, value = line.split()
            setattr(self._readings, name, int(value))
        return self._readings

    def _turn(self):
        mask = levels(self._score, self.ticks_ms()) & OUTPUTS
        if mask == self._mask:
            return
        self._mask = mask
        for bit, name in ((1, "siren_ma"), (2, "strobe_ma"), (4, "floodlight_ma"), (8, "indicator_ma")):
            setattr(self._readings, name, 1000 if mask & bit else 0)
        self._say(f"o {mask}")

    def line(self, options):
        from simulator.device.line import Line

        return Line(options)

    def hold(self, hold_ms):
        pass

    def typed(self):
        return None

    def say(self, text):
        self._say("c " + text)

    def free(self):
        return 1 << 20

    def feed(self):
        pass

    def restart(self):
        sys.exit(3)

    def ticks_ms(self):
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms() & TICKS_MASK
        return int(time.monotonic() * 1000) & TICKS_MASK

    def random(self, count):
        return os.urandom(count)

    def boot_cause(self):
        return 1

    def set_clock(self, unix_s):
        pass

    def clock_behind(self):
        pass

    def log(self, text):
        self._say("l " + text)

    def runtime(self):
        return sys.implementation.name

    def _say(self, line):
        sys.stdout.write(line + "\n")
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run(Board(sys.argv[1] + "/")))
