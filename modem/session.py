"""One modem as long as its port is open: set up, read, emptied of messages, told to help itself.

Held by `modem.keeper`, which decides when. It opens no port by itself and repeats nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from modem import status
from modem.at import Channel, Unsolicited
from modem.dialects import GENERIC, dialect_of
from modem.errors import Refused, Unavailable
from modem.ladder import BEARER, REGISTRATION
from modem.pdu import StatusReport
from modem.port import Port, PortFactory
from modem.sms import Sms, Taker
from modem.status import Status

SEARCH_S = 180.0  # how long a modem may take over +COPS and +CGACT (SIMCom's and Quectel's manuals)
PIN_TRIES = (
    2  # a PIN is given only while so many tries are left: the last is a person's, after it the card wants its PUK
)


@dataclass(frozen=True)
class KeeperSettings:
    """`paths` are tried in order, those under /dev/serial/by-id first. `apn` is set in the first context.

    `context` has the data connection watched, and put up again by the modem itself where no action does that.
    `retry_s` lies between two tries to open the port, two readings in trouble, and two tries to send.
    """

    paths: tuple[str, ...]
    baud: int = 115200
    pin: str | None = None
    apn: str | None = None
    context: bool = False
    poll_s: float = 30.0
    retry_s: float = 5.0


class Session:
    """`taken` and `reported` as `modem.sms` wants them. `woken` is set when the modem has something to say."""

    def __init__(self, settings: KeeperSettings, taken: Taker, reported: Callable[[StatusReport], None]) -> None:
        self._settings = settings
        self._taken = taken
        self._reported = reported
        self._port: Port | None = None
        self._pin_refused = False
        self._given: list[Unsolicited] = []
        self._fresh = True
        self._receiving = False
        self.dialect = GENERIC
        self.woken = asyncio.Event()
        self._renew()

    def _renew(self) -> None:
        self.channel = Channel(self._unsolicited)
        self.sms = Sms(self.channel, self._taken, self._reported)
        self.forget()

    @property
    def receiving(self) -> bool:
        """Messages can be sent and taken: the modem is set up and its card is ready."""
        return self._receiving

    def open(self, factory: PortFactory) -> str:
        """Open the first path that can be; returns it, or raises Unavailable with what the last one said."""
        self.close()
        failure = Unavailable("no port is named in the settings")
        for path in self._settings.paths:
            try:
                self._port = factory(path, self._settings.baud, self)
            except Unavailable as error:
                failure = error
                continue
            self._renew()
            self.channel.attach(self._port)
            return path
        raise failure

    def close(self) -> None:
        """Give the port back."""
        if self._port:
            self._port.close()
            self._port = None
            self.channel.lost("the modem's port was closed")

    def received(self, octets: bytes) -> None:
        """From the port."""
        self.channel.received(octets)

    def lost(self, reason: str) -> None:
        """From the port."""
        self.channel.lost(reason)
        self.woken.set()

    def forget(self) -> None:
        """The modem has started, or is about to: everything is set up again."""
        self._fresh, self._receiving = True, False

    async def read(self) -> Status:
        """Set up what is not, and one reading; Unavailable when the modem does not answer."""
        if self._fresh:
            await self._set_up()
        reading = await status.read(self.channel, self._settings.context)
        if reading.card == "SIM PIN" and self._settings.pin and not self._pin_refused:
            await self._unlock(self._settings.pin)
            reading = await status.read(self.channel, self._settings.context)
        self._receiving &= reading.card == status.READY
        return reading

    async def receive(self) -> None:
        """Give and delete what came; Refused while the card or the storage does not let itself be used."""
        try:
            if not self._receiving:
                await self.sms.setup()
                self._receiving = True
            while self._given:
                await self.sms.direct(self._given.pop(0))
            await self.sms.sweep()
        except Refused:  # it may have started again without a word, and have forgotten its settings
            self.forget()
            raise

    async def help(self, stage: str) -> None:
        """Do what the modem can do for itself: the stages bearer, registration and reset."""
        if stage == BEARER:
            for text in self.dialect.context:
                await self.channel.command(text, SEARCH_S)
        elif stage == REGISTRATION:
            for text in self.dialect.search:
                await self.channel.command(text, SEARCH_S)
        else:
            await self.channel.command(self.dialect.reset)
            self.forget()

    async def _set_up(self) -> None:
        for text in ("E0", "+CMEE=1"):
            await self._try(text)
        self.dialect = dialect_of(await self._try("+CGMM") + await self._try("I"))
        for text in self.dialect.setup:
            await self._try(text)
        if self._settings.apn:
            await self._try(f'+CGDCONT=1,"IP","{self._settings.apn}"')
        self._fresh = False

    async def _try(self, text: str) -> list[str]:
        try:
            return await self.channel.command(text)
        except Refused:
            return []

    async def _unlock(self, pin: str) -> None:
        left = status.values(await self._try("+CPINR"))[1:2]
        if left and left[0].isdecimal() and int(left[0]) < PIN_TRIES:
            self._pin_refused = True
            return
        try:
            await self.channel.command(f'+CPIN="{pin}"')
        except Refused:
            self._pin_refused = True

    def _unsolicited(self, said: Unsolicited) -> None:
        if said.name in ("+CMT", "+CDS"):
            self._given.append(said)
        elif said.name in self.dialect.started:
            self.forget()
        elif said.name not in ("+CMTI", "+CDSI", "+CPIN", "+QIND"):
            return
        self.woken.set()

    async def wait(self, seconds: float) -> None:
        """Until the modem says something that matters, at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        self.woken.clear()
