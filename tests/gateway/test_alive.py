"""What the gateway says of itself to systemd while it lives, and what it no longer says when it does not."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import notify
from gateway.__main__ import _stay
from gateway.errors import SettingsWrong
from gateway.ports import LOCAL, Received
from gateway.store.keys import secret_mode
from tests.gateway.desk import Desk
from tests.gateway.frames import DEADLINE_S
from tests.gateway.lines import Lines
from tests.gateway.rig import Neighbourhood


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


class Ailing:
    """A gateway of which something no longer lives."""

    def ailing(self, stale_s: float) -> list[str]:
        return [f"nothing has moved for {stale_s} s"]


def test_a_gateway_that_does_not_live_says_why_and_no_word_of_life(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the watchdog's time after it stood still; systemd, which waits for the word, then starts it anew."""
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    log, ended = Lines(), threading.Event()
    staying = threading.Thread(target=_stay, args=(Ailing(), log, ended))
    staying.start()
    words = [manager.word() for _ in range(3)]
    ended.set()
    staying.join(DEADLINE_S)
    assert words == [["STATUS=nothing has moved for 0.2 s"]] * 3
    assert log.count("not_alive") == 1


def test_a_disk_that_takes_no_writes_is_noticed_in_a_quiet_night(tmp_path: Path) -> None:
    """Ten minutes without a message: a write shows it, and another one shows that it is well again."""
    desk = Desk(tmp_path)
    desk.rounds.tick()
    with desk.full_disk():
        desk.clock.move(590)
        desk.rounds.tick()
        assert "store" not in desk.state.faults
        desk.clock.move(11)
        desk.rounds.tick()
        assert "store" in desk.state.faults
    desk.clock.move(1)
    desk.rounds.tick()
    assert "store" not in desk.state.faults


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
