"""Centers on an RS-485 line for tests: the real firmware on MicroPython, a bus, and the gateway's settings for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from protocol import codes
from protocol.hmac import Mac
from protocol.keys import center_pairs, vault_key
from protocol.messages import COMMAND, HELLO, TIME, Command, Time
from simulator.bus import SerialBus
from tests.firmware.neighbourhood import MICROPYTHON, Lines
from tests.gateway.clients import FakeCentral
from tests.gateway.frames import center_root

LOUD = bytes([1, 2, 4, 5])


class Wire:
    """A bus with centers at it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bus = SerialBus(folder / "ttyRS485")
        self._boards: list[Lines] = []

    def section(self, *centers: int, reply_ms: int = 200) -> dict[str, Any]:
        """The gateway's settings. A shared machine is slower than a board on its own."""
        return {"device": str(self.bus.device), "centers": list(centers), "reply_ms": reply_ms}

    def center(self, number: int) -> Lines:
        """Start a center's firmware on the line."""
        folder = self._folder / f"wired-{number}"
        folder.mkdir(exist_ok=True)
        root = center_root(number)
        device = {
            "center": number, "group": 1, "gateway": "G000001", "epoch": 0, "root": root.hex(), "loud": list(LOUD),
            "loud_tag": Mac(vault_key(root, number)).tag(b"sereno/1 loud\0" + LOUD).hex(), "panic_class": 1,
            "settings": {"hold_ms": 300, "beat_s": 5}, "serial": {"port": self.bus.port},
        }  # fmt: skip
        (folder / "device.json").write_text(json.dumps(device))
        board = Lines(folder, str(MICROPYTHON), "-X", "heapsize=256k")
        self._boards.append(board)
        return board

    def close(self) -> None:
        """End the centers and the line."""
        for board in self._boards:
            board.close()
        self.bus.close()


def greet(central: FakeCentral, *numbers: int) -> dict[int, bytes]:
    """Answer the hellos of these centers as central does; their nonces."""
    nonces: dict[int, bytes] = {}
    while len(nonces) < len(numbers):
        frame, _ = central.next_frame(HELLO.kind, 30)
        number, authority = HELLO.peek(frame).center, HELLO.peek(frame).authority
        if authority != codes.CENTRAL or number not in numbers:
            continue
        pair = center_pairs(center_root(number), number, 0)[codes.CENTRAL]
        hello = HELLO.open(pair.up, frame)
        answer = Time(codes.CENTRAL, 0, number, int(time.time()), 0, 0, hello.request)
        central.down([TIME.seal(pair.down, answer, hello.nonce)])
        nonces[number] = hello.nonce
    return nonces


def order(number: int, nonce: bytes, counter: int, duration: int = 1) -> bytes:
    """A command of central's that sounds the siren."""
    message = Command(
        codes.CENTRAL, 0, number, 1, counter, int(time.time()), 120, counter, 1, codes.GENERAL,
        codes.ACTIVATE | codes.SIREN, duration, 0,
    )  # fmt: skip
    return COMMAND.seal(center_pairs(center_root(number), number, 0)[codes.CENTRAL].down, message, nonce)
