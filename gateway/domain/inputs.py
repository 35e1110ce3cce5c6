"""The gateway's own buttons and contacts: debounce, hold and lasting states. Pure; `local.gpio` looks at the pins and asks it.

Levels come in as true or false in the trade's sense (pressed, open, lost), statuses of protocol.codes go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protocol.codes import MAINS_BACK, MAINS_LOST, PANIC, SILENT_PANIC, STOPPED_LOCALLY, TAMPER, TAMPER_CLEARED

DEBOUNCE_S = 0.03
TAMPER_S = 2.0
# Switching over to the battery makes a flicker; supplies that come back often come twice.
MAINS_LOST_S = 2.0
MAINS_BACK_S = 10.0
# What happened between two looks far apart nobody saw: the time between them is not worth more than this.
STEP_S = 0.1


class Lasting:
    """A level that counts once it has lasted: `on_s` seconds to come on, `off_s` to go off."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self.on = False
        self._on_s = on_s
        self._off_s = off_s
        self._lasted_s: float | None = None

    def update(self, level: bool, step_s: float) -> bool:
        """One look, `step_s` after the one before; whether `on` changed with it."""
        if level == self.on:
            self._lasted_s = None
            return False
        self._lasted_s = 0.0 if self._lasted_s is None else self._lasted_s + step_s
        if self._lasted_s < (self._off_s if self.on else self._on_s):
            return False
        self.on = level
        self._lasted_s = None
        return True


class Press:
    """A button that must be held; tells its status once for each hold.

    One that is held already when the program starts counts too: a person may hold it through a restart.
    """

    def __init__(self, status: int, hold_s: float) -> None:
        self._status = status
        self._hold_s = hold_s
        self._button = Lasting(DEBOUNCE_S, DEBOUNCE_S)
        self._held_s = 0.0
        self._told = False

    def update(self, pressed: bool, step_s: float) -> int | None:
        """One look; the status when the hold is whole."""
        if self._button.update(pressed, step_s):
            # The hold began with the first look that saw it, not with the end of the bouncing.
            self._held_s, self._told = DEBOUNCE_S, False
        elif self._button.on:
            self._held_s += step_s
        if not self._button.on or self._told or self._held_s < self._hold_s:
            return None
        self._told = True
        return self._status


class Contact:
    """A state that is told when it begins and when it ends; at the start only if it is there."""

    def __init__(self, begins: int, ends: int, on_s: float, off_s: float) -> None:
        self._statuses = (ends, begins)
        self._lasting = Lasting(on_s, off_s)

    def update(self, abnormal: bool, step_s: float) -> int | None:
        """One look; the status when the state has changed."""
        return self._statuses[self._lasting.on] if self._lasting.update(abnormal, step_s) else None


class Inputs:
    """All inputs that are fitted, of `panic`, `silent`, `stop`, `tamper` and `mains` (true while it is lost)."""

    def __init__(self, fitted: Sequence[str], hold_s: float) -> None:
        machines: dict[str, Press | Contact] = {
            "panic": Press(PANIC, hold_s),
            "stop": Press(STOPPED_LOCALLY, hold_s),
            "silent": Press(SILENT_PANIC, hold_s),
            "tamper": Contact(TAMPER, TAMPER_CLEARED, TAMPER_S, TAMPER_S),
            "mains": Contact(MAINS_LOST, MAINS_BACK, MAINS_LOST_S, MAINS_BACK_S),
        }
        self._machines = {name: machines[name] for name in fitted}
        self._at: float | None = None

    def look(self, levels: Mapping[str, bool], at: float) -> list[int]:
        """The statuses to be told after one look at monotonic second `at`, presses first."""
        step_s = 0.0 if self._at is None else min(at - self._at, STEP_S)
        self._at = at
        told = [machine.update(levels[name], step_s) for name, machine in self._machines.items()]
        return [status for status in told if status is not None]
