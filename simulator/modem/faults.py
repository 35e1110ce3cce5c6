"""Faults that are armed to strike: by count, by probability with a seed, after some chances, on some commands.

The terminal and the message center ask at each chance whether one strikes; what it then does is theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from simulator.errors import SimulatorError

ON_COMMANDS = {
    "no_reply": "the command is carried out, its reply is lost",
    "slow": "the reply comes value seconds late (2)",
    "error": "+CME ERROR: value instead of carrying the command out (100)",
    "urc_in_reply": "the line value stands between the reply and its OK (RING)",
    "garbage": "value octets of noise before the reply (20)",
    "dribble": "the reply comes octet by octet, value seconds apart (0.002)",
    "echo": "the command is echoed whatever ATE says",
}
ON_SENDING = {
    "no_prompt": "+CMGS gives no prompt",
    "no_cmgs": "the message leaves, but neither +CMGS nor OK comes",
    "unsent": "the message does not leave, and nothing comes either",
    "cms_error": "+CMS ERROR: value instead of sending (500)",
}
STATES = {
    "hung": "answers nothing until its power is cycled",
    "dies": "the pty is closed; `return` brings it back, on its own after value seconds if given",
    "resets": "starts anew by itself",
    "storage_full": "the storage for incoming messages is filled up",
    "sim_removed": "as it says; `insert_sim` undoes it",
    "network_lost": "as it says; `restore_network` undoes it",
}
_WORDS = ("urc_in_reply", "text_only")  # their value is text
OF_MODEM = ON_COMMANDS | ON_SENDING | STATES
OF_CENTER = {
    "delay": "a message takes value seconds (5)",
    "lose": "a message is accepted and lost",
    "duplicate": "a message comes twice",
    "reorder": "a message waits until the next one to the same number has gone before it, or 30 s",
    "refuse": "a message is refused with +CMS ERROR: value (38)",
    "text_only": "8-bit data is refused (value refuse) or comes as garbled text (value garble, the default)",
    "no_report": "a status report is lost",
}


@dataclass
class Fault:
    """One armed fault: `count` strikes are left (None: without end), `after` chances pass first."""

    name: str
    value: str
    count: int | None
    probability: float
    after: int
    on: str

    def number(self, otherwise: float) -> float:
        """Its value as a number."""
        return float(self.value) if self.value else otherwise


class Faults:
    """The faults of one modem or of the message center; `known` are their names."""

    def __init__(self, known: Mapping[str, str], seed: int) -> None:
        self._known = known
        self._random = Random(seed)  # noqa: S311 - chance that repeats, no secret
        self._armed: list[Fault] = []

    def arm(
        self,
        name: str,
        value: object = "",
        count: int | None = None,
        probability: float = 1.0,
        after: int = 0,
        on: str = "",
    ) -> None:
        """A fault from now on; SimulatorError for one that there is not, or a value that is no number where one is due.

        `on` is the beginning of a command without AT (`+CMGS`); other commands are no chance for it.
        """
        if name not in self._known:
            raise SimulatorError(f"there is no fault {name!r}; there are: {', '.join(self._known)}")
        if not 0 <= probability <= 1:
            raise SimulatorError(f"a probability is from 0 to 1, not {probability}")
        if count is not None and count < 1:
            raise SimulatorError(f"a fault strikes at least once, not {count} times")
        text = str(value)
        if name == "text_only" and text not in ("", "garble", "refuse"):
            raise SimulatorError(f"text_only takes garble or refuse, not {text!r}")
        if text and "value" in self._known[name] and name not in _WORDS and not is_number(text):
            raise SimulatorError(f"{name} takes a number of 0 or more, not {text!r}")
        self._armed.append(Fault(name, text, count, probability, after, on.upper()))

    def clear(self, name: str = "") -> None:
        """No more of this fault, or of any."""
        self._armed = [fault for fault in self._armed if name not in ("", fault.name)]

    def strikes(self, name: str, command: str = "") -> Fault | None:
        """Whether an armed fault of this name strikes now; such a chance is used up."""
        for fault in self._armed:
            if fault.name != name or not command.upper().startswith(fault.on):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if self._random.random() >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
                if not fault.count:
                    self._armed.remove(fault)
            return fault
        return None

    def octets(self, count: int) -> bytes:
        """Noise; without CR and LF, and without the letters that would read as a reply."""
        return bytes(self._random.choice(b"\x00\x01\x7f\x80\xfe\xff\xaa\xd5~{") for _ in range(count))


def is_number(text: str) -> bool:
    """Whether a value can be a time or a code."""
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False
