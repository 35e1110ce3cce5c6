"""The MQTT client of a center: one connection at a time, QoS 1 both ways, nothing kept here between connections.

Whoever uses it keeps what is unsent. `receive` is called for each message before it is acknowledged to the broker.
"""

import asyncio

from firmware import packets

KEEPALIVE_S = 12
CONNACK_S = 4
ANSWER_S = 10
INFLIGHT = 16


class ConnectRefused(Exception):
    """The broker did not welcome us; `version` says that another MQTT version may be what it wants.

    `code` is None when it said nothing at all, which is how some brokers meet a version they do not speak.
    """

    def __init__(self, code=None):
        super().__init__("the broker refused the connection, code %s" % code)
        self.version = code in (None, 1, 132)


class Client:
    """`reader` and `writer` are an open TLS stream.

    `arrived(token)` is told what somebody has; `unheard(token)` what the broker took and nobody was there to hear.
    """

    def __init__(self, reader, writer, version, receive, arrived, unheard):
        self._reader = reader
        self._writer = writer
        self._version = version
        self._receive = receive
        self._arrived = arrived
        self._unheard = unheard
        # Reading, writing and pinging are tasks of their own, and MicroPython's stream is damaged by two that drain it.
        self._writing = asyncio.Lock()
        self._identifier = 0
        self._unacked = {}
        self._ping_waits = False

    async def open(self, name, will_topic, topic):
        """CONNECT and SUBSCRIBE; raises ConnectRefused, OSError, PacketError or TimeoutError."""
        await self._write(packets.connect(name, self._version, KEEPALIVE_S, will_topic))
        try:
            first, body = await asyncio.wait_for(self._packet(), CONNACK_S)
        except (OSError, EOFError, asyncio.TimeoutError):
            raise ConnectRefused()
        if first >> 4 != packets.CONNACK or len(body) < 2:
            raise packets.PacketError("no CONNACK")
        if body[1]:
            raise ConnectRefused(body[1])
        await self._write(packets.subscribe(self._next(), topic, self._version))
        while True:
            first, body = await asyncio.wait_for(self._packet(), ANSWER_S)
            if first >> 4 == packets.SUBACK:
                if body[-1] > 2:
                    raise packets.PacketError("the broker does not let us subscribe to %s" % topic)
                return
            await self._handle(first, body)

    def room(self):
        """Whether another message may be in flight."""
        return len(self._unacked) < INFLIGHT

    async def publish(self, topic, payload, token):
        """Send one message; `arrived(token)` or `unheard(token)` is called when the broker answered."""
        identifier = self._next()
        self._unacked[identifier] = token
        await self._write(packets.publish(identifier, topic, payload, self._version, False))

    async def read(self):
        """Read and handle packets until the link ends; raises what ended it."""
        while True:
            first, body = await self._packet()
            await self._handle(first, body)

    async def ping(self):
        """Ask for a sign of life; raises OSError when the last one went unanswered or the link takes nothing."""
        if self._ping_waits:
            raise OSError("no answer to ping")
        self._ping_waits = True
        try:
            await asyncio.wait_for(self._write(packets.PINGREQ), ANSWER_S)
        except asyncio.TimeoutError:
            raise OSError("the link takes nothing")

    async def close(self):
        """Say goodbye if the link still takes it."""
        try:
            await asyncio.wait_for(self._write(packets.BYE), 1)
        except Exception:
            pass  # It was broken already; TLS says so in several ways.
        try:
            self._writer.close()
            # On MicroPython this, and not close(), is what closes the socket.
            await asyncio.wait_for(self._writer.wait_closed(), 1)
        except Exception:
            pass  # As above; what matters is that a new connection can be made.

    async def _handle(self, first, body):
        kind = first >> 4
        if kind == packets.PUBLISH:
            topic, payload, retained, identifier = packets.read_publish(first, body, self._version)
            self._receive(topic, payload, retained)
            if identifier is not None:
                await self._write(packets.puback(identifier))
        elif kind == packets.PUBACK:
            self._answered(self._unacked.pop(body[0] << 8 | body[1], None), body[2] if len(body) > 2 else 0)
        elif kind == packets.PINGRESP:
            self._ping_waits = False
        elif kind == packets.DISCONNECT:
            raise OSError("the broker ended the connection")

    def _answered(self, token, reason):
        if reason >= packets.REFUSED:
            raise OSError("the broker refused a message, reason 0x%02x" % reason)
        if token is None:
            return
        if reason == packets.NOBODY_LISTENS:
            self._unheard(token)
        else:
            self._arrived(token)

    async def _packet(self):
        first = (await self._reader.readexactly(1))[0]
        length = 0
        for place in range(4):
            octet = (await self._reader.readexactly(1))[0]
            length |= (octet & 0x7F) << 7 * place
            if not octet & 0x80:
                break
        else:
            raise packets.PacketError("damaged length")
        if length > packets.MAX_PACKET:
            raise packets.PacketError("packet of %d octets" % length)
        return first, (await self._reader.readexactly(length) if length else b"")

    async def _write(self, octets):
        async with self._writing:
            self._writer.write(octets)
            await self._writer.drain()

    def _next(self):
        self._identifier = self._identifier % 0xFFFF + 1
        return self._identifier
