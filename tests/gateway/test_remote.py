"""Settings from afar: judged, kept, tried, confirmed or taken back, and told, on a virtual clock over the real file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.remote import TRIAL_S, Address, Options
from gateway.ports import UPLINK, LinkChanged, Received
from gateway.store.overlay import OverlayFile
from protocol import gateway, hop
from protocol.codes import BEARER_SMS
from protocol.messages import KIND_GATEWAY
from protocol.topics import DOWN, topic
from tests.gateway.desk import Desk, PaperSms
from tests.gateway.frames import GATEWAY, hop_keys

NEW = [{"host": "one.example.org", "port": 8884, "name": "broker"}, {"host": "two.example.org"}]
ADDRESSES = (Address("one.example.org", 8884, "broker"), Address("two.example.org", 8883, ""))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gateway whose two sides are there."""
    made = Desk(tmp_path)
    made.link(UPLINK, True)
    return made


def settings(desk: Desk, sequence: int, **document: Any) -> None:
    """Central sends a document."""
    desk.down(sequence, [gateway.document(gateway.SETTINGS, document)])


def told(desk: Desk) -> dict[str, Any]:
    """What the last status says of the settings."""
    statuses = [frame for frame in desk.frames(KIND_GATEWAY) if gateway.about(frame) == gateway.STATUS]
    found: dict[str, Any] = gateway.read_document(gateway.STATUS, statuses[-1])["settings"]  # type: ignore[assignment]
    return found


def hear(desk: Desk, sequence: int) -> None:
    """A sealed word of central's."""
    desk.down(sequence, [hop.receipt(hop.Receipt(0, 0))])


def connect(desk: Desk, where: str = "one.example.org:8884") -> None:
    """A connection stands."""
    desk.turns.turn([LinkChanged(UPLINK, True, "test", where)])


def test_other_endpoints_stay_once_central_was_heard_over_them(desk: Desk) -> None:
    """On trial at once; not what the connection before still brings confirms them, but the first word of the new one."""
    settings(desk, 1, version=1, uplink=NEW)
    assert desk.used[-1] == Options(ADDRESSES)
    assert told(desk) == {"version": 1, "state": "trial", "reason": ""}
    hear(desk, 2)
    assert told(desk)["state"] == "trial"
    connect(desk)
    hear(desk, 3)
    assert told(desk) == {"version": 1, "state": "applied", "reason": ""}
    desk.tick(TRIAL_S + 1)
    assert told(desk)["state"] == "applied"
    assert OverlayFile(desk.folder).read().options.uplink == ADDRESSES


def test_endpoints_over_which_central_is_not_heard_are_taken_back(desk: Desk) -> None:
    """After ten minutes those before are used, it is told why, and a word that comes later changes nothing."""
    desk.tick(TRIAL_S / 2)
    settings(desk, 1, version=1, uplink=NEW, digest_s=600)
    desk.link(UPLINK, False)
    desk.tick(TRIAL_S - 1)
    assert desk.used[-1].uplink == ADDRESSES
    desk.tick(1)
    assert desk.used[-1] == Options()
    connect(desk, "before:8883")
    desk.link(UPLINK, True)
    reason = "central was not heard over them within 10 minutes"
    assert told(desk) == {"version": 1, "state": "reverted", "reason": reason}
    hear(desk, 2)
    assert told(desk)["state"] == "reverted"
    settings(desk, 3, version=1, uplink=NEW)
    assert desk.used[-1] == Options()


def test_a_trial_goes_on_after_a_power_cut(desk: Desk, tmp_path: Path) -> None:
    """The new endpoints are in force and on trial; unheard, those before come back."""
    settings(desk, 1, version=1, uplink=NEW[:1])
    desk.store.close()
    after = Desk(tmp_path, desk.clock)
    after.link(UPLINK, True)
    assert told(after)["state"] == "trial"
    after.tick(TRIAL_S)
    assert after.used == [Options()]
    assert told(after)["state"] == "reverted"


def test_a_second_change_during_a_trial_falls_back_to_what_was_proven(desk: Desk) -> None:
    """Never to endpoints that were on trial themselves; a refused document does not end the trial."""
    settings(desk, 1, version=1, uplink=NEW[:1])
    settings(desk, 2, version=2, uplink=NEW[1:])
    settings(desk, 3, version=3, uplink=[])
    assert told(desk) == {"version": 3, "state": "applied", "reason": ""}
    settings(desk, 4, version=4, uplink=NEW)
    settings(desk, 5, version=5, local={"host": "elsewhere"})
    assert told(desk)["state"] == "refused"
    desk.tick(TRIAL_S)
    assert desk.used[-1] == Options()
    assert told(desk)["state"] == "refused"
    settings(desk, 6, version=6, uplink=NEW)
    settings(desk, 7, version=7, local={"host": "elsewhere"})
    connect(desk)
    hear(desk, 8)
    assert desk.used[-1].uplink == ADDRESSES
    assert told(desk)["state"] == "refused"


def test_what_needs_no_trial_is_applied_at_once(desk: Desk) -> None:
    """Numbers and intervals; the digest then comes as often as that."""
    settings(desk, 1, version=1, central_numbers=["+5492615551234"], digest_s=60)
    assert desk.used[-1] == Options((), ("+5492615551234",), 60)
    assert told(desk)["state"] == "applied"
    desk.tick()
    before = desk.log.count("digest")
    desk.tick(61)
    assert desk.log.count("digest") == before + 1


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"local": {"host": "elsewhere"}}, "local: cannot be changed from afar"),
        ({"keys": "ab"}, "keys: cannot be changed from afar"),
        ({"uplink": [{"host": "a b"}]}, "uplink.0.host: string should match"),
        ({"uplink": [{"host": "a", "port": 0}]}, "uplink.0.port: input should be greater"),
        ({"uplink": [{"host": "a", "port": "8883"}]}, "uplink.0.port: input should be a valid integer"),
        ({"uplink": [{"host": "a", "local": True}]}, "uplink.0.local: cannot be changed from afar"),
        ({"uplink": NEW + NEW}, "uplink: list should have at most 2"),
        ({"central_numbers": ["911"]}, "central_numbers.0: string should match"),
        ({"digest_s": 1}, "digest_s: input should be greater"),
    ],
)
def test_what_cannot_be_changed_is_refused_for_one_reason(desk: Desk, document: dict[str, Any], reason: str) -> None:
    """Nothing of it comes in force, and central is told."""
    settings(desk, 1, version=7, **document)
    assert desk.used == []
    said = told(desk)
    assert (said["version"], said["state"]) == (7, "refused")
    assert said["reason"].startswith(reason)


def test_only_a_version_that_rises_is_taken(desk: Desk) -> None:
    """The same one again is told again, an older one or none changes nothing."""
    settings(desk, 1, version=5, digest_s=600)
    for sequence, version in ((2, 5), (3, 4), (4, 0), (5, True), (6, -1), (7, "9")):
        settings(desk, sequence, version=version, digest_s=700)
    settings(desk, 8, digest_s=700)
    assert [options.digest_s for options in desk.used] == [600]
    assert told(desk)["version"] == 5


def test_a_version_stays_known_over_a_restart(desk: Desk, tmp_path: Path) -> None:
    """An old document does not come back with the power."""
    settings(desk, 1, version=5, digest_s=600)
    desk.store.close()
    after = Desk(tmp_path, desk.clock)
    settings(after, 2, version=5, digest_s=700)
    assert after.used == []
    assert after.flows.remote.digest_s == 600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 3}', json.dumps({"version": 3, "state": "", "reason": "",
                         "options": {"local": 1}, "before": None})])  # fmt: skip
def test_a_damaged_file_leaves_the_settings_file_alone_in_force(tmp_path: Path, content: str) -> None:
    """It is said, and the next document is taken."""
    (tmp_path / "remote.json").write_text(content)
    desk = Desk(tmp_path)
    assert desk.flows.remote.digest_s is None
    assert desk.log.count("settings_lost") == 1
    settings(desk, 1, version=1, digest_s=600)
    assert desk.flows.remote.digest_s == 600


def test_a_disk_that_takes_nothing_keeps_what_is_in_force(desk: Desk, tmp_path: Path) -> None:
    """The document is not applied by half; central says it again when the disk is back."""
    (tmp_path / "remote.new").mkdir()
    settings(desk, 1, version=1, uplink=NEW)
    assert desk.used == []
    (tmp_path / "remote.new").rmdir()
    settings(desk, 2, version=1, uplink=NEW)
    assert told(desk)["state"] == "trial"
    (tmp_path / "remote.new").mkdir()
    desk.tick(TRIAL_S)
    assert desk.used[-1] == Options()
    assert told(desk)["state"] == "trial"
    (tmp_path / "remote.new").rmdir()
    desk.tick(1)
    assert told(desk)["state"] == "reverted"


def test_a_gateway_whose_endpoints_are_all_wrong_is_mended_by_sms(tmp_path: Path) -> None:
    """The document comes by SMS, what became of it goes by SMS, short enough; and a word by SMS is no proof of an endpoint."""
    desk = Desk(tmp_path, sms=PaperSms())
    desk.link(UPLINK, False)
    frame = gateway.document(gateway.SETTINGS, {"version": 1, "uplink": [{"host": "central.example.org"}]})
    for sequence in (1, 2):
        octets = hop.seal(hop_keys().down, 1, sequence, [frame])
        desk.turns.turn([Received(UPLINK, topic(GATEWAY, DOWN), octets, False, lambda: None, BEARER_SMS)])
    assert desk.sms is not None
    for octets in desk.sms.sent:
        assert len(octets) <= hop.SMS_SIZE
        said = hop.open(hop_keys().up, octets).frames[0]
        assert gateway.read_document(gateway.STATUS, said) == {"settings": {"version": 1, "state": "trial"}}
    assert len(desk.sms.sent) == 2
    connect(desk)
    octets = hop.seal(hop_keys().down, 1, 3, [hop.receipt(hop.Receipt(0, 0))])
    desk.turns.turn([Received(UPLINK, topic(GATEWAY, DOWN), octets, False, lambda: None, BEARER_SMS)])
    assert OverlayFile(tmp_path).read().state == "trial"


def test_each_connection_brings_what_runs_here(desk: Desk) -> None:
    """Program, endpoint in use, modem; also when central asks for everything."""
    desk.uplink.sent.clear()
    connect(desk, "two.example.org:8883")
    desk.down(1, [gateway.ask()])
    desk.tick()
    statuses = [gateway.read_document(gateway.STATUS, frame) for frame in desk.frames(KIND_GATEWAY)]
    expected = {"settings": {"version": 0, "state": "", "reason": ""}, "program": "", "uplink": "two.example.org:8883"}
    assert statuses == [expected, expected]
