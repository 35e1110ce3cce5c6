"""The state of one modem: power, card, registration, settings, messages in storage; what it says by itself.

`terminal` and the tables of commands read and change it; it is a subscriber of the message center. It does not read
commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from modem.pdu import Deliver, StatusReport, Submit
from simulator.modem.center import NUMBER, Center
from simulator.modem.clock import Clock, Timer
from simulator.modem.dialect import Dialect
from simulator.modem.faults import OF_MODEM, Faults
from simulator.modem.inbox import Inbox
from simulator.modem.journal import Journal
from simulator.modem.settings import CARRIED, factory
from simulator.modem.storage import Joint, Storage

IDLE, HOME, SEARCHING, DENIED, ROAMING = 0, 1, 2, 3, 5  # <stat>, TS 27.007 7.2
_STATES = {IDLE: "idle", HOME: "home", SEARCHING: "searching", DENIED: "denied", ROAMING: "roaming"}


@dataclass(frozen=True)
class Times:
    """How long a modem takes, in seconds; the defaults are for tests, REAL are a SIM7600's."""

    boot: float = 0.05
    registration: float = 0.05
    sending: float = 0.02


REAL = Times(boot=12, registration=8, sending=2)


@dataclass(frozen=True)
class Network:
    """What the modem sees on the air; `signal_dbm` None for nothing."""

    operator: str = "Claro AR"
    code: str = "722310"
    technology: str = "lte"  # gsm, umts or lte
    signal_dbm: int | None = -71
    registration: int = HOME  # what the network answers: HOME, DENIED, ROAMING or, without coverage, SEARCHING


class Line(Protocol):
    """The side that the computer sees."""

    def say(self, *lines: str) -> None:
        """Lines that nobody asked for."""

    def start(self) -> None:
        """The modem starts."""

    def stop(self) -> None:
        """The modem is off, and what was half typed is gone; on USB its port goes with it."""


class Device:
    """One modem with its card. `number` ends in at least six digits, from which its other numbers are made."""

    def __init__(
        self, number: str, dialect: Dialect, center: Center, clock: Clock, journal: Journal, times: Times | None = None,
        pin: str = "", usb: bool = False, seed: int = 0,
    ) -> None:  # fmt: skip
        digits = number.lstrip("+")[-10:].rjust(10, "0")
        self.number = number
        self.imei = _with_check_digit("8601" + digits)
        self.imsi = "722310" + digits[-9:]
        self.iccid = _with_check_digit("89543100" + digits)
        self.dialect = dialect
        self.center = center
        self.clock = clock
        self.journal = journal
        self.times = times or Times()
        self.faults = Faults(OF_MODEM, seed)
        self.network = Network()
        self.line: Line | None = None
        self.powered = self.hung = False
        self.usb = usb
        self.unplugged = False  # its port is gone, and its power with it
        self.sms_service = True
        self.card = True
        self.pin, self.pin_given, self.pin_tries = pin, not pin, 3
        self.function = 1  # AT+CFUN
        self.deregistered = False  # AT+COPS=2
        self.registration = IDLE
        self.center_number = NUMBER
        self.contexts = {1: ("IP", "internet.ctimovil.com.ar")}
        self.active = {1}
        self.saved = factory(dialect)
        self.settings = self.saved.copy()
        own = {name: Storage(places) for name, places in dialect.memories.items()}
        self.storages: dict[str, Storage] = own | {"MT": Joint(own["ME"], own["SM"])}
        self.inbox = Inbox(self)
        self._reference = 0
        self._pending: list[Timer] = []

    # Power

    def power_on(self) -> None:
        """Start; it answers after `times.boot`."""
        if self.powered or self._pending or self.unplugged:
            return
        self.journal.note(self.number, "power", "on")
        self._later(self.times.boot, self._booted)

    def power_off(self) -> None:
        """The power goes, without a word."""
        self.journal.note(self.number, "power", "off")
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()
        self.powered = self.hung = False
        self.pin_given = not self.pin
        self._register(IDLE, quietly=True)
        self.inbox.acknowledge(False)
        if self.line:
            self.line.stop()

    def power_cycle(self) -> None:
        """Off and on again."""
        self.power_off()
        self.power_on()

    def _booted(self) -> None:
        self.powered = True
        self.function = 1
        self.deregistered = False
        self.settings = self.saved.copy()
        if self.line:
            self.line.start()
        self.journal.note(self.number, "power", "started")
        for line in self.dialect.start:
            self.say(line)
        self._tell_card()
        self.look_for_network()

    # Card and network

    @property
    def ready(self) -> bool:
        """The card can be used."""
        return self.card and self.pin_given

    @property
    def reachable(self) -> bool:
        """See `center.Subscriber`."""
        return self.powered and not self.hung and self.registration in (HOME, ROAMING)

    def set_card(self, present: bool) -> None:
        """Put the card in or take it out."""
        if present == self.card:
            return
        self.card, self.pin_given = present, not self.pin
        self._tell_card()
        self.look_for_network()

    def _tell_card(self) -> None:
        told: tuple[str, ...] = ("+CPIN: READY", *self.dialect.started) if self.pin_given else ("+CPIN: SIM PIN",)
        for line in told if self.card else self.dialect.sim_gone:
            self.say(line)

    def unlock(self) -> None:
        """The PIN was right."""
        self.pin_given, self.pin_tries = True, 3
        self._tell_card()
        self.look_for_network()

    def see(self, network: Network) -> None:
        """The air is another."""
        self.network = network
        self.look_for_network()

    def look_for_network(self) -> None:
        """Register or lose the registration, as power, card, AT+CFUN and the air allow."""
        if not (self.powered and self.function == 1 and self.ready and not self.deregistered):
            self._register(IDLE)
        elif self.network.signal_dbm is None:
            self._register(SEARCHING)
        elif self.registration != self.network.registration:
            self._register(SEARCHING)
            self._later(self.times.registration, self._answered)

    def _answered(self) -> None:
        if self.registration == SEARCHING and self.network.signal_dbm is not None:
            self._register(self.network.registration)

    def _register(self, state: int, quietly: bool = False) -> None:
        if state == self.registration:
            return
        self.registration = state
        self.journal.note(self.number, "network", _STATES[state])
        for name in () if quietly else CARRIED[self.network.technology]:
            if mode := self.settings.number(name):
                self.say(f"{name}: {self.registered(mode)}")
        if self.reachable:
            self.center.available(self.number)

    def registered(self, mode: int) -> str:
        """The state, with the cell for a mode of 2 (TS 27.007 7.2)."""
        if mode < 2 or self.registration not in (HOME, ROAMING):
            return str(self.registration)
        return f'{self.registration},"2AF8","1A2C{self.imei[-3:]}",{ {"gsm": 0, "umts": 2, "lte": 7}[self.network.technology] }'

    # Messages

    def send(self, message: Submit) -> int:
        """Hand a message to the message center; the reference that +CMGS shows. `center.Refusal` is passed on."""
        reference = self._reference
        self.center.submit(self, replace(message, reference=reference))
        self._reference = (reference + 1) % 256
        return reference

    def take(self, message: Deliver | StatusReport, done: Callable[[bool], None]) -> None:
        """See `center.Subscriber`."""
        self.inbox.take(message, done)

    def freed(self) -> None:
        """A place is free again: the message center hears of it."""
        if self.reachable:
            self.center.available(self.number)

    def say(self, *lines: str) -> None:
        """Lines that belong together, by itself, if it is on and its line is there."""
        if self.powered and not self.hung and self.line and lines:
            self.line.say(*lines)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        def due() -> None:
            self._pending.remove(timer)
            call()

        timer = self.clock.later(seconds, due)
        self._pending.append(timer)


def _with_check_digit(digits: str) -> str:
    """The digits and their check digit (ISO/IEC 7812 annex B)."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)
