"""Boards with the real firmware for tests: a center whose gateway is not there, so only its own button sounds it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from protocol.hmac import Mac
from protocol.keys import vault_key
from simulator.boards import BoardProcess

NAME = "C000001"
UP_S = 15.0
_ROOT = bytes(range(32))

Walk = Callable[[BoardProcess], Awaitable[None]]


def device(folder: Path, center: int = 1, hold_ms: int = 300) -> Path:
    """The folder of a center's files, made; its button counts after `hold_ms`."""
    loud = [1, 2, 4, 5]
    content = {
        "center": center, "group": 1, "gateway": "G000001", "epoch": 0, "root": _ROOT.hex(), "loud": loud,
        "panic_class": 1, "settings": {"hold_ms": hold_ms}, "endpoints": [{"host": "127.0.0.1", "port": 1, "name": "G000001"}],
        "loud_tag": Mac(vault_key(_ROOT, center)).tag(b"sereno/1 loud\0" + bytes(loud)).hex(),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "device.json").write_text(json.dumps(content))
    return folder


def on_boards(
    walk: Walk, folder: Path, watchdog_s: float = 8.0, hardware_limit_s: float = 185.0, runtime: str = "micropython"
) -> None:
    """One powered board whose firmware runs; ended whatever happens."""

    async def run() -> None:
        boards = await BoardProcess.start(watchdog_s, hardware_limit_s)
        try:
            await boards.add(NAME, folder, runtime)
            await boards.power(NAME, True)
            await boards.until(lambda: boards.snapshot(NAME).runtime, UP_S, "the firmware's report")
            await walk(boards)
        finally:
            await boards.stop()

    asyncio.run(run())


async def sound(boards: BoardProcess, name: str = NAME) -> int:
    """The siren on by the center's own button; the pid of its interpreter."""
    await boards.press(name)
    await boards.until(lambda: boards.on(name), UP_S, f"the siren of {name}")
    await boards.release(name)
    pid = boards.snapshot(name).pid
    assert pid is not None
    return pid
