"""Modems for tests and for the console: ptys and a message center, on a loop in a thread of their own.

    with Modems(["+5492611111111", "+5492612222222"]) as modems:
        modems[0].fault("no_prompt", count=1)
        modems.center.inject("+5492613333333", "+5492611111111", b"...")
        modems.wait("+5492611111111", "stored")

`async with` does the same. Each call is over when it returns, and may come from any thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from modem.pdu import Deliver, StatusReport
from simulator.errors import SimulatorError
from simulator.modem.actions import act
from simulator.modem.center import Center, Phone, Refusal
from simulator.modem.clock import LoopClock
from simulator.modem.device import Device, Times
from simulator.modem.dialect import DIALECTS
from simulator.modem.journal import Entry, Journal
from simulator.modem.pty import Pty
from simulator.modem.terminal import Terminal

CALL_S = 10.0
START_S = 60.0
_T = TypeVar("_T")


class Modem:
    """One modem. `path` is the link to its port, the same for ever; `device` belongs to the modems' thread."""

    def __init__(self, modems: Modems, device: Device, path: Path) -> None:
        self._modems = modems
        self.device = device
        self.number = device.number
        self.path = str(path)

    def fault(self, name: str, value: object = "", **chances: Any) -> None:
        """Arm a fault of `faults.OF_MODEM`; `count`, `probability`, `after` and `on` as in `faults.Faults.arm`."""
        self._modems.call(lambda: self.device.faults.arm(name, value, **chances))

    def clear(self, name: str = "") -> None:
        """Disarm a fault, or all of them; what has struck already stays."""
        self._modems.call(lambda: self.device.faults.clear(name))

    def act(self, name: str, value: object = "") -> None:
        """Do something of `actions.ACTIONS` now."""
        self._modems.call(lambda: act(self.device, name, str(value)))

    @property
    def commands(self) -> list[str]:
        """The command lines it has heard so far, from their AT."""
        return [entry.text for entry in self._modems.journal.entries(self.number, "command")]

    @property
    def stored(self) -> dict[str, list[str]]:
        """The PDUs in its storages."""
        return self._modems.call(
            lambda: {
                name: [m.pdu for _, m in storage.items()]
                for name, storage in self.device.storages.items()
                if name != "MT"
            }
        )


class Messages:
    """The message center, from any thread."""

    def __init__(self, modems: Modems) -> None:
        self._modems = modems
        self._phones: dict[str, Phone] = {}

    def inject(self, number_from: str, number_to: str, payload: bytes | str, **more: Any) -> None:
        """A message as if it had been sent; see `center.Center.inject`. SimulatorError when a fault refuses it."""
        try:
            self._modems.call(lambda: self._modems.smsc.inject(number_from, number_to, payload, **more))
        except Refusal as refusal:
            raise SimulatorError(f"the message center refused the message with cause {refusal.cause}") from None
        except ValueError as error:
            raise SimulatorError(f"this cannot be a short message: {error}") from None

    def fault(self, name: str, value: object = "", **chances: Any) -> None:
        """Arm a fault of `faults.OF_CENTER`."""
        self._modems.call(lambda: self._modems.smsc.faults.arm(name, value, **chances))

    def clear(self, name: str = "") -> None:
        """Disarm a fault, or all of them."""
        self._modems.call(lambda: self._modems.smsc.faults.clear(name))

    def phone(self, number: str) -> None:
        """A telephone with this number, which takes messages from now on."""
        phone = self._phones[number] = Phone(number)
        self._modems.call(lambda: self._modems.smsc.join(phone))

    def received(self, number: str) -> list[Deliver | StatusReport]:
        """What a telephone has received."""
        return list(self._phones[number].messages)

    def waiting(self, number: str) -> int:
        """How many messages and reports wait for a number."""
        return self._modems.call(lambda: self._modems.smsc.waiting(number))


class Modems:
    """Starts with `with` or `async with`, and is started when every modem has registered.

    `dialect` is sim7600 or quectel, or one of them for each number; `links` the folder of the links, otherwise one
    that goes with the modems. On `usb` a modem's port goes whenever its power does.
    """

    def __init__(
        self, numbers: Sequence[str], dialect: str | Sequence[str] = "sim7600", links: Path | None = None, pin: str = "",
        usb: bool = False, times: Times | None = None, seed: int = 0, heard: Callable[[Entry], None] | None = None,
    ) -> None:  # fmt: skip
        self._numbers = list(numbers)
        self._dialects = [dialect] * len(self._numbers) if isinstance(dialect, str) else list(dialect)
        if len(set(self._numbers)) < len(self._numbers) or len(self._dialects) != len(self._numbers):
            raise SimulatorError("each modem has a number of its own, and a dialect")
        for number in self._numbers:
            if not number.startswith("+") or not number[1:].isdecimal() or not 8 <= len(number) <= 16:
                raise SimulatorError(f"a modem's number is + and 7 to 15 digits, as +5492611111111, not {number!r}")
        for name in self._dialects:
            if name not in DIALECTS:
                raise SimulatorError(f"there is no dialect {name!r}; choose {' or '.join(DIALECTS)}")
        self._links, self._pin, self._usb, self._times, self._seed = links, pin, usb, times, seed
        self.journal = Journal(heard)
        self.center = Messages(self)
        self._modems: list[Modem] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="modems", daemon=True)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._gone = False

    def __getitem__(self, index: int) -> Modem:
        return self._modems[index]

    def __len__(self) -> int:
        return len(self._modems)

    def __iter__(self) -> Iterator[Modem]:
        return iter(self._modems)

    def wait(
        self, who: str = "", what: str = "", containing: str = "", count: int = 1, timeout_s: float = 10.0
    ) -> list[Entry]:
        """Wait for entries in the journal; see `journal.Journal.wait`."""
        return self.journal.wait(who, what, containing, count, timeout_s)

    def call(self, doing: Callable[[], _T]) -> _T:
        """Do something on the modems' thread."""
        if self._gone or not self._thread.is_alive():
            raise SimulatorError("the modems are not running")
        done: concurrent.futures.Future[_T] = concurrent.futures.Future()

        def run() -> None:
            try:
                done.set_result(doing())
            except Exception as error:  # it belongs to the caller
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(CALL_S)

    def __enter__(self) -> Self:
        self._thread.start()
        what, containing = ("power", "started") if self._pin else ("network", "home")
        try:
            self.call(self._open)
            for number in self._numbers:
                self.wait(number, what, containing, timeout_s=START_S)
        except OSError as error:
            self.__exit__()
            raise SimulatorError(f"the modems' ports cannot be opened: {error}") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.call(self._close)
        self._gone = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_S)
        self._loop.close()
        if self._folder:
            self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self.__exit__)

    def _open(self) -> None:
        if self._links is None:
            self._folder = tempfile.TemporaryDirectory(prefix="modems-")
            self._links = Path(self._folder.name)
        self._links.mkdir(parents=True, exist_ok=True)
        clock = LoopClock()
        self.smsc = Center(clock, self.journal, self._seed)
        for index, (number, dialect) in enumerate(zip(self._numbers, self._dialects, strict=True)):
            device = Device(
                number, DIALECTS[dialect], self.smsc, clock, self.journal, self._times, self._pin, self._usb,
                self._seed + index + 1,
            )  # fmt: skip
            link = self._links / f"modem{index + 1}"
            Terminal(device, partial(Pty, link))
            self._modems.append(Modem(self, device, link))
            self.smsc.join(device)
            device.power_on()

    def _close(self) -> None:
        for modem in self._modems:
            modem.device.unplugged = True
            modem.device.power_off()
