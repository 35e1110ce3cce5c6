"""Plays central and the gateway towards many centers at once, with their roots: orders, repeats, issuing anew, hellos, confirms.

As central does (central.flows): an order is repeated every 3 s until it is answered, and issued anew under the same pair when the
center has started again or its time is over. For the soak; it reaches its centers by simulator.wire and knows no board.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocol import codes, report
from protocol.errors import ProtocolError
from protocol.layout import kind_of
from protocol.messages import ACK, CONFIRM, HELLO, KIND_ACK, KIND_HELLO, KIND_REPORT, TIME, Confirm, Time
from protocol.topics import DOWN, parse, topic
from simulator.hostile import Target

RESEND_S = 3.0
TTL_S = 120
# Refusals that say nothing against the order itself: it is issued anew.
PASSING = (codes.STALE, codes.FUTURE, codes.TOO_OLD, codes.NOT_SYNCHRONISED, codes.UPDATING)

Send = Callable[[str, bytes], None]


@dataclass
class Order:
    """One pair (`incident`, 1) for one center. `status` is its answer, None before; `counters` those it was issued under.

    `soundings` are the sequences of the acks that said that it sounded. Moments are of the monotonic clock, in seconds.
    """

    center: str
    incident: int
    action: int
    duration_s: int
    issued_at: float
    counters: list[int] = field(default_factory=list)
    frame: bytes = b""
    sent_at: float = 0.0
    expires_at: float = 0.0
    status: int | None = None
    answered_at: float = 0.0
    soundings: set[int] = field(default_factory=set)

    @property
    def obeyed(self) -> bool:
        """Whether the center said that it did it."""
        return self.status == codes.ACCEPTED


class Dispatcher:
    """`targets` by the center's name; `send(topic, frame)` publishes. Not thread-safe.

    `reports` are (monotonic seconds, center, body), `refusals` and `events` count words, `anew` and `repeats` frames.
    """

    def __init__(self, targets: dict[str, Target], send: Send) -> None:
        self.targets = targets
        self.orders: list[Order] = []
        self.reports: list[tuple[float, str, dict[str, Any]]] = []
        self.refusals: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.anew = self.repeats = self.strangers = 0
        self.greeted: set[str] = set()
        self._send = send
        self._boots: dict[str, tuple[int, bytes]] = {}
        self._pending: dict[str, list[Order]] = {name: [] for name in targets}
        self._by_counter: dict[tuple[str, int], Order] = {}
        self._incident = 0

    def pending(self, name: str) -> list[Order]:
        """What a center has not answered yet."""
        return list(self._pending[name])

    def order(self, name: str, action: int, duration_s: int = 1) -> Order:
        """Issue an order and send it; a center that has not said hello gets it when it does."""
        self._incident += 1
        order = Order(name, self._incident, action, duration_s, time.monotonic())
        self.orders.append(order)
        self._pending[name].append(order)
        self._issue(order)
        if name in self._boots:
            self._publish(order)
        return order

    def turn(self) -> None:
        """Repeat what is due, issue anew what has expired. To be called several times a second."""
        now = time.monotonic()
        for name, orders in self._pending.items():
            for order in orders if name in self._boots else ():
                if now >= order.expires_at:
                    self._anew(order)
                    self._publish(order)
                elif now - order.sent_at >= RESEND_S:
                    self.repeats += 1
                    self._publish(order)

    def receive(self, name_of_topic: str, frame: bytes) -> None:
        """A frame from a center; one that is not sealed by it, or not in its own topic, is counted and forgotten."""
        try:
            name, _ = parse(name_of_topic)
            kind = kind_of(frame)
            if kind == KIND_HELLO:
                self._hello(name, self.targets[name], frame)
            elif kind == KIND_ACK:
                self._ack(name, self.targets[name], frame)
            elif kind == KIND_REPORT:
                said = report.open(self.targets[name].pairs[codes.CENTRAL].up, frame)
                self.reports.append((time.monotonic(), name, said.body))
        except (ProtocolError, KeyError):
            self.strangers += 1

    def _hello(self, name: str, target: Target, frame: bytes) -> None:
        pair = target.pairs[HELLO.peek(frame).authority]
        hello = HELLO.open(pair.up, frame)
        boot, nonce = self._boots.get(name, (-1, b""))
        if hello.boot < boot or (hello.boot == boot and hello.nonce != nonce):
            return
        fresh = hello.nonce != nonce
        self._boots[name] = hello.boot, hello.nonce
        target.nonce = hello.nonce
        self.greeted.add(name)
        told = {codes.CENTRAL: hello.central, codes.LOCAL: hello.local, codes.DRILL: hello.drill}
        for authority, counter in told.items():
            target.counters[authority] = max(target.counters.get(authority, 0), counter)
        if fresh:
            for order in self._pending[name]:
                self._anew(order)
        # Everything below the lowest counter that is still wanted is dead.
        floor = target.counters[hello.authority]
        if hello.authority == codes.CENTRAL:
            floor = min((order.counters[-1] for order in self._pending[name]), default=floor + 1) - 1
        now = time.time()
        answer = Time(
            hello.authority, hello.epoch, hello.center, int(now), int(now % 1 * 1000), floor, hello.request
        )  # fmt: skip
        self._send(topic(name, DOWN), TIME.seal(pair.down, answer, hello.nonce))
        if hello.authority == codes.CENTRAL:
            for order in self._pending[name]:
                self._publish(order)

    def _ack(self, name: str, target: Target, frame: bytes) -> None:
        pair = target.pairs[ACK.peek(frame).authority]
        ack = ACK.open(pair.up, frame)
        if ack.authority != codes.CENTRAL:
            return
        if ack.counter == 0:
            self.events[codes.status_name(ack.status)] += 1
            confirm = Confirm(ack.authority, ack.epoch, ack.center, ack.sequence)
            self._send(topic(name, DOWN), CONFIRM.seal(pair.down, confirm, target.nonce))
            return
        order = self._by_counter.get((name, ack.counter))
        if order is None:
            self.strangers += 1
            return
        if ack.status == codes.SOUNDING:
            order.soundings.add(ack.sequence)
        if order.status is not None:
            return
        if ack.status in PASSING:
            self.refusals[codes.status_name(ack.status)] += 1
            # Not answered at once when it never heard the time: the hello that follows brings it.
            if ack.counter == order.counters[-1] and ack.status != codes.NOT_SYNCHRONISED:
                self._anew(order)
                self._publish(order)
            return
        order.answered_at = time.monotonic()
        order.status = ack.status if codes.refused(ack.status) or ack.status == codes.FAILED else codes.ACCEPTED
        self._pending[name].remove(order)
        if order.status != codes.ACCEPTED:
            self.refusals[codes.status_name(order.status)] += 1

    def _anew(self, order: Order) -> None:
        self.anew += 1
        self._issue(order)

    def _issue(self, order: Order) -> None:
        """The next counter, the present boot, the same pair."""
        target = self.targets[order.center]
        counter = target.next_counter()
        command = target.command(
            int(time.time()), counter=counter, ttl=TTL_S, incident=order.incident, action=order.action,
            duration=order.duration_s,
        )  # fmt: skip
        order.frame = target.seal(command)
        order.counters.append(counter)
        order.expires_at = time.monotonic() + TTL_S
        self._by_counter[order.center, counter] = order

    def _publish(self, order: Order) -> None:
        order.sent_at = time.monotonic()
        self._send(topic(order.center, DOWN), order.frame)
