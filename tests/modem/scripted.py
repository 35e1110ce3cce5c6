"""A modem that answers from a table, on a loop whose time is virtual: what takes minutes in the field takes none."""

from __future__ import annotations

import asyncio
import re
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from modem.errors import Unavailable
from modem.port import Listener

T = TypeVar("T")
Reply = str | Callable[[str], str]


class _Selector(selectors.DefaultSelector):
    ahead = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        if not ready and timeout:
            self.ahead += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """When nothing is ready its time jumps to the next timer."""

    def __init__(self) -> None:
        self.virtual = _Selector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.ahead


def run(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class ScriptedModem:
    """A factory of ports and the port itself.

    `replies` gives the text after a command (without AT); those in `silent` get none; `slow` are seconds before one.
    `payload` is the reply to a message's end. All that came is in `heard`, ESC as `<esc>`, a message as `<pdu>...`.
    """

    def __init__(self, replies: dict[str, Reply] | None = None, payload: str = "\r\n+CMGS: 7\r\n\r\nOK\r\n") -> None:
        self.replies: dict[str, Reply] = {"+CMEE?": "\r\n+CMEE: 1\r\n\r\nOK\r\n", **(replies or {})}
        self.payload = payload
        self.silent: set[str] = set()
        self.slow: dict[str, float] = {}
        self.heard: list[str] = []
        self.opened = 0
        self.there = True
        self.listener: Listener | None = None
        self._octets = b""

    def __call__(self, path: str, baud: int, listener: Listener) -> ScriptedModem:
        if not self.there:
            raise Unavailable(f"the modem's port {path} cannot be opened: it is not there")
        self.opened += 1
        self.listener = listener
        return self

    def write(self, octets: bytes) -> None:
        if not self.listener:
            raise Unavailable("the modem's port is closed")
        self._octets += octets
        while found := re.match(rb"[^\r\x1a\x1b]*[\r\x1a\x1b]", self._octets):
            self._octets = self._octets[found.end() :]
            self._hear(found[0])

    def close(self) -> None:
        self.listener = None

    def say(self, text: str) -> None:
        """What the modem says by itself."""
        if self.listener:
            self.listener.received(text.encode())

    def vanish(self) -> None:
        """The device is pulled out."""
        self.there = False
        listener, self.listener = self.listener, None
        if listener:
            listener.lost("the modem's port was lost: pulled out")

    def count(self, text: str) -> int:
        """How often a command was heard."""
        return self.heard.count(text)

    def _hear(self, octets: bytes) -> None:
        text = octets[:-1].decode()
        if octets.endswith(b"\x1b"):
            self.heard.append("<esc>")
            return
        if octets.endswith(b"\x1a"):
            self.heard.append("<pdu>" + text)
            self._answer("<pdu>", self.payload)
            return
        text = text.removeprefix("AT")
        self.heard.append(text)
        reply = self.replies.get(text, "\r\n> " if text.startswith("+CMGS=") else "\r\nOK\r\n")
        self._answer(text, reply if isinstance(reply, str) else reply(text))

    def _answer(self, text: str, reply: str) -> None:
        if reply and text not in self.silent and "*" not in self.silent:
            asyncio.get_running_loop().call_later(self.slow.get(text, 0.01), self.say, reply)
