"""The message center (SMSC) between the modems: it keeps a message until its number takes it or the validity is over.

`device` submits to it and is a subscriber of it. Time comes from a clock, faults are armed (`faults.OF_CENTER`). It
knows messages, not AT commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from modem.pdu import Deliver, StatusReport, Submit, encode_deliver, encode_submit
from simulator.modem.clock import Clock, Timer
from simulator.modem.faults import OF_CENTER, Fault, Faults
from simulator.modem.journal import Journal

NUMBER = "+541151740055"
RETRY_S = 30.0
REORDER_S = 30.0
DEFAULT_VALIDITY_S = 3 * 86400
DELIVERED, NOT_OBTAINABLE, EXPIRED = 0x00, 0x43, 0x46  # TP-ST, TS 23.040 9.2.3.15
NOT_SUBSCRIBED, OUT_OF_ORDER, NOT_ALLOWED = 50, 38, 29  # causes, TS 24.011 E.2: they are +CMS ERRORs to the sender


class Refusal(Exception):
    """The message center does not take a message; `cause` as in 3GPP TS 27.005 3.2.5."""

    def __init__(self, cause: int) -> None:
        super().__init__(cause)
        self.cause = cause


class Subscriber(Protocol):
    """Who has a number."""

    number: str
    sms_service: bool

    @property
    def reachable(self) -> bool:
        """Registered in the network."""

    def take(self, message: Deliver | StatusReport, done: Callable[[bool], None]) -> None:
        """Take a message; `done` says, now or later, whether it was taken."""


class Phone:
    """A neighbour's telephone: it takes everything, and reads it."""

    sms_service = reachable = True

    def __init__(self, number: str) -> None:
        self.number = number
        self.messages: list[Deliver | StatusReport] = []

    def take(self, message: Deliver | StatusReport, done: Callable[[bool], None]) -> None:
        """See `Subscriber`."""
        self.messages.append(message)
        done(True)


@dataclass(eq=False)
class _Letter:
    """A message on its way; `submit` is None for a status report."""

    sender: str
    recipient: str
    content: Deliver | StatusReport
    submit: Submit | None = None
    accepted_at: datetime | None = None
    expiry: Timer | None = None
    over: bool = False


class Center:
    """Takes messages from subscribers and from tests, and gives them to the numbers they are for, in order."""

    def __init__(self, clock: Clock, journal: Journal, seed: int = 0) -> None:
        self.faults = Faults(OF_CENTER, seed)
        self._clock = clock
        self._journal = journal
        self._subscribers: dict[str, Subscriber] = {}
        self._queues: dict[str, list[_Letter]] = {}
        self._held: dict[str, _Letter] = {}
        self._giving: dict[str, _Letter] = {}

    def join(self, subscriber: Subscriber) -> None:
        """A number is connected; what waits for it goes to it."""
        self._subscribers[subscriber.number] = subscriber
        self.available(subscriber.number)

    def available(self, number: str) -> None:
        """A number can be reached again, or has a free place again."""
        self._soon(number)

    def waiting(self, number: str) -> int:
        """How many messages and reports wait for a number."""
        return len(self._queues.get(self._resolved(number), ()))

    def inject(
        self, number_from: str, number_to: str, payload: bytes | str, validity_s: int | None = None, dcs: int | None = None,
        udh: bytes = b"", named: bool = False,
    ) -> None:  # fmt: skip
        """A message from any number, or with `named` from a name, as if its sender had sent it.

        Refusal as for `submit`; ValueError for what no PDU can hold.
        """
        submit = Submit(number_to, payload, validity_s, dcs=dcs, udh=udh)
        encode_submit(submit)
        encode_deliver(Deliver(number_from, payload, None, dcs, udh=udh, named=named))
        self._accept(number_from, submit, named)

    def submit(self, sender: Subscriber, message: Submit) -> None:
        """A subscriber's message; Refusal when the subscription or a fault does not allow it."""
        if not sender.sms_service:
            self._journal.note(sender.number, "refused", message.number)
            raise Refusal(NOT_SUBSCRIBED)
        self._accept(sender.number, message)

    def _accept(self, sender: str, submit: Submit, named: bool = False) -> None:
        refusing = self.faults.strikes("refuse")
        payload, dcs = submit.payload, submit.dcs
        if not refusing and isinstance(payload, bytes) and (text_only := self.faults.strikes("text_only")):
            refusing = text_only if text_only.value == "refuse" else None
            payload, dcs = "".join(chr(octet) if 32 <= octet <= 90 else "?" for octet in payload), 0
        if refusing:
            self._journal.note(sender, "refused", submit.number)
            raise Refusal(_cause(refusing))
        recipient, now = self._resolved(submit.number), self._clock.wall()
        content = Deliver(sender, payload, now, dcs, submit.pid, submit.udh, named)
        letter = _Letter(sender, recipient, content, submit, now)
        self._journal.note(sender, "accepted", recipient)
        if self.faults.strikes("lose"):
            self._journal.note(sender, "lost", recipient)
            return
        self._carry(letter)
        if self.faults.strikes("duplicate"):
            self._carry(replace(letter, submit=replace(submit, report=False)))

    def _carry(self, letter: _Letter) -> None:
        asked = letter.submit.validity_s if letter.submit else None
        letter.expiry = self._clock.later(DEFAULT_VALIDITY_S if asked is None else asked, lambda: self._expired(letter))
        delay = self.faults.strikes("delay")
        if delay:
            self._clock.later(delay.number(5), lambda: self._arrive(letter))
        else:
            self._arrive(letter)

    def _arrive(self, letter: _Letter) -> None:
        number = letter.recipient
        if letter.submit and number not in self._held and self.faults.strikes("reorder"):
            self._held[number] = letter
            self._clock.later(REORDER_S, lambda: self._release(number, letter))
            return
        self._queues.setdefault(number, []).append(letter)
        if held := self._held.get(number):
            self._release(number, held)
        self._soon(number)

    def _release(self, number: str, letter: _Letter) -> None:
        if self._held.get(number) is letter:
            del self._held[number]
            self._queues.setdefault(number, []).append(letter)
            self._soon(number)

    def _soon(self, number: str) -> None:
        # Never within the call that sent it: a modem says +CMGS before anything comes of the message.
        self._clock.later(0, lambda: self._give(number))

    def _give(self, number: str) -> None:
        subscriber, queue = self._subscribers.get(number), self._queues.get(number)
        while queue and queue[0].over:
            del queue[0]
        if not subscriber or not queue or number in self._giving:
            return
        if not (subscriber.reachable and subscriber.sms_service):
            return
        letter = self._giving[number] = queue[0]
        subscriber.take(letter.content, lambda taken: self._taken(letter, taken))

    def _taken(self, letter: _Letter, taken: bool) -> None:
        if self._giving.get(letter.recipient) is not letter:
            return
        del self._giving[letter.recipient]
        if not taken:
            self._clock.later(RETRY_S, lambda: self._give(letter.recipient))
            return
        self._queues[letter.recipient].remove(letter)
        self._journal.note(letter.recipient, "delivered" if letter.submit else "reported", letter.sender)
        self._end(letter, DELIVERED)
        self._soon(letter.recipient)

    def _expired(self, letter: _Letter) -> None:
        if self._giving.get(letter.recipient) is letter:
            letter.expiry = self._clock.later(RETRY_S, lambda: self._expired(letter))
            return
        self._journal.note(letter.recipient, "expired", letter.sender)
        self._end(letter, EXPIRED if letter.recipient in self._subscribers else NOT_OBTAINABLE)

    def _end(self, letter: _Letter, status: int) -> None:
        letter.over = True
        if letter.expiry:
            letter.expiry.cancel()
        submit = letter.submit
        if not submit or not submit.report or letter.sender not in self._subscribers:
            return
        if self.faults.strikes("no_report"):
            self._journal.note(letter.sender, "lost", "report")
            return
        report = StatusReport(submit.reference, submit.number, letter.accepted_at, self._clock.wall(), status)
        self._arrive(_Letter(letter.recipient, letter.sender, report))

    def _resolved(self, number: str) -> str:
        """The full number of one that was dialled without its country; itself when nobody here has it."""
        if number.startswith("+") or number in self._subscribers or len(number) < 6:
            return number
        ending = [full for full in self._subscribers if full.endswith(number.lstrip("0"))]
        return ending[0] if len(ending) == 1 else number


def _cause(fault: Fault) -> int:
    return NOT_ALLOWED if fault.name == "text_only" else int(fault.number(OUT_OF_ORDER))
