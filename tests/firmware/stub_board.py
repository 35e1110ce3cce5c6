"""A board of a few lines on either interpreter: `stub_board.py FOLDER`. Says `o MASK`, `l TEXT`; hears `set NAME VALUE`."""

import asyncio
import os
import select
import sys
import time

from firmware.app import run


class Board:
    """What is commanded is what is measured; `flash` is the device's folder."""

    def __init__(self, flash):
        self.flash = flash
        self._mask = 0
        self._values = {"panic": 0, "silent": 0, "tamper": 0, "mains": 1, "battery_mv": 12600}
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def outputs_off(self):
        self.set_outputs(0)

    def set_outputs(self, mask):
        self._mask = mask
        self._say(f"o {mask}")

    def measured(self):
        return self._mask

    def inputs(self):
        while self._poll.poll(0):
            line = sys.stdin.readline()
            if not line:
                sys.exit(0)  # Whoever started this is gone.
            _, name, value = line.split()
            self._values[name] = int(value)
        values = {name: bool(value) for name, value in self._values.items()}
        values["battery_mv"] = self._values["battery_mv"]
        return values

    def feed(self):
        pass

    def ticks_ms(self):
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms() & ((1 << 30) - 1)
        return int(time.monotonic() * 1000) & ((1 << 30) - 1)

    def random(self, count):
        return os.urandom(count)

    def boot_cause(self):
        return 1

    def log(self, text):
        self._say("l " + text)

    def runtime(self):
        return sys.implementation.name

    def _say(self, line):
        sys.stdout.write(line + "\n")
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


asyncio.run(run(Board(sys.argv[1] + "/")))
