"""`sereno-sim demo`: a throw-away city, an alert that presses itself, and then yours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live

from simulator.broker import mosquitto_path
from simulator.city import City
from simulator.errors import SimulatorError
from simulator.once import tap
from simulator.plan import city as city_plan
from simulator.view import Row, board

FIRST_ALERT_S = 4.0
FIRST = "C000001"
_FRAME_S = 0.2
_HOLD_S = 2.0
HINTS = (
    "teclas:  g alerta general   m médica   f fuego   b bicicleta   v violencia de género   1-6 botón de esa central   "
    "a reconocer   s silenciar   c corte de luz en C000001   r relé de su sirena, trabado   q salir"
)
_CLASSES = {"g": "general", "m": "medical", "f": "fire", "b": "bicycle_theft", "v": "gender_violence"}


def runtime() -> str:
    """micropython where its wheel exists for this machine, else the same firmware on CPython."""
    return "micropython" if Path(sys.executable).with_name("micropython").exists() else "cpython"


async def once(as_json: bool, broker: str | None) -> None:
    """One alert; a line of JSON at the end if asked."""
    console = Console(stderr=True)
    city = City(city_plan(), runtime(), broker, progress=lambda text: console.print(f"· {text}", style="dim"))
    task = asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, task.cancel)
    try:
        await city.start()
        run = await tap(city, "demo-once-1")
    finally:
        await city.stop()
    if as_json:
        print(json.dumps(run.as_dict()))
        return
    print(
        f"incident {run.incident}: {run.acks_verified} of {run.acks_expected} centers sounded and said so\n"
        f"tap to durable {run.tap_to_durable_ms} ms, to the last siren {run.tap_to_siren_ms} ms, "
        f"to the last first ack {run.tap_to_ack_ms} ms\n"
        f"firmware on {run.runtime}, broker {run.broker}"
    )


async def live(broker: str | None) -> None:
    """The board in the terminal until q or Ctrl-C."""
    console = Console()
    if runtime() == "cpython":
        console.print(
            f"No MicroPython wheel for {platform.machine()}: the same firmware runs on CPython.", style="yellow"
        )
    if broker is None and mosquitto_path() is None:
        console.print("mosquitto is not installed: the broker is amqtt (MQTT 3.1.1).", style="yellow")
    city = City(city_plan(), runtime(), broker, progress=lambda text: console.print(f"· {text}", style="dim"))
    ended = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    try:
        starting = asyncio.create_task(city.start())
        await _first(starting, ended)
        if ended.is_set():
            starting.cancel()
            return
        _introduce(console, city)
        with _keys() as keys, Live(console=console, refresh_per_second=8) as screen:
            await _first(asyncio.create_task(_Desk(city, keys, screen, ended).run()), ended)
    finally:
        await city.stop()
        console.print("Todo terminado; no queda nada corriendo.", style="dim")


class _Desk:
    """Draws the board, presses the first alert, and does what keys say."""

    def __init__(self, city: City, keys: asyncio.Queue[str], screen: Live, ended: asyncio.Event) -> None:
        self._city = city
        self._keys = keys
        self._screen = screen
        self._ended = ended
        self._count = 0
        self._stuck = False
        self._held: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        first_at = loop.time() + FIRST_ALERT_S
        while not self._ended.is_set():
            if first_at and loop.time() >= first_at:
                first_at = 0.0
                await self._do("g")
            with contextlib.suppress(TimeoutError):
                await self._do(await asyncio.wait_for(self._keys.get(), _FRAME_S))
            await self._draw(first_at - loop.time() if first_at else 0)

    async def _do(self, key: str) -> None:
        if key in _CLASSES:
            self._count += 1
            await self._city.alert(f"demo-{os.getpid()}-{self._count:04d}", class_=_CLASSES[key], group=1)
        elif key in "123456":
            task = asyncio.create_task(self._press(f"C00000{key}"))
            self._held.add(task)
            task.add_done_callback(self._held.discard)
        elif key in "as":
            for incident in await self._city.incidents():
                if incident["state"] in ("open", "sounding") or (key == "s" and incident["state"] == "acknowledged"):
                    with contextlib.suppress(SimulatorError):
                        await self._city.act(incident["id"], "acknowledge" if key == "a" else "stop")
        elif key == "c":
            mains = self._city.boards.snapshot(FIRST).inputs["mains"]
            await self._city.boards.set_input(FIRST, "mains", 1 - mains)
        elif key == "r":
            self._stuck = not self._stuck
            await self._city.boards.fault(FIRST, "stuck", self._stuck)
        elif key == "q":
            self._ended.set()

    async def _press(self, name: str) -> None:
        await self._city.boards.press(name)
        await asyncio.sleep(_HOLD_S)
        await self._city.boards.release(name)

    async def _draw(self, wait_s: float) -> None:
        known = {center["center"]: center for center in await self._city.centers()}
        rows = []
        for group in self._city.plan.groups:
            for center in group.centers:
                snapshot = self._city.boards.snapshot(center.name)
                pressed = frozenset(name for name in ("panic", "silent") if snapshot.inputs[name])
                told = known[center.name]
                link = "en línea" if told["up"] else "sin enlace"
                health = told["report"].get("health") or {}
                battery, mains = snapshot.inputs["battery_mv"], bool(snapshot.inputs["mains"])
                rows.append(
                    Row(center.name, group.name, snapshot.outputs, link, battery, pressed, mains, health.get("verdict"))
                )
        incidents = [
            {
                "number": incident["id"],
                "class": incident["class"],
                "state": incident["state"],
                "last": f"{incident['centers_sounded']} de {incident['centers_commanded']} centrales sonaron"
                if incident["centers_commanded"]
                else "no se envió nada a las centrales",
            }
            for incident in (await self._city.incidents())[:5]
        ]
        hint = f"la primera alerta se aprieta sola en {wait_s:.0f} s\n{HINTS}" if wait_s > 0 else HINTS
        self._screen.update(board(rows, incidents, hint))


def _introduce(console: Console, city: City) -> None:
    console.print(f"\nfirmware: [b]{city.boards.snapshot('C000001').runtime}[/b]   broker: [b]{city.broker_kind}[/b]")
    console.print(f"página de operadores: [b]{city.url}/console/[/b]   clave: [b]{city.token}[/b]", soft_wrap=True)
    console.print("una alerta a mano:", soft_wrap=True)
    console.print(
        f"  curl -X POST {city.url}/v1/alerts -H 'Authorization: Bearer {city.key}' "
        """-d '{"id":"a-mano-0001","class":"general","group":2}'""",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip
    console.print(f"registros: {city.folder}/*.log\n", soft_wrap=True)


@contextlib.contextmanager
def _keys() -> Iterator[asyncio.Queue[str]]:
    """Single keys of the terminal, without Enter; nothing when standard input is not one."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    if not sys.stdin.isatty():
        yield keys
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    loop = asyncio.get_running_loop()
    tty.setcbreak(number)
    loop.add_reader(number, lambda: keys.put_nowait(os.read(number, 1).decode(errors="replace")))
    try:
        yield keys
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)


async def _first(task: asyncio.Task[None], ended: asyncio.Event) -> None:
    """Until the task is done or the end is asked for; raises what the task raised."""
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
