"""Two brokers of central's, real ones: tried in turn, changed from afar while the gateway runs, taken back when they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.connection import uplinks
from gateway.domain import remote
from gateway.domain.remote import Address
from gateway.sections import UplinkSettings
from protocol import gateway as frames
from protocol.messages import KIND_GATEWAY
from protocol.topics import LINK, UP, topic
from simulator.broker import Broker, free_port
from tests.gateway.clients import FakeCentral
from tests.gateway.rig import Neighbourhood


class Town(Neighbourhood):
    """A neighbourhood with a second broker of central's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        files = folder / "second-files"
        files.mkdir()
        self.broker_files(files, "S01", ["second"])
        self.second_broker = Broker(folder / "second-broker", files, "broker", "S01")

    def second_central(self) -> FakeCentral:
        """Central at the second one."""
        topics = [topic("+", UP), topic("+", LINK)]
        return self._keep(FakeCentral(self.folder / "S01", "S01", self.second_broker.port, "second", topics))

    def close(self) -> None:
        """All of it."""
        super().close()
        self.second_broker.stop()


@pytest.fixture
def town(tmp_path: Path) -> Any:
    """All three brokers run."""
    made = Town(tmp_path)
    for broker in (made.central_broker, made.local_broker, made.second_broker):
        broker.start()
    yield made
    made.close()


def statuses(central: FakeCentral, wanted: str) -> dict[str, Any]:
    """The next status whose settings are in a state."""
    while True:
        frame, _ = central.next_frame(KIND_GATEWAY, 30)
        if frames.about(frame) == frames.STATUS:
            found = frames.read_document(frames.STATUS, frame)
            if found["settings"]["state"] == wanted:  # type: ignore[index]
                return found


def test_the_settings_file_names_a_second_broker() -> None:
    """It comes second, under the name of its own certificate; what central changed stands in the place of both."""
    section = UplinkSettings(host="one", name="other", second_host="two", second_port=1)
    assert [(one.host, one.port, one.name) for one in uplinks(section)] == [("one", 8883, "other"), ("two", 1, "two")]
    changed = uplinks(section, [Address("three", 3, "")])
    assert [(one.host, one.port, one.name) for one in changed] == [("three", 3, "three")]


def test_the_second_broker_is_used_while_the_first_is_away_and_the_other_way_round(town: Town) -> None:
    """Nobody does anything at the gateway."""
    port = town.second_broker.port
    second = {"second_host": "127.0.0.1", "second_port": port, "second_name": "second"}
    town.central_broker.stop()
    _, log = town.gateway(uplink=second)
    assert log.first("link_down")["broker"] == f"127.0.0.1:{town.central_broker.port}"
    assert [line["broker"] for line in log.lines if line["event"] == "link_up" and line["side"] == "uplink"] == [
        f"127.0.0.1:{port}"
    ]
    town.second_broker.stop()
    town.central_broker.start()
    assert log.until("link_up", side="uplink", timeout_s=30)["broker"] == f"127.0.0.1:{town.central_broker.port}"


def test_other_endpoints_are_used_at_once_and_stay_over_a_restart(town: Town) -> None:
    """The gateway tells over the new one that it tries, then that they stay; started anew it goes there first."""
    central = town.central()
    gateway, log = town.gateway()
    new = [{"host": "127.0.0.1", "port": town.second_broker.port, "name": "second"}]
    second = town.second_central()
    central.down([frames.document(frames.SETTINGS, {"version": 7, "uplink": new})])
    log.until("link_up", side="uplink", timeout_s=30)
    where = f"127.0.0.1:{town.second_broker.port}"
    assert statuses(second, "trial")["uplink"] == where
    second.down([frames.ask()])
    assert statuses(second, "applied")["settings"] == {"version": 7, "state": "applied", "reason": ""}
    gateway.stop()
    _, log = town.gateway()
    assert log.first("link_up")["event"] == "link_up"
    ups = [line["broker"] for line in log.lines if line["event"] == "link_up" and line["side"] == "uplink"]
    assert ups == [where]


def test_endpoints_where_nobody_is_are_left_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the trial is over the broker before is used, and hears why."""
    monkeypatch.setattr("gateway.flows.remote.TRIAL_S", 2.0)
    central = town.central()
    _, log = town.gateway()
    nobody = [{"host": "127.0.0.1", "port": free_port()}, {"host": "127.0.0.1", "port": town.local_broker.port}]
    central.down([frames.document(frames.SETTINGS, {"version": 7, "uplink": nobody})])
    log.until("settings_changed", state="trial")
    log.until("link_up", side="uplink", timeout_s=30)
    found = statuses(central, "reverted")
    assert (found["settings"]["version"], found["uplink"]) == (7, f"127.0.0.1:{town.central_broker.port}")
    assert remote.TRIAL_S == 600


def test_after_a_good_connection_the_same_broker_is_next_after_a_worthless_one_the_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that broke after it held says nothing against its broker; one over which central does not answer does."""
    monkeypatch.setattr("gateway.session._GOOD_S", 0.0)
    ports = town.central_broker.port, town.second_broker.port
    gateway, log = town.gateway(uplink={"second_host": "127.0.0.1", "second_port": ports[1], "second_name": "second"})
    session = gateway._sessions[0]
    assert session._current is not None
    session._current._shut()
    assert log.until("link_up", side="uplink", timeout_s=30)["broker"] == f"127.0.0.1:{ports[0]}"
    session.drop("central does not answer")
    assert log.until("link_up", side="uplink", timeout_s=30)["broker"] == f"127.0.0.1:{ports[1]}"
