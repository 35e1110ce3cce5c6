"""The process and the world around it: broker away, port taken, wrong files, and a power cut after the 202."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from central import pki
from central.commands.check import examine
from central.domain.errors import Refused
from central.settings import load
from protocol.messages import COMMAND, KIND_RECEIPT, TIME
from simulator.broker import Broker, free_port, mosquitto_path
from tests.central.rig import Installation, Rig
from tests.central.served import GatewayLink, Served, command


@pytest.fixture
def broker(installation: Installation, tmp_path: Path) -> Iterator[Broker]:
    """The broker beside central, not started."""
    if mosquitto_path() is None:
        pytest.fail("mosquitto is not installed; run: apt-get install mosquitto")
    made = Broker(tmp_path / "broker", installation.folder / "broker", "broker", "S01")
    yield made
    made.stop()


@pytest.fixture
def served(installation: Installation, broker: Broker) -> Iterator[Served]:
    """Central, pointed at the broker."""
    made = Served(installation, broker.port)
    yield made
    made.close()


def test_an_alert_goes_round_through_a_real_broker(installation: Installation, broker: Broker, served: Served) -> None:
    """Hello, time, alert, command, ack, receipt: every octet through TLS and the access list."""
    started = int(time.time())
    rig = Rig(installation)
    rig.close()
    broker.start()
    link = GatewayLink(installation.folder, rig.gateways[1], broker.port)
    served.until("broker up")
    center = rig.centers[1]
    link.send(link.player.envelope([center.hello()]))
    assert center.time(link.frame(TIME.kind)).request == 1
    incident = int(served.alert("served-round-1").json()["incident"])
    order = center.command(link.frame(COMMAND.kind))
    assert order.incident == incident
    link.send(link.player.countersign(center.ack(order.counter, 2, incident, outputs=1), order.issued))
    assert link.frame(KIND_RECEIPT)
    assert served.operator("GET", f"/v1/incidents/{incident}").json()["state"] == "sounding"
    # Above whatever a gateway saw from a database that a backup replaced.
    assert link.player.highest_down > started - 60
    link.close()


def test_alerts_are_taken_without_a_broker_and_go_out_when_it_is_there(
    installation: Installation, broker: Broker, served: Served
) -> None:
    """Missing at the start and lost later: 202 all the same, and the command arrives when it is back."""
    rig = Rig(installation)
    rig.greet(1)
    rig.close()
    served.until("broker not reached")
    incidents = [served.alert("served-away-1").json()["incident"]]
    broker.start()
    link = GatewayLink(installation.folder, rig.gateways[1], broker.port)
    served.until("broker up")
    assert served.http.get("/healthz").status_code == 200
    orders = [rig.centers[1].command(link.frame(COMMAND.kind))]
    link.close()
    broker.kill()
    served.until("broker lost")
    incidents.append(served.alert("served-away-2", "fire").json()["incident"])
    broker.start()
    link = GatewayLink(installation.folder, rig.gateways[1], broker.port)
    while orders[-1].incident == orders[0].incident:
        orders.append(rig.centers[1].command(link.frame(COMMAND.kind)))
    link.close()
    assert [str(orders[0].incident), str(orders[-1].incident)] == incidents


def test_a_command_goes_out_after_the_process_died_behind_its_202(
    installation: Installation, broker: Broker, served: Served
) -> None:
    """kill -9 right after the answer: what was promised is on disk, and the next start sends it."""
    rig = Rig(installation)
    rig.greet(1)
    rig.close()
    response = served.alert("served-kill-1")
    served.end(signal.SIGKILL)
    assert response.status_code == 202
    broker.start()
    link = GatewayLink(installation.folder, rig.gateways[1], broker.port)
    served.start()
    order = rig.centers[1].command(link.frame(COMMAND.kind))
    assert (str(order.incident), order.counter) == (response.json()["incident"], 1)
    assert served.alert("served-kill-1").json()["repeated"] is True
    link.close()


def test_a_flood_cut_by_kill_9_keeps_every_alert_that_was_answered(installation: Installation, served: Served) -> None:
    """Each 202 is found again by its id after the restart."""
    answered = [name for name in (f"flood-{n:04d}" for n in range(200)) if served.alert(name).status_code == 202]
    served.end(signal.SIGKILL)
    served.start()
    found = [name for name in answered if served.app("GET", f"/v1/alerts/{name}").status_code == 200]
    assert (len(answered), found) == (200, answered)


def says(installation: Installation, *words: str) -> str:
    """What a command that was refused says: one sentence on stderr, exit code 2."""
    done = command(installation, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("sereno-central: ")
    return done.stderr


def test_a_port_that_is_taken_is_one_sentence(installation: Installation) -> None:
    """With the port, and what to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installation.settings.write_text(f'state = "state"\nprocess = "S01"\nhttp_port = {port}\n')
        text = says(installation, "serve")
    assert (f"127.0.0.1:{port}" in text, "http_port" in text) == (True, True)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ('state = "state"\nprocess = "S01"\nhttp_prot = 80\n', "http_prot: is not a setting"),
        ('state = "state\n', "are not TOML"),
        ('process = "S01"\n', "state"),
        ('state = "state"\nprocess = "S01"\nhttp_port = 70000\n', "http_port"),
        ('state = "state"\nprocess = "S01"\ndeadline_s = 121\n', "deadline_s"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(tmp_path: Path, settings: str, word: str) -> None:
    """The file, the setting, and what to do."""
    path = tmp_path / "central.toml"
    path.write_text(settings)
    with pytest.raises(Refused) as refused:
        load(path)
    assert (str(path) in str(refused.value), word in str(refused.value)) == (True, True)


def test_an_unknown_setting_is_exit_code_2(installation: Installation) -> None:
    """The same sentence, from the command line, and nothing else."""
    with installation.settings.open("a") as file:
        file.write("http_prot = 80\n")
    assert "http_prot: is not a setting" in says(installation, "serve")


@pytest.mark.parametrize(("line", "word"), [('panic_class = "tsunami"', "panic_class"), ('classes_file = "no"', "no")])
def test_what_the_settings_name_must_be_there(installation: Installation, line: str, word: str) -> None:
    """A class of the button that nobody defined would be an alert that is refused."""
    with installation.settings.open("a") as file:
        file.write(line + "\n")
    assert word in says(installation, "serve")


def test_missing_settings_tell_how_to_get_some(installation: Installation) -> None:
    """A sample is one command away."""
    installation.settings.unlink()
    assert "sereno-central settings" in says(installation, "serve")


@pytest.mark.parametrize("damage", ["missing", "not PEM", "another key"])
def test_a_certificate_that_cannot_be_used_is_one_sentence(installation: Installation, damage: str) -> None:
    """Which folder, before anything is served."""
    folder = installation.folder / "S01"
    if damage == "missing":
        (folder / "key.pem").unlink()
    elif damage == "not PEM":
        (folder / "cert.pem").write_text("no certificate")
    else:
        shutil.copy(installation.folder / "G000001" / "key.pem", folder / "key.pem")
    assert "S01" in says(installation, "serve")


def test_a_broker_of_another_authority_is_not_trusted(installation: Installation, tmp_path: Path) -> None:
    """Alerts are taken, nothing is sent there, and the log says which certificate it did not accept."""
    authority, folder = tmp_path / "other", tmp_path / "other-broker"
    pki.create_authority(authority)
    pki.issue_municipality(authority, 1)
    folder.mkdir()
    issued = pki.issue_server(authority, 1, "localhost", ["localhost"])
    (folder / "broker-cert.pem").write_bytes(issued.chain_pem)
    (folder / "broker-key.pem").write_bytes(issued.key_pem())
    (folder / "broker-ca.pem").write_bytes(pki.trust_pem(authority))
    broker = Broker(tmp_path / "broker", folder, "broker", "S01")
    broker.start()
    served = Served(installation, broker.port)
    reason = served.until("broker not reached")["reason"]
    assert reason.startswith("the broker's certificate is not accepted")
    assert served.alert("served-untrusted").status_code == 202
    served.close()
    broker.stop()


def test_the_master_key_of_another_installation_is_one_sentence(installation: Installation) -> None:
    """Open to others, missing, or not the one: nothing is served with the wrong keys."""
    key = installation.folder / "state" / "master.key"
    key.chmod(0o644)
    done = command(installation, "serve")
    assert (done.returncode, "chmod 600" in done.stderr, done.stderr.count("\n")) == (1, True, 1)
    key.chmod(0o600)
    key.write_text("00" * 32 + "\n")
    done = command(installation, "serve")
    assert (done.returncode, "not the one" in done.stderr, done.stderr.count("\n")) == (1, True, 1)
    assert [finding.text for finding in examine(installation.settings) if finding.level == "error"] == [
        "the master key is not the one that wrapped this database's keys; put the right one back"
    ]


def test_check_names_a_device_whose_key_is_damaged(installation: Installation) -> None:
    """The others still work; this one is enrolled again."""
    with sqlite3.connect(installation.database) as db:
        db.execute("UPDATE center SET root = zeroblob(60) WHERE number = 2")
    db.close()
    (error,) = [finding.text for finding in examine(installation.settings) if finding.level == "error"]
    assert error.startswith("the key of C000002 cannot be opened")


def test_check_looks_at_everything_and_starts_nothing(installation: Installation) -> None:
    """A good installation passes; one with a wrong class of alert is told which line to change."""
    assert command(installation, "check").returncode == 0
    shipped = Path(pki.__file__).with_name("classes.toml").read_text()
    loud = shipped.replace("silent = true\nhome = []", 'silent = true\nhome = ["siren"]')
    (installation.folder / "mine.toml").write_text(loud)
    installation.settings.write_text(
        f'classes_file = "mine.toml"\nhttp_port = {free_port()}\nstate = "state"\nprocess = "S01"\n'
    )
    done = command(installation, "check")
    assert (done.returncode, "gender_violence is silent and may not use siren" in done.stdout) == (2, True)


def test_a_clock_before_the_certificate_is_named(tmp_path: Path) -> None:
    """A machine that woke in the past: `check` says that it is the clock, and ends with 2."""
    folder = tmp_path / "state" / "authority"
    pki.create_authority(folder)
    pki.issue_municipality(folder, 1)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    issued = pki.issue_client(folder, 1, "S01", not_before=tomorrow)
    (tmp_path / "S01").mkdir()
    (tmp_path / "S01" / "cert.pem").write_bytes(issued.chain_pem)
    (tmp_path / "S01" / "key.pem").write_bytes(issued.key_pem())
    (tmp_path / "S01" / "key.pem").chmod(0o600)
    (tmp_path / "S01" / "ca.pem").write_bytes(pki.root_pem(folder))
    settings = tmp_path / "central.toml"
    settings.write_text('state = "state"\nprocess = "S01"\n')
    findings = [finding.text for finding in examine(settings) if finding.level == "error"]
    assert any("check this machine's clock" in text for text in findings), findings
