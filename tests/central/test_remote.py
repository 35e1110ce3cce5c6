"""What gateways are told to run with: the command, what goes down until it is known, and what they say of themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from central.__main__ import app
from central.domain.errors import CentralError, NotFound, Refused
from central.domain.remote import AGAIN_S, SMS_AGAIN_S
from protocol import gateway as frames
from protocol.messages import KIND_GATEWAY
from tests.central.rig import Rig

ENDPOINTS = ["--uplink", "one.example.org:8884,broker", "--uplink", "[2001:db8::1]:8883"]
OPTIONS = {
    "uplink": [{"host": "one.example.org", "port": 8884, "name": "broker"}, {"host": "2001:db8::1", "port": 8883}]
}


class Desk:
    """A rig, and an operator at its command line."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def __call__(self, *words: str) -> Any:
        """A command's answer; raises what it refused with."""
        line = ["gateway", *words, "--json", "--settings", str(self.rig.installation.settings)]
        done = CliRunner().invoke(app, line, catch_exceptions=True)
        if isinstance(done.exception, CentralError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    def told(self, later_s: float = 0.0) -> list[dict[str, Any]]:
        """One round; the documents that went down."""
        self.rig.clock.at += later_s
        self.rig.run(self.rig.remote.once())
        return [frames.read_document(frames.SETTINGS, frame) for frame in self.rig.frames(KIND_GATEWAY)]

    def says(self, number: int = 1, **status: Any) -> bytes:
        """A gateway's envelope with its status."""
        return self.rig.gateways[number].envelope([frames.document(frames.STATUS, status)])

    def row(self, number: int = 1) -> dict[str, Any]:
        """What the list says of a gateway."""
        found: dict[str, Any] = self("list")["gateways"][number - 1]
        return found


@pytest.fixture
def desk(rig: Rig) -> Desk:
    """Two gateways that were never told anything."""
    return Desk(rig)


def test_what_was_wanted_goes_down_until_the_gateway_knows_its_version(desk: Desk) -> None:
    """Each minute, to that gateway alone; whatever became of it, it is not sent again."""
    version = desk("settings", "G000001", *ENDPOINTS)["version"]
    document = {"version": version, **OPTIONS}
    assert desk.told() == [document]
    assert desk.told(AGAIN_S - 1) == []
    assert desk.told(1) == [document]
    desk.rig.receive(1, desk.says(settings={"version": version - 1, "state": "applied", "reason": ""}))
    desk.rig.receive(2, desk.says(2, settings={"version": version, "state": "applied", "reason": ""}))
    assert desk.told(AGAIN_S) == [document]
    desk.rig.receive(1, desk.says(settings={"version": version, "state": "trial", "reason": ""}))
    assert desk.told(AGAIN_S) == []


def test_the_newest_wish_alone_counts_and_its_version_rises(desk: Desk) -> None:
    """Also above what the gateway says that it knows: a database from a backup has forgotten the last ones."""
    first = desk("settings", "G000001", *ENDPOINTS)["version"]
    second = desk("settings", "G000001", "--digest-s", "600")["version"]
    assert first < second
    assert desk.told() == [{"version": second, "digest_s": 600}]
    desk.rig.receive(1, desk.says(settings={"version": 4_000_000_000, "state": "applied", "reason": ""}))
    assert desk("settings", "G000001")["version"] == 4_000_000_001
    assert desk.told() == [{"version": 4_000_000_001}]


def test_the_list_shows_what_each_gateway_runs(desk: Desk) -> None:
    """Program, endpoint, settings and what became of them; what it does not know yet stands beside."""
    version = desk("settings", "G000001", *ENDPOINTS)["version"]
    status = {
        "program": "1.2",
        "uplink": "one.example.org:8884",
        "settings": {"version": 3, "state": "reverted", "reason": "why"},
    }
    desk.rig.receive(1, desk.says(**status))
    row = desk.row()
    row.pop("said_s_ago")
    assert row == {"gateway": "G000001", "program": "1.2", "uplink": "one.example.org:8884", "settings": 3,
                   "state": "reverted", "reason": "why", "wanted": version}  # fmt: skip
    assert desk.row(2)["said_s_ago"] is None
    desk.rig.receive(1, desk.says(settings={"version": version, "state": "applied"}))
    row = desk.row()
    assert (row["program"], row["settings"], row["state"], row["reason"], row["wanted"]) == (
        "1.2",
        version,
        "applied",
        "",
        None,
    )


@pytest.mark.parametrize("words", [
    ("--uplink", "nohost"), ("--uplink", "a:0"), ("--uplink", "a:65536"), ("--uplink", "a b:1"), ("--uplink", "a:1,"),
    ("--uplink", "a:1", "--uplink", "b:1", "--uplink", "c:1"), ("--number", "911"),
])  # fmt: skip
def test_what_no_gateway_would_take_is_refused_at_the_desk(desk: Desk, words: tuple[str, ...]) -> None:
    """In one sentence, and nothing is sent."""
    with pytest.raises(Refused):
        desk("settings", "G000001", *words)
    assert desk.told() == []


def test_only_a_gateway_that_is_enrolled_is_told_something(desk: Desk) -> None:
    """Not a center, not a name that nobody has."""
    with pytest.raises(Refused):
        desk("settings", "C000001", *ENDPOINTS)
    with pytest.raises(NotFound):
        desk("settings", "G000009", *ENDPOINTS)


def test_a_gateway_that_mqtt_has_lost_is_told_by_sms(desk: Desk) -> None:
    """Where it fits; again after ten minutes, then after twenty, until it says by SMS that it knows."""
    rig = desk.rig
    told = desk("settings", "G000001", "--uplink", "central.example.org:8883")
    assert told["fits_sms"]
    assert rig.sms_round() == []
    rig.links.link(1, b"0", rig.clock.at)
    document = frames.document(
        frames.SETTINGS, {"version": told["version"], "uplink": [{"host": "central.example.org", "port": 8883}]}
    )
    assert rig.sms_round() == [(1, [document])]
    assert rig.sms_round(SMS_AGAIN_S - 1) == []
    assert rig.sms_round(1) == [(1, [document])]
    assert rig.sms_round(2 * SMS_AGAIN_S - 1) == []
    assert rig.sms_round(1) == [(1, [document])]
    rig.short(desk.says(settings={"version": told["version"], "state": "trial"}))
    assert rig.sms_round(8 * SMS_AGAIN_S) == []
    assert not desk("settings", "G000001", *ENDPOINTS, "--number", "+5492615550000")["fits_sms"]
    assert rig.sms_round() == []


def test_a_status_that_is_none_changes_nothing(desk: Desk) -> None:
    """Not JSON, no object, of another shape, under another gateway's seal: the next one is taken."""
    version = desk("settings", "G000001", *ENDPOINTS)["version"]
    desk.told()
    good = frames.document(frames.STATUS, {"settings": {"version": version}})
    for frame in (
        good[:2] + b"{",
        good[:2] + b"[]",
        good[:2] + b'{"settings":7}',
        good[:2] + b'{"settings":{"version":"1"}}',
    ):
        desk.rig.receive(1, desk.rig.gateways[1].envelope([frame]))
    desk.rig.receive(1, desk.rig.gateways[2].envelope([good], gateway=1))
    assert desk.told(AGAIN_S) == [{"version": version, **OPTIONS}]
    desk.rig.receive(1, desk.rig.gateways[1].envelope([good]))
    assert desk.told(AGAIN_S) == []
