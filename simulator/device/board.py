"""The simulated board as the firmware sees it: same methods as firmware.board, over a loopback socket.

Lines to the board process: `o MASK` outputs, `f` feeds the watchdog, `l TEXT` log, `r TEXT` what the interpreter
reports. Lines from it: `i PANIC SILENT TAMPER MAINS BATTERY MEASURED CAUSE` at every change.
"""

import os
import select
import socket
import sys
import time

FEED_MS = 500


class Board:
    """Connects to the board process; `flash` is the device's folder with a slash at its end."""

    def __init__(self, port, name, flash):
        self.flash = flash
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        # TCP_NODELAY by number: MicroPython has no name for it. A siren must not wait for the echo of a feed.
        self._socket.setsockopt(6, 1, 1)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._pending = b""
        self._mask = None
        self._fed_ms = 0
        self._values = None
        self._say("hello " + name)
        self._say("r " + self.runtime())
        while self._values is None:
            self._read(True)

    def outputs_off(self):
        """Every output off."""
        self.set_outputs(0)

    def set_outputs(self, mask):
        """Switch the outputs to these levels."""
        if mask != self._mask:
            self._mask = mask
            self._say("o %d" % mask)

    def measured(self):
        """The mask of outputs that the board's current sensing says are on."""
        self._read(False)
        return self._values[5]

    def inputs(self):
        """Buttons, cabinet, mains and battery."""
        self._read(False)
        panic, silent, tamper, mains, battery_mv = self._values[:5]
        return {
            "panic": bool(panic), "silent": bool(silent), "tamper": bool(tamper), "mains": bool(mains),
            "battery_mv": battery_mv,
        }  # fmt: skip

    def feed(self):
        """Tell the watchdog that the loop is alive."""
        now_ms = self.ticks_ms()
        if (now_ms - self._fed_ms) % (1 << 30) >= FEED_MS:
            self._fed_ms = now_ms
            self._say("f")

    def ticks_ms(self):
        """A count of milliseconds that wraps at 2**30, as on boards."""
        if hasattr(time, "ticks_ms"):
            return time.ticks_ms() & ((1 << 30) - 1)
        return int(time.monotonic() * 1000) & ((1 << 30) - 1)

    def random(self, count):
        """Random octets."""
        return os.urandom(count)

    def boot_cause(self):
        """Why this program was started (protocol.codes.BOOT_CAUSES)."""
        return self._values[6]

    def log(self, text):
        """One line for whoever looks at the board's console."""
        self._say("l " + text.replace("\n", " "))

    def runtime(self):
        """What the interpreter says of itself."""
        name = "MicroPython" if sys.implementation.name == "micropython" else "CPython"
        parts = [str(part) for part in sys.implementation.version]
        stage = parts[3] if len(parts) > 3 and parts[3] not in ("", "final") else ""
        return "%s v%s%s" % (name, ".".join(parts[:3]), "-" + stage if stage else "")

    def _say(self, line):
        octets = (line + "\n").encode()
        while octets:
            octets = octets[self._socket.send(octets) :]

    def _read(self, wait):
        while self._poll.poll(-1 if wait else 0):
            octets = self._socket.recv(1024)
            if not octets:
                # The board lost its power.
                sys.exit(0)
            self._pending += octets
            lines = self._pending.split(b"\n")
            self._pending = lines[-1]
            for line in lines[:-1]:
                if line.startswith(b"i "):
                    self._values = [int(part) for part in line.split()[1:]]
            wait = False
