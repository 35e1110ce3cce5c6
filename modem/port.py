"""The serial port of a modem, on the event loop: octets go out, octets and the port's end come in by call.

Opened by `modem.keeper`, through a factory that tests replace. It knows nothing of AT commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
from collections.abc import Callable
from typing import Protocol

import serial

from modem.errors import Unavailable

READ_OCTETS = 4096
MAX_WAITING_OCTETS = 4096  # ten of the longest commands; a modem that takes none of them is dead


class Port(Protocol):
    """An open port."""

    def write(self, octets: bytes) -> None:
        """Send; never waits. Unavailable when the port is gone or takes nothing any more."""

    def close(self) -> None:
        """Give the port back; may be called twice. Nothing is reported after it."""


class Listener(Protocol):
    """Who hears a port."""

    def received(self, octets: bytes) -> None:
        """At least one octet came."""

    def lost(self, reason: str) -> None:
        """The port ended by itself; said once."""


PortFactory = Callable[[str, int, Listener], Port]
"""Path, bits per second and listener give an open port; Unavailable when there is none. Called on the running loop."""


# The library's own sentences name the path twice, and no way out.
_WHY = {
    errno.ENOENT: "it is not there; is the modem plugged in?",
    errno.EACCES: "this user may not use it; put it in the group dialout",
    errno.EAGAIN: "another program has it",
    errno.EBUSY: "another program has it",
}


class SerialPort:
    """A tty or pty: 8N1, no flow control, locked against other programs.

    The descriptor does not block. pyserial only sets the line up: its own read and write would stop the loop.
    """

    def __init__(self, path: str, baud: int, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._waiting = bytearray()
        try:
            self._serial = serial.Serial(path, baud, rtscts=False, dsrdtr=False, xonxoff=False, exclusive=True)
        except (OSError, ValueError, termios.error) as error:
            why = _WHY.get(error.errno or 0, error) if isinstance(error, OSError) else error
            raise Unavailable(f"the modem's port {path} cannot be opened: {why}") from error
        self._fd = self._serial.fileno()
        self._open = True
        self._loop.add_reader(self._fd, self._readable)

    def write(self, octets: bytes) -> None:
        """Send; see `Port`."""
        if not self._open:
            raise Unavailable("the modem's port is closed")
        if len(self._waiting) + len(octets) > MAX_WAITING_OCTETS:
            raise Unavailable("the modem's port takes nothing any more")
        self._waiting += octets
        self._writable()
        if not self._open:
            raise Unavailable("the modem's port is gone")

    def close(self) -> None:
        """Give the port back; see `Port`."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        # Closing a tty waits until what was written has left, up to 30 s on a dead line: that is thrown away first.
        with contextlib.suppress(OSError, termios.error):
            self._serial.reset_output_buffer()
        with contextlib.suppress(OSError):
            self._serial.close()

    def _readable(self) -> None:
        try:
            octets = os.read(self._fd, READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if octets:
            self._listener.received(octets)
        else:  # readable with nothing to read is a line that was hung up
            self._end("the device was hung up")

    def _writable(self) -> None:
        try:
            del self._waiting[: os.write(self._fd, self._waiting)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(str(error))
            return
        if self._waiting:
            self._loop.add_writer(self._fd, self._writable)
        else:
            self._loop.remove_writer(self._fd)

    def _end(self, reason: str) -> None:
        self.close()
        self._listener.lost(f"the modem's port was lost: {reason}")
