"""Buttons, contacts and lamps at the pins of the gateway's own board, through gpiozero. Made and started by wiring.

It tells what was pressed (`ports.Sensed`) and decides nothing. No siren hangs here: one that is wired to this board is
the firmware's (docs/boards/raspberry-pi.md).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.domain.inputs import Inputs
from gateway.errors import CannotRun
from gateway.ports import Sensed
from gateway.sections import GpioSettings

PERIOD_S = 0.01
# Capacitors of a modem's board hold its supply for a second or two.
CUT_S = 5.0
# A lamp that blinks: the program runs, and its centers cannot reach it.
_BLINK_S = 0.5
_FACTORIES = {"lgpio": ("gpiozero.pins.lgpio", "LGPIOFactory"), "mock": ("gpiozero.pins.mock", "MockFactory")}


class Lamps:
    """What a passer-by with the cabinet open sees; all of it dark, or not fitted, until `show` is called."""

    def __init__(self) -> None:
        self._fitted: dict[str, Any] = {}
        self._shown: tuple[bool, bool, bool] | None = None
        self._lock = threading.Lock()

    def show(self, uplink: bool, local: bool, alarm: bool) -> None:
        """Central's broker is there, the neighbourhood's own broker is there, an alarm goes on. From any thread, as often as one likes."""
        with self._lock:
            if self._shown == (uplink, local, alarm):
                return
            self._shown = (uplink, local, alarm)
            # A lamp that fails is nobody else's trouble.
            with suppress(Exception):
                for name, on in (("uplink", uplink), ("alarm", alarm)):
                    if name in self._fitted:
                        self._fitted[name].value = on
                link = self._fitted.get("link")
                if link is not None:
                    if local:
                        link.on()
                    else:
                        link.blink(_BLINK_S, _BLINK_S)

    def fit(self, lamps: dict[str, Any]) -> None:
        """These gpiozero LEDs, by name, from now on; none when they are to be closed."""
        with self._lock:
            self._fitted, self._shown = lamps, None


class Gpio:
    """All pins of the gateway. `deliver` puts into the inbox, `failed` is told when the pins can be read no longer."""

    def __init__(
        self,
        section: GpioSettings,
        folder: Path,
        now: Callable[[], float],
        deliver: Callable[[Sensed], None],
        failed: Callable[[str], None],
    ) -> None:
        self.lamps = Lamps()
        self._section = section
        self._folder = folder
        self._now = now
        self._deliver = deliver
        self._failed = failed
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pins", daemon=True)
        self._factory: Any = None
        self._devices: dict[str, Any] = {}

    def start(self) -> None:
        """Open the pins and watch them; raises CannotRun with a sentence. Nothing happens where none are configured."""
        if self._section.backend == "none":
            return
        try:
            self._open()
        except Exception as error:
            self._close()
            raise CannotRun(_sentence(self._section.backend, error)) from error
        self._thread.start()

    def stop(self) -> None:
        """Lamps out, pins given back; also where none were opened."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._close()

    async def cut_modem(self) -> None:
        """Take the modem's supply away for some seconds; the strongest that can be done to it."""
        relay = self._devices["modem power"]
        relay.on()
        try:
            await asyncio.sleep(CUT_S)
        finally:
            relay.off()

    def _open(self) -> None:
        # The library of lgpio makes its pipes in this folder, and without one in whatever folder it is started.
        os.environ["LG_WD"] = str(self._folder)
        gpiozero = import_module("gpiozero")
        module, name = _FACTORIES[self._section.backend]
        self._factory = gpiozero.Device.pin_factory = getattr(import_module(module), name)()
        for name, pin in self._section.inputs().items():
            self._devices[name] = gpiozero.DigitalInputDevice(pin, pull_up=self._pull_up(name))
        lamps = {
            name: gpiozero.LED(pin, active_high=self._section.lamp_level == "high")
            for name, pin in self._section.lamps().items()
        }
        self._devices.update(lamps)
        if self._section.modem_power:
            self._devices["modem power"] = gpiozero.DigitalOutputDevice(self._section.modem_power)
        self.lamps.fit(lamps)

    def _pull_up(self, name: str) -> bool:
        """A cut wire is a button that is not pressed, a cabinet that is open, a mains that is lost."""
        return {
            "tamper": self._section.tamper_level == "high",
            "mains": self._section.mains_level == "low",
        }.get(name, self._section.press_level == "low")

    def _levels(self) -> dict[str, bool]:
        high = {name: bool(self._devices[name].pin.state) for name in self._section.inputs()}
        meant = {
            "tamper": self._section.tamper_level == "high",
            # What counts is that it is lost.
            "mains": self._section.mains_level == "low",
        }
        return {name: level == meant.get(name, self._section.press_level == "high") for name, level in high.items()}

    def _watch(self) -> None:
        inputs = Inputs(list(self._section.inputs()), self._section.hold_ms / 1000)
        try:
            while not self._ended.wait(PERIOD_S):
                at = self._now()
                for status in inputs.look(self._levels(), at):
                    self._deliver(Sensed(status, at))
        except Exception as error:
            self._failed(f"the pins can no longer be read ({error}); look at the board")

    def _close(self) -> None:
        self.lamps.fit({})
        for device in self._devices.values():
            device.close()
        self._devices.clear()
        if self._factory is not None:
            self._factory.close()
            self._factory = import_module("gpiozero").Device.pin_factory = None


def _sentence(backend: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f'gpio.backend = "{backend}" needs the library {error.name}; on a Raspberry Pi call install.sh again, elsewhere set backend = "none"'
    return (
        f'gpio.backend = "{backend}": the pins cannot be opened ({error}); is this a Raspberry Pi, is no other program '
        "at these pins, and is the service's user in the group gpio?"
    )
