"""The firmware on MicroPython against a real broker with TLS: who it talks to, and what it does with what it hears."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from central import pki
from protocol import codes
from tests.firmware.neighbourhood import MICROPYTHON, Neighbourhood


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Neighbourhood]:
    """One center's neighbourhood."""
    neighbourhood = Neighbourhood(tmp_path)
    yield neighbourhood
    neighbourhood.close()


@pytest.mark.parametrize("interpreter", [(str(MICROPYTHON), "-X", "heapsize=256k"), (sys.executable,)])
def test_a_command_arrives_moves_the_siren_and_is_answered(place: Neighbourhood, interpreter: tuple[str, ...]) -> None:
    """Over mutual TLS, in 256 kB of heap: accepted, sounding, stopped; and the very same frame again moves nothing."""
    broker = place.broker()
    gateway = place.gateway(broker.port)
    board = place.center(broker.port, *interpreter)
    gateway.synchronised()
    board.until(lambda line: line == "l link: up")
    frame = gateway.send()
    assert board.until(lambda line: line.startswith("o ") and line != "o 0") == f"o {codes.SIREN}"
    assert [gateway.status(), gateway.status(), gateway.status()] == [codes.ACCEPTED, codes.SOUNDING, codes.STOPPED]
    moved = [line for line in board.seen if line.startswith("o ")]
    gateway.down(frame)
    assert gateway.status() == codes.STOPPED
    assert [line for line in board.seen if line.startswith("o ")] == moved


def test_a_forged_command_moves_nothing(place: Neighbourhood) -> None:
    """One octet changed: silence; the true command after it is obeyed, so the silence was not deafness."""
    broker = place.broker()
    gateway = place.gateway(broker.port)
    board = place.center(broker.port)
    gateway.synchronised()
    board.until(lambda line: line == "l link: up")
    true = gateway.send(action=codes.PROBE)
    assert gateway.status() == codes.ACCEPTED
    for at in (5, 30, len(true) - 1):
        gateway.down(true[:at] + bytes([true[at] ^ 1]) + true[at + 1 :])
    gateway.send(action=codes.ACTIVATE | codes.STROBE)
    assert gateway.status() == codes.ACCEPTED
    assert f"o {codes.SIREN}" not in board.seen
    assert gateway.acks.empty() or gateway.status() == codes.SOUNDING


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ({"name": "G000002"}, "does not match with the expected CN"),
        ({"not_before": NOW - timedelta(days=30), "days": 10}, "has expired"),
        ({"not_before": NOW + timedelta(days=10)}, "starts in the future"),
        ({"authority": "another"}, "not correctly signed by the trusted CA"),
    ],
)
def test_a_broker_that_is_not_ours_hears_nothing(place: Neighbourhood, flaw: dict[str, object], said: str) -> None:
    """Another name, expired, not yet valid, another authority: no connection, and the reason is in the log."""
    if flaw.get("authority"):
        other = place.folder / "another"
        pki.create_authority(other)
        pki.issue_municipality(other, 1)
        flaw = {"authority": other}
    broker = place.broker(**flaw)  # type: ignore[arg-type]
    board = place.center(broker.port)
    line = board.until(lambda line: line.startswith("l link: "))
    assert line != "l link: up"
    assert said in line, line
    assert "C000042" not in broker.log.read_text()


def test_a_broker_of_the_older_mqtt_serves_too(place: Neighbourhood) -> None:
    """One that does not know MQTT 5 is spoken to in 3.1.1."""
    broker = place.broker(kind="amqtt")
    gateway = place.gateway(broker.port, mqtt.MQTTv311)
    board = place.center(broker.port)
    gateway.synchronised()
    gateway.send()
    board.until(lambda line: line == f"o {codes.SIREN}")
    assert gateway.status() == codes.ACCEPTED


def test_the_panic_button_sounds_without_a_link_and_is_told_when_there_is_one(place: Neighbourhood) -> None:
    """No broker: the own siren at once. When a broker and somebody behind it are there: the event, with its true age."""
    broker = place.broker()
    broker.kill()
    board = place.center(broker.port)
    board.until(lambda line: line.startswith("l link: "))
    board.set("panic", 1)
    board.until(lambda line: line.startswith("o ") and int(line[2:]) & codes.SIREN > 0)
    broker.start()
    gateway = place.gateway(broker.port)
    assert gateway.status() == codes.PANIC


def test_an_event_that_nobody_heard_is_said_again(place: Neighbourhood) -> None:
    """The broker takes the event while no gateway listens: it is not given up, and arrives when one does."""
    broker = place.broker()
    board = place.center(broker.port)
    board.until(lambda line: line == "l link: up")
    board.set("silent", 1)
    board.until(lambda line: line == "l event 0x21")
    board.until(lambda line: line == "l link: nobody listens yet")
    gateway = place.gateway(broker.port)
    assert gateway.status() == codes.SILENT_PANIC
    assert not [line for line in board.seen if line.startswith("o ") and line != "o 0"]


def test_a_center_comes_back_after_its_broker_was_killed(place: Neighbourhood) -> None:
    """The link goes and comes; the siren that sounds meanwhile goes on, and its end is told afterwards."""
    broker = place.broker()
    gateway = place.gateway(broker.port)
    board = place.center(broker.port)
    gateway.synchronised()
    board.until(lambda line: line == "l link: up")
    gateway.send(duration=3)
    assert gateway.status() == codes.ACCEPTED
    assert gateway.status() == codes.SOUNDING
    broker.kill()
    broker.start()
    board.until(lambda line: line == "l link: up")
    # The kill may have swallowed the broker's receipts: then those acks come once more, and only those.
    later = [gateway.status()]
    while later[-1] != codes.STOPPED:
        later.append(gateway.status())
    assert set(later[:-1]) <= {codes.ACCEPTED, codes.SOUNDING}
    assert len(later) <= 3
    descriptors = len(list(Path(f"/proc/{board.process.pid}/fd").iterdir()))
    assert descriptors <= 6, "a socket of the link before is still open"


def test_the_program_ends_with_the_outputs_off_when_it_fails(place: Neighbourhood) -> None:
    """A device file that cannot be read ends it, and the last thing said of the outputs is off."""
    (place.device / "device.json").write_text("{")
    environment = {"MICROPYPATH": ".frozen:" + str(Path(__file__).parents[2])}
    board = Path(__file__).with_name("stub_board.py")
    done = subprocess.run(
        [str(MICROPYTHON), str(board), str(place.device)],
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if line.startswith("o ")][-1] == "o 0"
