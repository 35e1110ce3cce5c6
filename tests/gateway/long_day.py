"""A gateway and central, both with their real flows and stores, on one virtual clock; between them lines that lose and delay."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from functools import partial

from gateway.ports import LOCAL, UPLINK
from protocol import codes
from protocol.keys import Pair, center_pair
from protocol.topics import DOWN, UP, center_name, gateway_name, topic
from tests.central.rig import Rig
from tests.gateway import frames
from tests.gateway.desk import Desk

BEAT_S = 60
# A sign of life: what goes at QoS 0, so that a broker may lose it.
SIGN = 15
# What a lost segment costs what goes by TCP at QoS 1.
HELD_S = (0.2, 3.0)


class LongDay:
    """`loss` is the share of messages that meet with it: at QoS 0 they are gone, at QoS 1 they and what follows are late.

    `dark` is a line that carries nothing, and says nothing about it.
    """

    def __init__(self, desk: Desk, rig: Rig, loss: float, seed: int) -> None:
        self.desk = desk
        self.rig = rig
        self.dark = False
        self.silent_centers: set[int] = set()
        self.at = 0.0
        self._loss = loss
        self._dice = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._free_at = {UP: 0.0, DOWN: 0.0}
        self._beats = {center: itertools.count(1) for center in frames.MINE}
        # Central knows these devices under the keys that the desk has.
        rig.devices.gateway = lambda number: frames.hop_keys()  # type: ignore[method-assign]
        rig.devices.center = _center  # type: ignore[method-assign]
        self._began = rig.clock.at
        rig.fleet._since = rig.clock.at
        desk.link(LOCAL, True)
        desk.link(UPLINK, True)
        for center in frames.MINE:
            self.later(self._dice.uniform(0, BEAT_S), partial(self._beat, center))

    def later(self, after_s: float, action: Callable[[], None]) -> None:
        """Something that happens then."""
        heapq.heappush(self._events, (self.at + after_s, next(self._order), action))

    def run(self, seconds: int, look: Callable[[], None] = lambda: None) -> None:
        """Let time pass in steps of a second; `look` is called after each."""
        for _ in range(seconds):
            self.at += 1
            while self._events and self._events[0][0] <= self.at:
                heapq.heappop(self._events)[2]()
            self.desk.tick(1)
            self._upwards()
            self.rig.clock.at = self._began + self.at
            self.rig.faults.once()
            self._downwards()
            look()

    def until(self, met: Callable[[], object], at_most_s: int = 600) -> int:
        """For how many seconds it takes."""
        for passed in range(1, at_most_s + 1):
            self.run(1)
            if met():
                return passed
        raise AssertionError(f"not within {at_most_s} s")

    def _upwards(self) -> None:
        sent, self.desk.uplink.sent = self.desk.uplink.sent, []
        for octets in sent:
            self._carry(UP, octets, partial(self.rig.receive, 1, octets))

    def _downwards(self) -> None:
        sent, self.rig.broker.sent = self.rig.broker.sent, []
        for _, octets in sent:
            self._carry(DOWN, octets, partial(self._arrive, octets))

    def _arrive(self, octets: bytes) -> None:
        self.desk.turns.turn([self.desk.received(UPLINK, topic(gateway_name(1), DOWN), octets)])

    def _carry(self, direction: str, octets: bytes, arrive: Callable[[], None]) -> None:
        unlucky = self._dice.random() < self._loss
        if self.dark or (unlucky and len(octets) == SIGN):
            return
        late_s = self._dice.uniform(*HELD_S) if unlucky else 0.1
        self._free_at[direction] = max(self._free_at[direction], self.at + late_s)
        self.later(self._free_at[direction] - self.at, lambda: None if self.dark else arrive())

    def _beat(self, center: int) -> None:
        self.later(BEAT_S, partial(self._beat, center))
        if center in self.silent_centers:
            return
        number = next(self._beats[center])
        late_s = self._dice.uniform(*HELD_S) if self._dice.random() < self._loss else 0.0
        for authority in (codes.LOCAL, codes.CENTRAL):
            beat = frames.beat(center, authority, number)
            self.later(late_s, partial(self.desk.up, beat, name=center_name(center)))


def _center(number: int, authority: int) -> Pair:
    return center_pair(frames.center_root(number), number, 0, authority)
