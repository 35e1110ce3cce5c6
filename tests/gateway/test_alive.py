"""What the gateway says of itself while it runs: to systemd, to Prometheus, and when it no longer lives."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import health, notify
from gateway.errors import SettingsWrong
from gateway.metrics import serve
from gateway.ports import LOCAL, Received
from gateway.settings import load
from gateway.store.keys import secret_mode
from simulator.broker import free_port
from tests.gateway.frames import DEADLINE_S
from tests.gateway.rig import Neighbourhood


def document() -> dict[str, object]:
    """A state as `run` posts it, in trouble."""
    return {
        "gateway": 1,
        "written_at": 1_800_000_000,
        "clock": {"sane": True, "trusted": False},
        "uplink": {"connected": False, "central_heard_s": 70},
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


class Manager:
    """The socket of a systemd, by path or as an abstract name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(DEADLINE_S)

    def word(self) -> list[str]:
        """The lines of the next datagram."""
        return self._socket.recv(4096).decode().split("\n")

    def close(self) -> None:
        """Nobody listens any more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A manager that the environment names."""
    made = Manager(f"@sereno-{secrets.token_hex(6)}" if request.param == "abstract" else str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", made.address)
    yield made
    made.close()


def test_word_goes_to_the_manager_in_one_datagram(manager: Manager) -> None:
    """By the socket's path, and by an abstract name."""
    assert notify.tell("READY=1", "STATUS=started") is True
    assert manager.word() == ["READY=1", "STATUS=started"]


def test_without_a_manager_nothing_is_said_and_nothing_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No socket named, or one that is gone."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify.tell("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert notify.tell("READY=1") is False


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [("40000000", None, 40.0), ("40000000", str(os.getpid()), 40.0), ("40000000", "1", None), ("x", None, None), ("0", None, None)],
)  # fmt: skip
def test_the_watchdog_is_served_when_it_is_meant_for_this_process(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, expected: float | None
) -> None:
    """Its time is in microseconds, and another process's is none of ours."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert notify.watchdog_s() == expected


def test_the_program_says_ready_then_alive_then_that_it_ends(
    neighbourhood: Neighbourhood, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a WAN: neither word waits for central."""
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    neighbourhood.central_broker.kill()
    process, _ = neighbourhood.process(links=0)
    assert manager.word() == ["READY=1", "STATUS=started"]
    lines: list[str] = []
    while not any("local up" in line for line in lines):
        lines = manager.word()
        assert lines[1:] == ["WATCHDOG=1"]
    assert lines[0] == "STATUS=uplink DOWN, local up, centers 0/2, waiting 0, faults: uplink"
    process.terminate()
    while lines[0] != "STOPPING=1":
        lines = manager.word()
    assert process.wait(20) == 0


def test_a_loop_that_stands_still_and_a_session_that_ended_are_told(neighbourhood: Neighbourhood) -> None:
    """Then no word of life goes to systemd, which starts the program anew."""
    gateway, _ = neighbourhood.gateway()
    assert gateway.ailing(DEADLINE_S) == []
    at_work, go_on = threading.Event(), threading.Event()

    def stand() -> None:
        at_work.set()
        go_on.wait(DEADLINE_S)

    gateway._inbox.put(Received(LOCAL, "no topic of ours", b"", False, stand))
    assert at_work.wait(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while not (found := gateway.ailing(0.3)) and time.monotonic() < deadline:
        pass
    go_on.set()
    assert found == ["the loop has not turned for 0 s"]
    gateway._sessions[1].stop()
    assert "the local session has ended" in gateway.ailing(DEADLINE_S)


def test_the_loop_of_a_modem_that_ended_or_stands_for_long_is_told(
    neighbourhood: Neighbourhood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short wait of the second bearer's driver is not: it must not end a gateway that works without it."""
    gateway, _ = neighbourhood.gateway(sms={"device": str(tmp_path / "none"), "numbers": ["+5492615550000"]})
    assert gateway.ailing(DEADLINE_S) == []
    monkeypatch.setattr("gateway.wiring._MODEM_STILL_S", -1.0)
    assert gateway.ailing(DEADLINE_S) == ["the modem's loop turns no more"]
    monkeypatch.undo()
    assert gateway._sms is not None
    gateway._sms.stop()
    assert gateway.ailing(DEADLINE_S) == ["the modem's loop turns no more"]


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
        ("uplink_connected",): 0,
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
    assert "modem    ready, Claro, -71 dBm" in lines


def test_every_fault_that_the_gateway_can_have_has_advice() -> None:
    """Found in the source by the names that are put into `faults`."""
    source = Path(health.__file__).parent
    found = subprocess.run(
        ["grep", "-rhoE", r'faults\["[a-z_]+"\] =', str(source), "--include=*.py"], capture_output=True, text=True, check=True
    )  # fmt: skip
    names = {line.split('"')[1] for line in found.stdout.splitlines()}
    assert {"uplink", "local", "store"} <= names
    assert names - set(health.ADVICE) == set()


def test_secrets_handed_over_by_systemd_may_show_an_access_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is private to the service, and an access list shows as the group's bits; any other folder is refused."""
    secret = tmp_path / "keys.json"
    secret.write_text("{}")
    secret.chmod(0o440)
    with pytest.raises(SettingsWrong, match="can be read by others"):
        secret_mode(secret)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret_mode(secret)
