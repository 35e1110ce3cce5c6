"""What a tester can do to a modem at once, and what a fault that is a state does when it strikes. By name, for the console and for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.errors import SimulatorError
from simulator.modem.device import DENIED, HOME, ROAMING, Device
from simulator.modem.faults import Fault, is_number

_REGISTRATIONS = {"home": HOME, "denied": DENIED, "roaming": ROAMING}


def _see(device: Device, **changed: Any) -> None:
    device.see(replace(device.network, **changed))


def _one_of(names: list[str], value: str) -> str:
    if value not in names:
        raise SimulatorError(f"choose one of {', '.join(names)}, not {value!r}")
    return value


def _signal(device: Device, value: str) -> None:
    try:
        _see(device, signal_dbm=int(value))
    except ValueError:
        raise SimulatorError(f"a signal is in dBm, for example -71, not {value!r}") from None


def _hang(device: Device, value: str) -> None:
    device.hung = True


def _die(device: Device, value: str) -> None:
    if value and not is_number(value):
        raise SimulatorError(f"die takes a number of seconds, not {value!r}")
    device.unplugged = True
    device.power_off()
    if value:
        device.clock.later(float(value), lambda: _return(device, ""))


def _return(device: Device, value: str) -> None:
    device.unplugged = False
    device.power_on()


def _service(device: Device, value: str) -> None:
    device.sms_service = _one_of(["on", "off"], value) == "on"
    device.freed()


ACTIONS: dict[str, tuple[str, Callable[[Device, str], None]]] = {
    "power_on": ("", lambda device, value: device.power_on()),
    "power_off": ("", lambda device, value: device.power_off()),
    "power_cycle": ("undoes hung", lambda device, value: device.power_cycle()),
    "hang": ("answer nothing until the power is cycled", _hang),
    "die": ("close the pty; for so many seconds, or until `return`", _die),
    "return": ("open the pty again", _return),
    "remove_sim": ("", lambda device, value: device.set_card(False)),
    "insert_sim": ("", lambda device, value: device.set_card(True)),
    "lose_network": ("", lambda device, value: _see(device, signal_dbm=None)),
    "restore_network": ("", lambda device, value: _see(device, signal_dbm=-71)),
    "signal": ("dBm", _signal),
    "registration": (
        "home, denied or roaming",
        lambda device, value: _see(device, registration=_REGISTRATIONS[_one_of([*_REGISTRATIONS], value)]),
    ),
    "technology": (
        "gsm, umts or lte",
        lambda device, value: _see(device, technology=_one_of(["gsm", "umts", "lte"], value)),
    ),
    "operator": ("its name", lambda device, value: _see(device, operator=value)),
    "sms_service": ("on or off: whether the subscription has short messages", _service),
    "fill_storage": ("no place is left for incoming messages", lambda device, value: device.inbox.fill()),
    "say": ("a line that nobody asked for", lambda device, value: device.say(value)),
}
_STATES = {
    "hung": "hang",
    "dies": "die",
    "resets": "power_cycle",
    "storage_full": "fill_storage",
    "sim_removed": "remove_sim",
    "network_lost": "lose_network",
}


def act(device: Device, name: str, value: str = "") -> None:
    """Do it; SimulatorError for what cannot be done."""
    if name not in ACTIONS:
        raise SimulatorError(f"a modem cannot {name!r}; it can: {', '.join(ACTIONS)}")
    device.journal.note(device.number, "fault", f"{name} {value}".strip())
    ACTIONS[name][1](device, value)


def strike(device: Device, fault: Fault) -> None:
    """A fault of `faults.STATES` comes true."""
    act(device, _STATES[fault.name], fault.value)
