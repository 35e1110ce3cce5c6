"""A center on the bench whose every start of an output is written down, and whose power and flash may fail between any two actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firmware.state import unpack
from protocol import codes
from protocol.layout import kind_of
from protocol.messages import ACK, KIND_ACK, Ack
from tests.both.bench import Bench

Action = tuple[Any, ...]


@dataclass(frozen=True)
class Start:
    """An activation that really reached the outputs; `at_ms` on the clock that never stops."""

    at_ms: int
    pair: tuple[int, int]
    authority: int
    counter: int
    class_code: int
    outputs: int
    in_flash: bool
    boot: int

    @property
    def loud(self) -> bool:
        """Whether the street notices."""
        return bool(self.outputs & codes.LOUD)


class PlayedCenter(Bench):  # type: ignore[misc]
    """`cut_after` actions the power goes once; `flash_works` False fails every write."""

    def __init__(self) -> None:
        self.starts: list[Start] = []
        self.cut_after: int | None = None
        self.flash_works = True
        self.flash_failed = False
        self._seen: list[object] = []
        super().__init__()

    def boot(self, synchronise: bool = True) -> None:
        """A start; what was seen running before is gone."""
        self._seen = []
        super().boot(synchronise)

    def do(self, actions: list[Action], flash_first: bool = False) -> list[Action]:
        """As the app does: flash before outputs; with `flash_first` nothing on account of what the flash did not take."""
        if self.center.answers.reserve() and self.flash_works:
            super().do([("save",)])
        for action in actions:
            if self.cut_after is not None:
                self.cut_after -= 1
                if self.cut_after < 0:
                    self.cut_after = None
                    self.boot()
                    return actions
            if action == ("save",) and not self.flash_works:
                self.flash_failed = True
                if flash_first:
                    self._carry(self.center.unsaved())
                    return actions
                continue  # A person's own button, or news: it goes on without the flash.
            self._carry([action])
        return actions

    def acks(self, since: int) -> list[Ack]:
        """The acks that were said since there were so many frames."""
        return [ACK.peek(frame) for frame in self.said[since:] if kind_of(frame) == KIND_ACK]

    def _carry(self, actions: list[Action]) -> None:
        super().do(actions)
        if ("outputs",) not in actions:
            return
        for activation in self.center.running.activations():
            if any(activation is seen for seen in self._seen):
                continue
            self._seen.append(activation)
            pair = self.state.pairs()[-1]
            assert pair[0] == activation.order[2]
            authority, counter, _ = activation.order
            start = Start(
                self.ticks, pair, authority, counter, activation.class_code, activation.outputs,
                pair in unpack(self.flash).pairs(), self.state.boot,
            )  # fmt: skip
            self.starts.append(start)
