"""The serial port of a modem: a pty behind a symlink that stays the same. Implements `terminal.Port` on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path

READ_OCTETS = 4096
MAX_WAITING = 65536  # octets; nobody reads: what a real line would have lost long ago is dropped


class Pty:
    """A raw pty; `received` gets what the computer writes. Made on the running loop, closed until `open`."""

    def __init__(self, link: Path, received: Callable[[bytes], None]) -> None:
        self.link = link
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._ends: tuple[int, int] | None = None
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._octets = 0  # that wait
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """See `terminal.Port`."""
        if self._ends:
            return
        # The computer's end stays open here too: without that, a program that closes the port would reset it.
        master, slave = self._ends = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.link)
        self._loop.add_reader(master, self._readable, master)

    def close(self) -> None:
        """See `terminal.Port`; the link is gone with it."""
        if not self._ends:
            return
        master, slave = self._ends
        self._ends = None
        self._waiting.clear()
        self._octets = 0
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(master)
        self._loop.remove_writer(master)
        self.link.unlink(missing_ok=True)
        os.close(slave)
        os.close(master)

    def write(self, octets: bytes, gap_s: float) -> None:
        """See `terminal.Port`."""
        if not self._ends or self._octets > MAX_WAITING:
            return
        self._octets += len(octets)
        if gap_s:
            self._waiting.extend((bytes((octet,)), gap_s) for octet in octets)
        else:
            self._waiting.append((octets, 0.0))
        if not self._timer:
            self._flush()

    def _flush(self) -> None:
        """Write until nothing waits, the line is full, or a gap is due."""
        self._timer = None
        while self._ends and self._waiting:
            octets, gap_s = self._waiting[0]
            try:
                written = os.write(self._ends[0], octets)
            except BlockingIOError:
                self._loop.add_writer(self._ends[0], self._flush)
                return
            self._octets -= written
            if written < len(octets):
                self._waiting[0] = (octets[written:], gap_s)
                continue
            self._waiting.popleft()
            if gap_s:
                self._timer = self._loop.call_later(gap_s, self._flush)
                break
        if self._ends:
            self._loop.remove_writer(self._ends[0])

    def _readable(self, master: int) -> None:
        octets = b""
        with contextlib.suppress(OSError):
            octets = os.read(master, READ_OCTETS)
        if octets:
            self._received(octets)
