"""What the soak judges by: outputs against orders, memory over time, and its own playing of central."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import codes
from protocol.layout import kind_of
from protocol.messages import ACK, COMMAND, HELLO, KIND_COMMAND, KIND_TIME, TIME, Ack, Hello
from protocol.topics import DOWN, UP, topic
from simulator.dispatcher import Dispatcher, Order
from simulator.hostile import Target
from simulator.soak_memory import Memory
from simulator.soak_verdict import INDICATOR, SIREN, verdict

NAME = "C000001"
ROOT = bytes(range(32))
OFF: frozenset[str] = frozenset()
NOW = 1000.0


def order(action: int, status: int | None = codes.ACCEPTED, duration_s: int = 3) -> Order:
    return Order(NAME, 1, action, duration_s, 0.0, status=status)


def on(output: str, *spells: tuple[float, float]) -> list[tuple[float, frozenset[str]]]:
    return [(at, what) for began, ended in spells for at, what in ((began, frozenset({output})), (ended, OFF))]


@pytest.mark.parametrize(
    ("history", "orders", "frozen", "found"),
    [
        (on("siren", (10, 13)), [order(SIREN)], [], []),
        (on("siren", (10, 13), (20, 23)), [order(SIREN)], [], ["siren on 2 times for 1 orders"]),
        (on("siren", (10, 13)), [order(SIREN, codes.BUDGET_SPENT)], [], ["siren on 1 times for 0 orders"]),
        (on("siren", (10, 13)), [order(SIREN, None)], [], ["siren on 1 times for 0 orders"]),
        ([], [order(SIREN)], [], ["siren on 0 times for 1 orders"]),
        ([], [order(SIREN)], [(5, 9)], []),
        (on("siren", (10, 14)), [order(SIREN)], [], ["siren on for 4.0 s, asked were 3 s"]),
        (on("siren", (10, 14)), [order(SIREN)], [(12, 14)], []),
        (on("siren", (10, 14)), [order(SIREN)], [(15, 17)], ["siren on for 4.0 s, asked were 3 s"]),
        (on("siren", (10, 19)), [order(SIREN)], [(12, 19)], ["siren on for 9.0 s, asked were 3 s"]),
        (on("indicator", (1, 2)), [order(INDICATOR, duration_s=1)], [], []),
        (on("strobe", (1, 1.2)), [order(SIREN)], [(0, 1)], ["strobe on 1 times for 0 orders"]),
        (
            on("siren", (10, 13), (20, 23), (30, 33), (40, 43)),
            [order(SIREN) for _ in range(4)],
            [],
            ["siren on 4 times, the budget is 3 in 15 minutes"],
        ),
    ],
)
def test_outputs_follow_orders(
    history: list[tuple[float, frozenset[str]]],
    orders: list[Order],
    frozen: list[tuple[float, float]],
    found: list[str],
) -> None:
    """As often as orders were obeyed and as long as they said; a processor that stood still is let off what it must."""
    assert verdict(history, orders, frozen, 4.0, NOW) == found


def test_a_pair_that_is_told_to_sound_twice_is_found() -> None:
    """By the sequences of its center's own acks; the same ack again is none."""
    twice = order(SIREN)
    twice.soundings |= {7}
    assert verdict(on("siren", (10, 13)), [twice], [], 4.0, NOW) == []
    twice.soundings |= {9}
    assert verdict(on("siren", (10, 13)), [twice], [], 4.0, NOW) == ["pair 1 sounded twice"]


@pytest.mark.parametrize(("last", "found"), [(105, 0), (95, 0), (112, 1), (88, 1)])
def test_memory_that_grows_is_found(last: int, found: int) -> None:
    """The heap of the last third beside that of the second: within a tenth; what the first third did is no matter."""
    memory = Memory()
    reports: list[tuple[float, str, dict[str, Any]]] = []
    for at in range(90):
        used = 50 if at < 30 else 100 if at < 60 else last
        reports.append((float(at), NAME, {"heap": [used, 1000 - used]}))
    memory.judge(0.0, 90.0, reports)
    assert len(memory.violations) == found
    assert (memory.figures["heap"]["centers"], memory.figures["heap_free"]["least"]) == (
        1,
        900 if last < 100 else 1000 - last,
    )


class Desk:
    """A dispatcher, and the one center that it speaks to, by hand."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.target = Target(1, 1, ROOT)
        self.center = self.target.pairs[codes.CENTRAL]
        self.told = Dispatcher({NAME: self.target}, self._send)
        self._sequence = 0

    def _send(self, name: str, frame: bytes) -> None:
        assert name == topic(NAME, DOWN)
        self.sent.append(frame)

    def hello(self, boot: int, nonce: bytes) -> None:
        message = Hello(codes.CENTRAL, 0, 1, boot, nonce, 1, 0, 0, 0, 1, 1)
        self.told.receive(topic(NAME, UP), HELLO.seal(self.center.up, message))

    def ack(self, counter: int, status: int) -> None:
        self._sequence += 1
        message = Ack(codes.CENTRAL, 0, 1, counter, 1, status, 0, self._sequence, 0, 12_700)
        self.told.receive(topic(NAME, UP), ACK.seal(self.center.up, message))

    def frames(self, kind: int) -> list[bytes]:
        found = [frame for frame in self.sent if kind_of(frame) == kind]
        self.sent = [frame for frame in self.sent if kind_of(frame) != kind]
        return found


ONE, TWO = b"nonce 01", b"nonce 02"


def test_an_order_is_issued_anew_for_a_new_boot_only() -> None:
    """Another hello of the same boot brings the same frame again; that of a new one a new counter, seal and floor, one pair."""
    desk = Desk()
    desk.hello(1, ONE)
    assert TIME.open(desk.center.down, desk.frames(KIND_TIME)[0], ONE).floor == 0
    made = desk.told.order(NAME, codes.PROBE)
    (first,) = desk.frames(KIND_COMMAND)
    desk.hello(1, ONE)
    assert desk.frames(KIND_COMMAND) == [first]
    assert TIME.open(desk.center.down, desk.frames(KIND_TIME)[0], ONE).floor == 0
    desk.hello(2, TWO)
    (second,) = desk.frames(KIND_COMMAND)
    before, after = COMMAND.open(desk.center.down, first, ONE), COMMAND.open(desk.center.down, second, TWO)
    assert (after.counter, after.incident, after.activation) == (2, before.incident, before.activation)
    assert TIME.open(desk.center.down, desk.frames(KIND_TIME)[0], TWO).floor == 1
    desk.hello(1, ONE)
    assert (desk.sent, desk.told.anew, made.status) == ([], 1, None)
    desk.ack(1, codes.ACCEPTED)
    assert (made.status, desk.told.pending(NAME)) == (codes.ACCEPTED, [])


@pytest.mark.parametrize(
    ("status", "answer", "anew"),
    [
        (codes.ACCEPTED, codes.ACCEPTED, 0),
        (codes.SOUNDING, codes.ACCEPTED, 0),
        (codes.BUDGET_SPENT, codes.BUDGET_SPENT, 0),
        (codes.FAILED, codes.FAILED, 0),
        (codes.STALE, None, 1),
        (codes.TOO_OLD, None, 1),
        (codes.NOT_SYNCHRONISED, None, 0),
    ],
)
def test_what_is_an_answer(status: int, answer: int | None, anew: int) -> None:
    """A refusal of the order is one; of its age or its boot it is none, and the order goes on."""
    desk = Desk()
    desk.hello(1, ONE)
    made = desk.told.order(NAME, SIREN)
    desk.ack(made.counters[-1], status)
    assert (made.status, desk.told.anew, bool(desk.told.pending(NAME))) == (answer, anew, answer is None)


def test_what_is_not_sealed_by_the_center_is_no_answer() -> None:
    """Another center's key, or an ack in another's topic."""
    desk = Desk()
    desk.hello(1, ONE)
    made = desk.told.order(NAME, codes.PROBE)
    other = Target(1, 1, bytes(32)).pairs[codes.CENTRAL]
    message = Ack(codes.CENTRAL, 0, 1, 1, 1, codes.ACCEPTED, 0, 1, 0, 12_700)
    desk.told.receive(topic(NAME, UP), ACK.seal(other.up, message))
    desk.told.receive(topic("C000002", UP), ACK.seal(desk.center.up, message))
    assert (made.status, desk.told.strangers) == (None, 2)
