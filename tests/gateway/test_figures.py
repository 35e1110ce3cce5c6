"""Figures for Prometheus and lines for a technician: both say what the posted document says."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import health
from gateway.errors import SettingsWrong
from gateway.metrics import serve
from gateway.ports import LOCAL, SERIAL
from gateway.settings import load
from simulator.broker import free_port
from tests.gateway.frames import DEADLINE_S
from tests.gateway.rig import Neighbourhood


def document() -> dict[str, object]:
    """A state as `run` posts it, in trouble."""
    return {
        "gateway": 1,
        "written_at": 1_800_000_000,
        "clock": {"sane": True, "trusted": False},
        "uplink": {"connected": True, "central_heard_s": 70, "proven": False},
        "sms": {
            "ready": True,
            "operator": "Claro",
            "signal_dbm": -71,
            "trouble": None,
            "waiting": 1,
            "sent": 7,
            "not_sent": 2,
            "ladder": {"reset": {"tries": 4, "successes": 3}},
        },
        "local": {"connected": True},
        "outbox": {"waiting": 3, "oldest_s": 65},
        "commands_waiting": 2,
        "centers": {
            "1": {"presence": "up", "silent_s": 4},
            "2": {"presence": "down", "silent_s": 400},
            "3": {"presence": "unknown", "silent_s": None},
        },
        "faults": {"uplink": "nobody listens on x:1; start the broker", "odd": "something new"},
        "refused": {"local: replayed": 12, "uplink: foreign: seal": 1},
        "reporting": {"mqtt": {"count": 9, "p50_s": 0.2, "p95_s": 1.5}},
    }


def test_prometheus_reads_the_same_state_that_status_shows(neighbourhood: Neighbourhood) -> None:
    """On the address of the settings, made from the posted document."""
    port = free_port()
    gateway, _ = neighbourhood.gateway(metrics={"listen": f"127.0.0.1:{port}"})
    deadline = time.monotonic() + DEADLINE_S
    figures: dict[tuple[str, ...], float] = {}
    while figures.get(("sereno_gateway_uplink_connected",)) != 1 and time.monotonic() < deadline:
        figures = scraped(port)
    assert figures["sereno_gateway_uplink_connected",] == figures["sereno_gateway_local_connected",] == 1
    assert figures["sereno_gateway_centers", "unknown"] == 2
    gateway.stop()
    with pytest.raises(OSError, match="refused"):
        scraped(port)


def scraped(port: int) -> dict[tuple[str, ...], float]:
    """Name and labels (in the order of their names) of every sample."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_each_figure_is_that_of_the_document() -> None:
    """Every one, by its name and labels."""
    port = free_port()
    end = serve(("127.0.0.1", port), document)
    try:
        figures = scraped(port)
    finally:
        end()
    prefix = "sereno_gateway_"
    assert {(key[0].removeprefix(prefix), *key[1:]): value for key, value in figures.items()} == {
        ("written_seconds",): 1_800_000_000,
        ("uplink_connected",): 1,
        ("uplink_proven",): 0,
        ("central_heard_ago_seconds",): 70,
        ("local_connected",): 1,
        ("outbox_waiting",): 3,
        ("outbox_oldest_seconds",): 65,
        ("commands_waiting",): 2,
        ("clock_trusted",): 0,
        ("centers", "up"): 1,
        ("centers", "down"): 1,
        ("centers", "unknown"): 1,
        ("fault", "uplink"): 1,
        ("fault", "odd"): 1,
        ("refused_total", "replayed", "local"): 12,
        ("refused_total", "foreign: seal", "uplink"): 1,
        ("reporting_seconds", "mqtt", "0.5"): 0.2,
        ("reporting_seconds", "mqtt", "0.95"): 1.5,
        ("modem_ready",): 1,
        ("modem_signal_dbm",): -71,
        ("sms_waiting",): 1,
        ("sms_total", "sent"): 7,
        ("sms_total", "not sent"): 2,
        ("modem_recovery_tries_total", "reset"): 4,
        ("modem_recovery_cures_total", "reset"): 3,
    }


def test_a_port_that_somebody_else_has_is_a_fault_and_keeps_nothing_from_running(neighbourhood: Neighbourhood) -> None:
    """Figures are a courtesy; sirens are not."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        gateway, log = neighbourhood.gateway(metrics={"listen": listen})
    assert gateway.state.faults["metrics"] == f"{listen} cannot be listened on (Address already in use)"
    assert log.count("no_metrics") == 1


def settings_with(folder: Path, listen: str) -> Path:
    """A settings file with that address."""
    path = folder / "gateway.toml"
    path.write_text(f'[uplink]\nhost = "x"\n[metrics]\nlisten = "{listen}"\n')
    return path


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9108", "192.168.0.2:9108", "[::]:9108", "localhost", "127.0.0.1:0", "9108"]
)
def test_figures_are_offered_to_this_machine_alone(tmp_path: Path, listen: str) -> None:
    """Any other address is refused in one sentence."""
    with pytest.raises(SettingsWrong, match="nobody but this machine may ask"):
        load(settings_with(tmp_path, listen))


@pytest.mark.parametrize(
    ("listen", "address"), [("", None), ("127.0.0.1:9108", ("127.0.0.1", 9108)), ("[::1]:9108", ("::1", 9108))]
)
def test_loopback_is_taken(tmp_path: Path, listen: str, address: tuple[str, int] | None) -> None:
    """Of either family; nothing means that nobody listens."""
    assert load(settings_with(tmp_path, listen)).metrics.address() == address


def test_status_says_what_to_do_about_each_fault() -> None:
    """Below its reason; one that is not in the list sends to the log."""
    lines = health.lines(document())
    first = lines.index("FAULT uplink: nobody listens on x:1; start the broker")
    assert lines[first + 1] == f"  do: {health.ADVICE['uplink']}"
    assert lines[lines.index("FAULT odd: something new") + 1] == "  do: see the log"
    assert "refused  13 messages since the start, most often (local: replayed)" in lines
    assert lines[0] == "uplink   connected, NOT proven, central heard 70 s ago"
    assert "modem    ready, Claro, -71 dBm" in lines


def test_every_fault_that_the_gateway_can_have_has_advice() -> None:
    """Found in the source by the names that are put into `faults`."""
    source = Path(health.__file__).parent
    found = subprocess.run(
        ["grep", "-rhoE", r'faults\["[a-z_]+"\] =', str(source), "--include=*.py"], capture_output=True, text=True, check=True
    )  # fmt: skip
    names = {line.split('"')[1] for line in found.stdout.splitlines()}
    assert {"uplink", "store"} <= names
    assert {LOCAL, SERIAL, *names} - set(health.ADVICE) == set()
