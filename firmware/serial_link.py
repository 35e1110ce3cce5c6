"""The link to the gateway over an RS-485 line: a center speaks only when it is polled, at once or not at all.

Made by app instead of firmware.link, with the same calls, where device.json has `serial`. It never decides anything.
"""

import asyncio

from firmware.outgoing import Outgoing
from protocol.errors import Malformed
from protocol.framing import Deframer
from protocol.line import ANSWER, BRIEF, BRIEF_SIZE, FIRST, MORE, pack, unpack
from protocol.topics import number_of

LOOK_MS = 2
# The gateway waits for at least 25 ms; an answer that begins later than this after its poll might meet the next one.
FRESH_MS = 20
# Not polled for so long: the gateway is away.
LOST_MS = 10000
INFLIGHT = 8


class SerialLink:
    """`port` is the board's line: `read` what came, `write` gives the ms that it takes, `finish` gives the line free."""

    def __init__(self, name, _folder, port, clock, random, receive, connected, _log):
        self._center = number_of(name)
        self._port = port
        self._clock = clock
        self._receive = receive
        self._connected = connected
        self._queue = Outgoing()
        # From a random one on: the gateway may still know those of the boot before.
        self._mark = int.from_bytes(random(2), "big")
        self._flight = {}  # by mark, what was answered and is not stored yet
        self._last = 0  # the mark of the last answer
        self._packed = None, b""  # the frame of that mark, and its octets on the line
        self._polled_ms = self._up_ms = 0
        self._connections = 0
        self.up = self.proven = False
        self.aged = self.clock_behind = None

    def send(self, frame):
        """Say something, as soon as the gateway polls; see Outgoing for what is forgotten when it is long away."""
        self._queue.add(frame, self._clock.ms())

    def described(self):
        """As firmware.link tells it, for the report."""
        return ["serial", (self._clock.ms() - self._up_ms) // 1000 if self.up else None, self._connections]

    async def run(self):
        """For ever."""
        deframer = Deframer()
        looked_ms = self._clock.ms()
        while True:
            since_ms, looked_ms = looked_ms, self._clock.ms()
            octets = self._port.read()
            messages = deframer.feed(octets)
            for message in messages:
                # What is followed by something else was to be answered before that.
                last = message is messages[-1] and not octets[-1]
                if await self._heard(message, since_ms if last else -LOST_MS):
                    looked_ms = self._clock.ms()
            if looked_ms - self._polled_ms > LOST_MS:
                self.up = self.proven = False
            if not octets:
                await asyncio.sleep(LOOK_MS / 1000)

    async def _heard(self, octets, since_ms):
        """Take a message that ended after `since_ms`; whether it was for this center, and answered."""
        try:
            poll = unpack(octets)
        except Malformed:
            return False
        if poll.center != self._center or poll.control & ANSWER:
            return False
        first = poll.control & FIRST or not self.up
        octets = self._pack(0, b"") if first else self._answer(poll)
        now_ms = self._polled_ms = self._clock.ms()
        fresh = now_ms - since_ms <= FRESH_MS
        if fresh:
            await asyncio.sleep(self._port.write(octets) / 1000)
            self._port.finish()
            if first:
                self._open(now_ms)
        # After the answer: what is ordered may take flash and time.
        if poll.frame:
            self._receive(poll.frame, False)
        return fresh

    def _open(self, now_ms):
        """The gateway has just begun, or is back."""
        self._queue.renew()
        self._flight = {}
        self._last = 0
        self.up = True
        self._up_ms = now_ms
        self._connections += 1
        self._connected()

    def _answer(self, poll):
        """The octets of what is said next. What the last answer said goes again when it was not heard."""
        now_ms = self._clock.ms()
        if poll.mark != self._last and self._last in self._flight:
            self._queue.lost(self._flight.pop(self._last))
        if poll.taken in self._flight:
            self._queue.taken(self._flight.pop(poll.taken))
        self._last = 0
        entry = self._queue.due(now_ms, BRIEF_SIZE) or (None if poll.control & BRIEF else self._queue.due(now_ms))
        if not entry or len(self._flight) >= INFLIGHT:
            return self._pack(0, b"")
        self._queue.written(entry)
        frame = self.aged(entry.frame, (now_ms - entry.made_ms) // 1000)
        # A long one takes longer to pack than the gateway waits: it is ready for the next poll.
        if frame is not self._packed[0]:
            self._mark = self._mark % 0xFFFF + 1
            self._packed = frame, self._pack(self._mark, frame)
        self._last = self._mark
        self._flight[self._mark] = entry
        return self._packed[1]

    def _pack(self, mark, frame):
        more = MORE if frame and self._queue.due(self._clock.ms()) else 0
        return pack(self._center, ANSWER | more, mark, 0, frame)
