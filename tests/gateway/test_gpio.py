"""The gateway's own pins through real gpiozero on its mock chip; debounce and hold in virtual time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory
from typer.testing import CliRunner

from gateway.__main__ import app
from gateway.check import findings
from gateway.domain.inputs import Inputs
from gateway.errors import CannotRun, SettingsWrong
from gateway.local import gpio
from gateway.local.gpio import Gpio
from gateway.ports import Sensed
from gateway.sections import GpioSettings
from gateway.settings import load
from protocol.codes import MAINS_BACK, MAINS_LOST, PANIC, SILENT_PANIC, TAMPER, TAMPER_CLEARED
from tests.gateway.frames import DEADLINE_S
from tests.gateway.rig import Neighbourhood

PINS = {"panic": 17, "silent": 27, "tamper": 22, "mains": 23, "link_lamp": 5, "uplink_lamp": 6, "alarm_lamp": 13}
QUIET = {"panic": False, "silent": False, "tamper": False, "mains": False}
LOOK_S = 0.01


class Looks:
    """Inputs that are looked at every 10 ms of virtual time."""

    def __init__(self, hold_s: float = 1.0) -> None:
        self.inputs = Inputs(list(QUIET), hold_s)
        self.at = 100.0

    def during(self, lasting_s: float, **levels: bool) -> list[int]:
        """What is told while these levels last."""
        told = []
        for _ in range(round(lasting_s / LOOK_S)):
            self.at += LOOK_S
            told += self.inputs.look({**QUIET, **levels}, self.at)
        return told


@pytest.mark.parametrize(("name", "status"), [("panic", PANIC), ("silent", SILENT_PANIC)])
def test_a_button_counts_once_for_each_whole_hold(name: str, status: int) -> None:
    """A second of holding is one press, however long it goes on; a tap is none; the next hold is another."""
    looks = Looks()
    assert looks.during(0.9, **{name: True}) == []
    assert looks.during(0.2) == []
    assert looks.during(1.1, **{name: True}) == [status]
    assert looks.during(60, **{name: True}) == []
    assert looks.during(0.2) == []
    assert looks.during(1.1, **{name: True}) == [status]


def test_bouncing_neither_presses_nor_ends_a_hold() -> None:
    """Contacts bounce for some milliseconds; taps in a row never add up to a hold."""
    looks = Looks()
    assert [looks.during(0.02, panic=bool(turn % 2)) for turn in range(200)] == [[]] * 200
    assert looks.during(0.6, panic=True) + looks.during(0.02) + looks.during(0.5, panic=True) == [PANIC]
    looks.during(1)
    assert [looks.during(0.5, panic=True) + looks.during(0.05) for _ in range(20)] == [[]] * 20


def test_two_looks_far_apart_are_no_hold() -> None:
    """What happened while the program stood still nobody saw: it may have been two taps."""
    looks = Looks()
    looks.during(0.2, panic=True)
    looks.at += 30
    assert looks.during(0.5, panic=True) == []


def test_tamper_and_mains_are_told_at_each_change_and_never_for_a_flicker() -> None:
    """Two seconds open or dark, two seconds closed again, ten seconds of mains."""
    looks = Looks()
    assert looks.during(1.9, tamper=True, mains=True) == []
    assert looks.during(0.1) == []
    assert looks.during(2.1, tamper=True, mains=True) == [TAMPER, MAINS_LOST]
    assert looks.during(60, tamper=True, mains=True) == []
    assert looks.during(2.1) == [TAMPER_CLEARED]
    assert [looks.during(7.5), looks.during(0.6)] == [[], [MAINS_BACK]]


def test_at_the_start_only_what_is_abnormal_is_told() -> None:
    """A closed cabinet with mains is no news; an open one is, after each start."""
    assert Looks().during(30) == []
    assert Looks().during(30, tamper=True) == [TAMPER]


class Rig:
    """The pins of a gateway on gpiozero's mock chip; `told` and `failures` as they come."""

    def __init__(self, folder: Path, **section: Any) -> None:
        self.told: SimpleQueue[Sensed] = SimpleQueue()
        self.failures: SimpleQueue[str] = SimpleQueue()
        settings = GpioSettings(**{"backend": "mock", "hold_ms": 300, **PINS, **section})
        self.gpio = Gpio(settings, folder, time.monotonic, self.told.put, self.failures.put)
        self.gpio.start()

    def pin(self, name: str) -> Any:
        """The mock pin."""
        return Device.pin_factory.pin(PINS[name])

    def status(self) -> int:
        """The next that is told."""
        return self.told.get(timeout=DEADLINE_S).status


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    """Makes rigs; their pins are closed at the end."""
    monkeypatch.setenv("SERENO_GATEWAY_ALLOW_MOCK", "1")
    monkeypatch.setenv("LG_WD", "")
    made: list[Rig] = []

    def make(**section: Any) -> Rig:
        made.append(Rig(tmp_path, **section))
        return made[-1]

    yield make
    for one in made:
        one.gpio.stop()


def test_a_press_at_a_pin_reaches_the_inbox(rig: Callable[..., Rig]) -> None:
    """Both buttons, closed to ground."""
    board = rig(mains=0)
    for name, status in (("panic", PANIC), ("silent", SILENT_PANIC)):
        board.pin(name).drive_low()
        assert board.status() == status
        board.pin(name).drive_high()


def test_a_cut_wire_is_an_open_cabinet_and_a_lost_mains_and_no_press(rig: Callable[..., Rig]) -> None:
    """With nothing at its pins each input goes by its pull: two states are told, and no button."""
    board = rig()
    assert {board.status(), board.status()} == {TAMPER, MAINS_LOST}
    board.pin("tamper").drive_low()
    assert board.status() == TAMPER_CLEARED
    assert board.told.empty()


def test_levels_can_be_the_other_way_round(rig: Callable[..., Rig]) -> None:
    """Buttons to 3.3 V, a contact that closes when the cabinet opens, an opto-coupler that pulls down."""
    board = rig(press_level="high", tamper_level="low", mains_level="low")
    assert [board.pin(name).pull for name in ("panic", "tamper", "mains")] == ["down", "down", "up"]
    assert {board.status(), board.status()} == {TAMPER, MAINS_LOST}
    board.pin("panic").drive_high()
    assert board.status() == PANIC


def test_lamps_show_what_they_are_told_and_go_out_at_the_end(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Link blinks without the local broker; an end leaves no output driven."""
    board = rig()
    pins = [board.pin(name) for name in ("link_lamp", "uplink_lamp", "alarm_lamp")]
    assert [pin.state for pin in pins] == [False, False, False]
    board.gpio.lamps.show(uplink=True, local=True, alarm=False)
    assert [pin.state for pin in pins] == [True, True, False]
    changes: SimpleQueue[bool] = SimpleQueue()
    monkeypatch.setattr(pins[0], "_change_state", changes.put)
    board.gpio.lamps.show(uplink=False, local=False, alarm=True)
    assert [pin.state for pin in pins[1:]] == [False, True]
    assert {bool(changes.get(timeout=DEADLINE_S)) for _ in range(4)} == {True, False}
    board.gpio.stop()
    assert [pin.function for pin in pins] == ["input"] * 3
    board.gpio.lamps.show(uplink=True, local=True, alarm=True)


def test_pins_that_can_no_longer_be_read_end_the_program(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway whose buttons are dead must not go on as if they lived: systemd starts it anew."""
    board = rig()

    def broken(_self: object) -> bool:
        raise OSError("the chip is gone")

    monkeypatch.setattr(type(board.pin("panic")), "_get_state", broken)
    assert board.failures.get(timeout=DEADLINE_S).startswith("the pins can no longer be read (the chip is gone)")


def test_without_a_backend_nothing_is_opened(rig: Callable[..., Rig]) -> None:
    """The default: lamps take what they are shown, and no chip is looked for."""
    board = rig(backend="none")
    board.gpio.lamps.show(uplink=True, local=True, alarm=True)
    assert Device.pin_factory is None


def test_a_machine_without_the_library_or_the_chip_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence each; the library's pipes have the state folder for a place."""
    monkeypatch.setenv("LG_WD", "")
    monkeypatch.setitem(sys.modules, "lgpio", None)
    made = Gpio(GpioSettings(backend="lgpio", panic=17), tmp_path, time.monotonic, print, print)
    with pytest.raises(
        CannotRun, match=r'^gpio\.backend = "lgpio" needs the library lgpio; on a Raspberry Pi call install.sh again'
    ):
        made.start()
    assert os.environ["LG_WD"] == str(tmp_path)

    class NoChip(MockFactory):
        def __init__(self) -> None:
            raise OSError("can not open gpiochip")

    monkeypatch.setitem(gpio._FACTORIES, "lgpio", (__name__, "NoChip"))
    monkeypatch.setitem(globals(), "NoChip", NoChip)
    made = Gpio(GpioSettings(backend="lgpio", panic=17), tmp_path, time.monotonic, print, print)
    with pytest.raises(CannotRun, match=r"the pins cannot be opened \(can not open gpiochip\); is this a Raspberry Pi"):
        made.start()


def test_production_refuses_the_mock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would acknowledge sirens that do not exist; only tests say that they want it."""
    path = tmp_path / "gateway.toml"
    path.write_text('[uplink]\nhost = "central"\n[gpio]\nbackend = "mock"\n')
    monkeypatch.delenv("SERENO_GATEWAY_ALLOW_MOCK", raising=False)
    with pytest.raises(
        SettingsWrong, match=r"gpio\.backend = 'mock' is not possible: .*a mock acknowledges sirens that do not exist"
    ):
        load(path)
    monkeypatch.setenv("SERENO_GATEWAY_ALLOW_MOCK", "1")
    assert load(path).gpio.backend == "mock"


def test_two_things_at_one_pin_are_refused(tmp_path: Path) -> None:
    """A button that is a lamp too would be neither."""
    path = tmp_path / "gateway.toml"
    path.write_text('[uplink]\nhost = "central"\n[gpio]\npanic = 5\nalarm_lamp = 5\n')
    with pytest.raises(SettingsWrong, match="two things share a pin"):
        load(path)


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({}, "gpio: no pins are used"),
        ({"panic": 17}, 'gpio: pins are set (panic 17), and not used while backend = "none"'),
        ({"backend": "lgpio", "panic": 17, "alarm_lamp": 5}, "gpio: lgpio, panic 17, alarm lamp 5"),
        ({"backend": "mock"}, "gpio: mock, for tests only: no button of this gateway works (none is fitted)"),
    ],
)
def test_check_says_what_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: dict[str, object], text: str
) -> None:
    """A technician sees which pins are in use, on a machine that has the libraries for them."""
    monkeypatch.setenv("SERENO_GATEWAY_ALLOW_MOCK", "1")
    monkeypatch.setattr("gateway.check.find_spec", lambda name: name)
    settings = load(Neighbourhood(tmp_path).settings(gpio=section))
    assert text in [finding.text for finding in findings(settings, connect=False)]


def test_run_without_a_chip_ends_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, before anything is opened or connected."""
    monkeypatch.setenv("LG_WD", "")
    monkeypatch.setitem(sys.modules, "lgpio", None)
    path = Neighbourhood(tmp_path).settings(gpio={"backend": "lgpio", "panic": 17})
    done = CliRunner().invoke(app, ["run", "--settings", str(path)])
    assert (done.exit_code, (tmp_path / "state" / "outbox.db").exists()) == (1, False)
    assert done.output.splitlines()[-1].startswith('sereno-gateway: gpio.backend = "lgpio" needs the library')


def test_a_whole_gateway_hears_its_button(neighbourhood: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the pin to what is kept for central, with both brokers real."""
    monkeypatch.setenv("SERENO_GATEWAY_ALLOW_MOCK", "1")
    monkeypatch.setenv("LG_WD", "")
    _, log = neighbourhood.gateway(gpio={"backend": "mock", "panic": 17, "hold_ms": 300})
    Device.pin_factory.pin(17).drive_low()
    assert log.until("ack_kept")["status"] == "panic button"
