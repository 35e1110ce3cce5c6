"""A center's voice without a board: sealed words from what enrolment wrote for it. For measurements that need words and no behaviour."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from protocol import report
from protocol.codes import CENTRAL
from protocol.keys import Pair, center_pair
from protocol.messages import ACK, BEAT, HELLO, Ack, Beat, Hello
from protocol.topics import center_name

NONCE = b"no board"


class Voice:
    """`folder` holds device.json; each word has the next sequence."""

    def __init__(self, folder: Path) -> None:
        device: dict[str, Any] = json.loads((folder / "device.json").read_text())
        self.number: int = device["center"]
        self.name = center_name(self.number)
        self._root = bytes.fromhex(device["root"])
        self._epoch: int = device["epoch"]
        self._sequence = count(1)

    def hello(self, authority: int) -> bytes:
        """The hello of its only boot."""
        message = Hello(authority, self._epoch, self.number, 1, NONCE, next(self._sequence), 0, 0, 0, 0, 1)
        return HELLO.seal(self._pair(authority).up, message)

    def beat(self, authority: int = CENTRAL) -> bytes:
        """A heartbeat: mains there, a full battery."""
        message = Beat(authority, self._epoch, self.number, next(self._sequence), 86_400, 13_600, 5, 0, 0)
        return BEAT.seal(self._pair(authority).up, message)

    def event(self, status: int) -> bytes:
        """An event of its own, told to central."""
        message = Ack(CENTRAL, self._epoch, self.number, 0, 0, status, 0, next(self._sequence), 0, 12_600)
        return ACK.seal(self._pair(CENTRAL).up, message)

    def report(self) -> bytes:
        """A self-description as long as the longest: 1,024 octets, never the same twice."""
        sequence = next(self._sequence)
        body = {"cause": f"{sequence:06d}", "filler": ""}
        body["filler"] = "x" * (report.MAX_BODY - len(json.dumps(body)))
        message = report.Report(CENTRAL, self._epoch, self.number, sequence, body)
        return report.seal(self._pair(CENTRAL).up, message)

    def _pair(self, authority: int) -> Pair:
        return center_pair(self._root, self.number, self._epoch, authority)
