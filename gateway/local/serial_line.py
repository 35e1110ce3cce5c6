"""An RS-485 line that centers share: this gateway polls, one center answers at a time. On a thread of its own; made by wiring.

The line's format is protocol.line's, who is polled when is domain.rota's. A line that is away is one fault of this gateway.
"""

from __future__ import annotations

import contextlib
import os
import select
import termios
import threading
import time
from collections.abc import Callable
from functools import partial

import serial

from gateway.domain.rota import Member, Rota
from gateway.ports import LOCAL, SERIAL, Event, LinkChanged, Log, Received
from gateway.sections import SerialSettings
from protocol import line
from protocol.errors import Malformed
from protocol.framing import MAX_FRAME, Deframer
from protocol.line import ANSWER, BRIEF, BRIEF_SIZE, Message
from protocol.topics import LINK, UP, center_name, topic

RETRY_S = 1.0
# What nobody gave an end is worth sending for so long.
_WORTH_S = 30.0
_READ_OCTETS = 4096
# COBS, CRC and header beside a frame.
_BESIDE = 24
_BITS = 10  # of an octet: start, eight, stop


class SerialLine:
    """Implements the local side for the centers on the line; `deliver` takes its events and is called on its thread."""

    side = SERIAL

    def __init__(self, section: SerialSettings, deliver: Callable[[Event], None], log: Log) -> None:
        self.centers = frozenset(section.centers)
        self._section = section
        self._deliver = deliver
        self._log = log
        self._rota = Rota(section.centers)
        # The rota is asked on this thread, and told of frames and of what is stored on others.
        self._lock = threading.Lock()
        self._fresh = threading.Event()
        self._stopping = threading.Event()
        self._open = False
        self._thread = threading.Thread(target=self._keep, name="serial line", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the adapter is there."""
        return self._open

    @property
    def alive(self) -> bool:
        """Whether its thread still tries, connected or not."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to poll; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End; gives up waiting after `timeout_s`."""
        self._stopping.set()
        self._fresh.set()
        self._thread.join(timeout_s)

    def publish(self, center: int, frame: bytes, expiry_s: int | None) -> bool:
        """Hand a center's frame over; False when the adapter is away."""
        if not self._open:
            return False
        now = time.monotonic()
        with self._lock:
            self._rota.put(center, frame, now + (_WORTH_S if expiry_s is None else expiry_s), now)
        self._fresh.set()
        return True

    def _keep(self) -> None:
        told = ""
        while not self._stopping.is_set():
            try:
                with contextlib.closing(self._opened()) as port:
                    told = ""
                    self._begin()
                    self._converse(port.fileno())
            except (OSError, ValueError, termios.error) as error:
                self._open = False
                reason = f"the serial line {self._section.device} is away ({error}); look at the adapter and its cable"
                if reason != told:
                    self._log.error("link_down", side=SERIAL, reason=reason)
                    self._deliver(LinkChanged(SERIAL, False, reason))
                    told = reason
            self._stopping.wait(RETRY_S)

    def _opened(self) -> serial.Serial:
        # pyserial sets the line up; reading and writing it here needs one deadline for a whole answer.
        port = serial.Serial(self._section.device, self._section.baud, exclusive=True)
        # USB adapters would keep octets back for 16 ms. Not every driver knows the question.
        with contextlib.suppress(OSError, ValueError, NotImplementedError):
            port.set_low_latency_mode(True)
        return port

    def _begin(self) -> None:
        with self._lock:
            self._rota.restart(time.monotonic())
        self._open = True
        self._log.info("link_up", side=SERIAL, device=self._section.device, centers=len(self.centers))
        self._deliver(LinkChanged(SERIAL, True, "the line is open"))

    def _converse(self, port: int) -> None:
        """Poll until told to stop; raises OSError when the adapter is gone."""
        while not self._stopping.is_set():
            self._fresh.clear()
            now = time.monotonic()
            with self._lock:
                member = self._rota.next(now)
                poll = self._rota.poll(member, now) if member else None
                wait_s = self._rota.wait_s(now)
            if member is None or poll is None:
                self._fresh.wait(wait_s)
                continue
            answer = self._exchange(port, poll)
            now = time.monotonic()
            with self._lock:
                changed = self._rota.answered(member, answer, now) if answer else self._rota.missed(member, now)
            if changed:
                # As on the broker: a greeting and a last will are hints, only seals prove.
                self._hand(member, LINK, b"1" if answer else b"0")
            if answer and answer.frame:
                self._hand(member, UP, answer.frame, partial(self._taken, member.center, answer.mark))

    def _exchange(self, port: int, poll: Message) -> Message | None:
        """One poll and its answer; None when nothing that is one came in time."""
        octets = line.pack(*poll)
        termios.tcflush(port, termios.TCIFLUSH)
        os.write(port, octets)
        deadline = time.monotonic() + self._wire_s(len(octets)) + self._section.reply_ms / 1000
        longest = self._wire_s((BRIEF_SIZE if poll.control & BRIEF else MAX_FRAME) + _BESIDE)
        deframer = Deframer()
        began = False
        while (left_s := deadline - time.monotonic()) > 0:
            if not select.select([port], [], [], left_s)[0]:
                return None
            got = os.read(port, _READ_OCTETS)
            if not got:
                raise OSError("hung up")
            if not began:
                # Somebody speaks, and may take as long as what may be answered: not longer, whatever it is.
                deadline, began = deadline + longest, True
            for message in deframer.feed(got):
                with contextlib.suppress(Malformed):
                    answer = line.unpack(message)
                    if answer.control & ANSWER and answer.center == poll.center:
                        return answer
        return None

    def _hand(self, member: Member, way: str, payload: bytes, acknowledge: Callable[[], None] = lambda: None) -> None:
        self._deliver(Received(LOCAL, topic(center_name(member.center), way), payload, False, acknowledge))

    def _taken(self, center: int, mark: int) -> None:
        """The gateway has stored what the center said; may be called from any thread."""
        with self._lock:
            self._rota.taken(center, mark)

    def _wire_s(self, octets: int) -> float:
        return octets * _BITS / self._section.baud
