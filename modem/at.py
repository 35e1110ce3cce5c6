"""One AT command at a time on a modem's port, with its reply told apart from what the modem says by itself.

`modem.keeper` makes a channel for each opening of the port; `status` and `sms` command through it (3GPP TS 27.007
clause 4). It does not know what any command means.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from modem.errors import Refused, Unavailable, Unknown
from modem.lines import Line, Prompt, Reader
from modem.port import Port

COMMAND_S = 5.0
PROMPT_S = 5.0
SEND_S = 120.0  # how long a network may take to accept a message (Quectel's manual; SIMCom's says 40 s)
SYNC_TRIES, SYNC_S, QUIET_S = 5, 2.0, 0.2

ESCAPE, END = b"\x1b", b"\x1a"
_FAILED = re.compile(r"(ERROR|COMMAND NOT SUPPORT|\+CM[ES] ERROR: *(.*))")
_CODE = re.compile(r"([+^*#%$][A-Z0-9_]+): *(.*)")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
# Commands whose reply has no name in front of it, and words that modems say by themselves.
_NAMELESS = {"I", "+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+GMI", "+GMM", "+GMR", "+GSN"}
_WORDS = {"RING", "NO CARRIER", "RDY", "START", "SMS DONE", "PB DONE", "SMS READY", "CALL READY", "POWERED DOWN"}
_WORDS |= {"NORMAL POWER DOWN", "OPL UPDATING", "PNN UPDATING", "OPL DONE", "PNN DONE"}
_TWO_LINES = {"+CMT", "+CDS", "+CBM"}  # the PDU follows on a line of its own
_REGISTRATION = {"+CREG", "+CGREG", "+CEREG", "+C5GREG"}
_MARK = "+CMEE"  # no other command is answered with it: it shows where the replies to old commands end


@dataclass(frozen=True)
class Unsolicited:
    """What the modem said by itself: a code and its value, a bare word, or a line nobody expected; `pdu` for +CMT, +CDS."""

    name: str
    value: str = ""
    pdu: str = ""


@dataclass
class _Exchange:
    """A command whose reply is awaited; `name` is empty where the reply's lines bear none."""

    text: str
    name: str
    pdu: bool
    done: asyncio.Future[None]
    prompt: asyncio.Future[None] | None = None
    lines: list[str] = field(default_factory=list)

    def takes(self, line: str) -> bool:
        """Whether a line belongs to this reply."""
        if self.pdu and self.lines and _HEX.fullmatch(line):
            return True
        code = _CODE.fullmatch(line)
        if not self.name:
            return not code and line.upper() not in _WORDS
        if not code or code[1] != self.name:
            return False
        # The reply to +CREG? has the setting before the state; what comes by itself has the state alone, or a
        # quoted cell after it (TS 27.007 7.2).
        return self.name not in _REGISTRATION or bool(re.match(r"\d+, *\d", code[2]))

    def asked(self) -> None:
        """The modem wants the payload."""
        if self.prompt and not self.prompt.done():
            self.prompt.set_result(None)

    def end(self, error: Exception | None) -> None:
        """The reply is whole, or will not come."""
        if self.prompt and not self.prompt.done():
            self.prompt.set_exception(error or Unavailable("the modem did not ask for the message"))
        if not self.done.done():
            if error:
                self.done.set_exception(error)
                self.done.exception()  # it may be that only the prompt is awaited
            else:
                self.done.set_result(None)


class Channel:
    """Listens to a port that `attach` gives it; `unsolicited` is called on the loop and must not raise.

    After a reply that did not come, the next command first brings both ends in step: ESC leaves a prompt, then a
    question is asked until its own answer comes and the line is quiet.
    """

    def __init__(self, unsolicited: Callable[[Unsolicited], None]) -> None:
        self._unsolicited = unsolicited
        self._reader = Reader()
        self._port: Port | None = None
        self._gone = "the modem's port is not open"
        self._turn = asyncio.Lock()
        self._exchange: _Exchange | None = None
        self._two_lines: Unsolicited | None = None
        self._in_step = False
        self._heard = asyncio.Event()

    def attach(self, port: Port) -> None:
        """The port is open."""
        self._port = port

    @property
    def open(self) -> bool:
        """Whether the port is there; an open one may be silent all the same."""
        return self._port is not None

    def lost(self, reason: str) -> None:
        """The port is gone: whoever waits hears of it, and every later command does."""
        self._port, self._gone = None, reason
        if self._exchange:
            self._exchange.end(Unavailable(reason))

    def received(self, octets: bytes) -> None:
        """Octets from the port, cut anywhere."""
        self._heard.set()
        for event in self._reader.feed(octets):
            if isinstance(event, Line):
                self._line(event.text.strip())
            elif isinstance(event, Prompt) and self._exchange:
                self._exchange.asked()

    async def command(self, text: str, timeout_s: float = COMMAND_S, pdu: bool = False) -> list[str]:
        """The information lines of the reply to `AT` and `text`; with `pdu`, lines of hexadecimal after a first one too.

        Refused for an error that the modem says; Unavailable without a reply in time, and without a port.
        """
        async with self._turn:
            await self._synchronise()
            return await self._ask(text, timeout_s, pdu)

    async def prompted(self, text: str, payload: str, timeout_s: float = SEND_S) -> list[str]:
        """The same for a command that asks for a payload with `> `.

        Unavailable only while the payload has not been handed over; Unknown when no reply came after that.
        """
        async with self._turn:
            await self._synchronise()
            exchange = self._begin(text, prompt=True)
            try:
                assert exchange.prompt
                await self._wait(exchange.prompt, PROMPT_S, text)
                self._write(payload.encode("ascii") + END)
                try:
                    await self._wait(exchange.done, timeout_s, text)
                except Unavailable as error:
                    raise Unknown(f"whether the message was sent is not known: {error}") from error
                return self._end(exchange)
            finally:
                self._exchange = None

    async def _ask(self, text: str, timeout_s: float, pdu: bool = False) -> list[str]:
        exchange = self._begin(text, pdu=pdu)
        try:
            await self._wait(exchange.done, timeout_s, text)
            return self._end(exchange)
        finally:
            self._exchange = None

    def _begin(self, text: str, pdu: bool = False, prompt: bool = False) -> _Exchange:
        loop = asyncio.get_running_loop()
        name = re.split(r"[=?]", text)[0]
        exchange = _Exchange(text, "" if name in _NAMELESS else name, pdu, loop.create_future())
        if prompt:
            exchange.prompt = loop.create_future()
        self._in_step = False
        self._write(b"AT" + text.encode("ascii") + b"\r")
        self._exchange = exchange
        return exchange

    def _end(self, exchange: _Exchange) -> list[str]:
        self._in_step = True
        return exchange.lines

    async def _wait(self, reply: asyncio.Future[None], timeout_s: float, text: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await reply
        except TimeoutError:
            raise Unavailable(f"the modem did not answer AT{text} within {timeout_s:g} s") from None
        except Refused:
            self._in_step = True
            raise

    def _write(self, octets: bytes) -> None:
        if self._port is None:
            raise Unavailable(self._gone)
        self._port.write(octets)

    async def _synchronise(self) -> None:
        for asked in range(SYNC_TRIES):
            if self._in_step:
                return
            self._write(ESCAPE)
            try:
                if await self._ask(_MARK + "?", SYNC_S):
                    # The replies to questions asked before come as far apart as they were asked.
                    await self._quiet(QUIET_S + (SYNC_S if asked else 0))
                    continue
            except Refused:
                pass
            except Unavailable:
                if self._port is None:
                    raise
            self._in_step = False
        if not self._in_step:
            raise Unavailable("the modem does not answer")

    async def _quiet(self, seconds: float) -> None:
        """Late replies are over when nothing has come for so long."""
        for _ in range(SYNC_TRIES):
            self._heard.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._heard.wait()
            except TimeoutError:
                return

    def _line(self, line: str) -> None:
        if not line:
            return
        if self._two_lines and _HEX.fullmatch(line):
            said, self._two_lines = self._two_lines, None
            self._unsolicited(Unsolicited(said.name, said.value, line))
        elif not (self._exchange and self._reply(self._exchange, line)):
            self._by_itself(line)

    def _reply(self, exchange: _Exchange, line: str) -> bool:
        """Whether a line was of the reply that is awaited; such a line is used up."""
        failed = _FAILED.fullmatch(line)
        if failed:
            exchange.end(Refused(int(failed[2]) if failed[2] and failed[2].isdecimal() else None, line))
        elif line == "OK":
            exchange.end(None)
        elif line != "AT" + exchange.text:  # that is the echo
            if not exchange.takes(line):
                return False
            exchange.lines.append(line)
        return True

    def _by_itself(self, line: str) -> None:
        code = _CODE.fullmatch(line)
        said = Unsolicited(code[1], code[2]) if code else Unsolicited(line)
        if said.name in _TWO_LINES:
            self._two_lines = said
        elif line != "OK" and not _FAILED.fullmatch(line):  # those are late replies
            self._unsolicited(said)
