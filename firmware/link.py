"""The link to the gateway's broker: TLS both ways, chain, name and dates verified; again and again, with jitter.

It keeps what is to be said until the broker has it, gives what is heard to `receive`, and never decides anything.
"""

import asyncio
import gc
import sys

from firmware import packets
from firmware.almanac import only_early
from firmware.mqtt import KEEPALIVE_S, Client, ConnectRefused
from firmware.outgoing import Outgoing
from firmware.stream import open_stream
from protocol.topics import DOWN, LINK, UP, topic

RETRY_MS = (500, 30000)
CONNECT_S = 20
# No TIME within this after a connection: the subscription is not believed, connect anew.
PROOF_MS = 20000


class Link:
    """`endpoints` are tried in turn; `random(n)` gives octets for jitter."""

    def __init__(self, name, folder, endpoints, clock, random, receive, connected, log):
        self._name = name
        self._folder = folder
        self._endpoints = endpoints
        self._clock = clock
        self._random = random
        self._receive = receive
        self._connected = connected
        self._log = log
        self._queue = Outgoing()
        self._wake = asyncio.Event()
        self._version = packets.V5
        self._refused = 0
        self.up = False
        self.proven = False
        self._connections = 0
        self._context = None
        self._endpoint = ""
        self._up_ms = None
        self.aged = None
        self.clock_behind = None  # called when only the board's clock keeps a broker of ours from being believed

    def send(self, frame):
        """Say something, as soon as there is a link; see Outgoing for what is forgotten when it is long away."""
        self._queue.add(frame, self._clock.ms())
        self._wake.set()

    def described(self):
        """[endpoint, seconds since it is up, connections in this boot] for the report."""
        since_s = None if self._up_ms is None else (self._clock.ms() - self._up_ms) // 1000
        return [self._endpoint, since_s, self._connections]

    async def run(self):
        """For ever."""
        pause_ms = RETRY_MS[0]
        turn = 0
        while True:
            endpoint = self._endpoints[turn % len(self._endpoints)]
            self._endpoint = "%s:%d" % (endpoint["host"], endpoint["port"])
            turn += 1
            try:
                await self._session(endpoint)
            except ConnectRefused as error:
                self._log("link: %s" % error)
                if error.version:
                    self._version = packets.V311 if self._version == packets.V5 else packets.V5
            except Exception as error:
                # TLS errors come as OSError, ValueError and others on the different ports.
                self._log("link: %s:%d: %r" % (endpoint["host"], endpoint["port"], error))
                if self.clock_behind and only_early(str(error)):
                    self.clock_behind()
            if self.proven:
                pause_ms = RETRY_MS[0]
            self.up = self.proven = False
            self._up_ms = None
            jitter = int.from_bytes(self._random(2), "big")
            await _sleep_ms(pause_ms // 2 + pause_ms * jitter // 0x20000)
            pause_ms = min(pause_ms * 2, RETRY_MS[1])

    async def _session(self, endpoint):
        # TLS needs some tens of kilobytes, in large pieces: what the connection before left behind goes first, and
        # certificates and key stay where they were read into a heap that was still whole.
        gc.collect()
        if self._context is None:
            self._context = tls_context(self._folder)
        opening = open_stream(endpoint["host"], endpoint["port"], self._context, endpoint["name"])
        reader, writer = await asyncio.wait_for(opening, CONNECT_S)
        client = Client(reader, writer, self._version, self._hear, self._taken, self._unheard)
        tasks = []
        try:
            await client.open(self._name, topic(self._name, LINK), topic(self._name, DOWN))
            self.up = True
            self._up_ms = self._clock.ms()
            self._connections += 1
            self._queue.renew()
            await client.publish(topic(self._name, LINK), b"1", None)
            self._connected()
            self._wake.set()
            tasks = [asyncio.create_task(work) for work in (client.read(), self._write(client), self._watch(client))]
            await _first_to_end(tasks)
        finally:
            self.up = False
            for task in tasks:
                task.cancel()
            await client.close()

    def _hear(self, name, payload, retained):
        if name == topic(self._name, DOWN):
            self._receive(payload, retained)

    def _taken(self, entry):
        self._queue.taken(entry)
        self._wake.set()

    def _unheard(self, entry):
        if entry.lasting():
            self._log("link: nobody listens yet")
        self._queue.unheard(entry, self._clock.ms())

    async def _write(self, client):
        while True:
            self._wake.clear()
            while client.room():
                now_ms = self._clock.ms()
                entry = self._queue.due(now_ms)
                if entry is None:
                    break
                self._queue.written(entry)
                age_s = (now_ms - entry.made_ms) // 1000
                await client.publish(topic(self._name, UP), self.aged(entry.frame, age_s), entry)
            await _wait(self._wake, 1)

    async def _watch(self, client):
        """Pings, and the proof that what is sent to us arrives."""
        since_ms = self._clock.ms()
        while True:
            await asyncio.sleep(KEEPALIVE_S / 2)
            await client.ping()
            if not self.proven and self._clock.ms() - since_ms > PROOF_MS:
                raise OSError("connected, but nothing arrives")


def tls_context(folder):
    """A client context with the center's certificate; only the root authority of its folder is trusted."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if sys.implementation.name == "micropython":
        context.load_verify_locations(cadata=_octets(folder + "ca.der"))
        context.load_cert_chain(_octets(folder + "cert.der"), _octets(folder + "key.der"))
    else:
        context.check_hostname = True
        context.load_verify_locations(cadata=_octets(folder + "ca.der"))
        context.load_cert_chain(_pem(folder, "cert", "CERTIFICATE"), _pem(folder, "key", "EC PRIVATE KEY"))
    return context


def _octets(path):
    with open(path, "rb") as file:
        return file.read()


def _pem(folder, stem, label):
    """CPython reads certificates only from PEM files; the simulator's fallback makes them beside the others."""
    from binascii import b2a_base64

    path = folder + stem + ".pem"
    with open(path, "w") as file:
        body = b2a_base64(_octets(folder + stem + ".der")).decode().strip()
        lines = "\n".join([body[at : at + 64] for at in range(0, len(body), 64)])
        file.write("-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, lines, label))
    return path


async def _sleep_ms(duration_ms):
    await asyncio.sleep(duration_ms / 1000)


async def _wait(event, timeout_s):
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except asyncio.TimeoutError:
        pass


async def _first_to_end(tasks):
    """Wait until one of the tasks ends, and raise what ended it. MicroPython has no asyncio.wait."""
    ended = asyncio.Event()
    problems = []

    async def follow(task):
        try:
            await task
        except asyncio.CancelledError:
            pass
        except Exception as error:
            problems.append(error)
        ended.set()

    followers = [asyncio.create_task(follow(task)) for task in tasks]
    try:
        await ended.wait()
    finally:
        for follower in followers:
            follower.cancel()
    if problems:
        raise problems[0]
