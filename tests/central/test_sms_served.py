"""The whole service with the broker away: an alert goes out through a modem, the answer comes in through the provider's door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from central.commands.check import examine
from central.domain.errors import Refused
from central.settings import load
from modem.pdu import Deliver
from modem.text import to_text
from protocol import codes, hop
from protocol.layout import kind_of
from protocol.messages import COMMAND, KIND_RECEIPT
from simulator.broker import free_port
from simulator.modem.modems import Modems
from tests.central.rig import NUMBERS, Installation, Rig
from tests.central.served import DEADLINE_S, Served, command

OWN = "+5492614100001"
DOOR = "/api/1/sms/inbound"


@pytest.fixture
def modems() -> Iterator[Modems]:
    """Central's modem, and gateway 1's number."""
    with Modems([OWN]) as made:
        made.center.phone(NUMBERS[1])
        yield made


@pytest.fixture
def served(installation: Installation, modems: Modems) -> Iterator[Served]:
    """Central with a modem and a door for its provider, and no broker."""
    secret(installation, "token", "abc")
    settings: dict[str, Any] = {"sms.devices": [modems[0].path], "sms.inbound_token_file": "token"}
    made = Served(installation, free_port(), **settings)
    yield made
    made.close()


def secret(installation: Installation, name: str, text: str, mode: int = 0o600) -> None:
    """A file beside the settings."""
    path = installation.folder / name
    path.write_text(text + "\n")
    path.chmod(mode)


def frames(rig: Rig, modems: Modems, count: int) -> list[bytes]:
    """What the gateway's card has got, once it is so many messages: their frames."""
    modems.wait(NUMBERS[1], "delivered", count=count, timeout_s=DEADLINE_S)
    message = modems.center.received(NUMBERS[1])[count - 1]
    assert isinstance(message, Deliver) and isinstance(message.payload, bytes)
    return rig.gateways[1].open(message.payload)


def bring(served: Served, octets: bytes, token: str = "abc") -> int:
    """The provider brings a message; the status."""
    body = {"from": "+5490000000000", "text": to_text(octets)}
    return served.http.post(DOOR, json=body, headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_alert_goes_round_by_sms_alone(installation: Installation, modems: Modems, served: Served) -> None:
    """Hello by SMS, the time, an alert, the command, the ack, its receipt."""
    rig = Rig(installation)
    gateway, center = rig.gateways[1], rig.centers[1]
    assert bring(served, gateway.envelope([center.hello()])) == 200
    (time,) = frames(rig, modems, 1)
    assert center.time(time).request == 1
    incident = int(served.alert("sms-served-1").json()["incident"])
    (frame,) = frames(rig, modems, 2)
    order = center.command(frame)
    assert (kind_of(frame), order.incident) == (COMMAND.kind, incident)
    answer = gateway.batch([center.ack(order.counter, codes.SOUNDING, incident, outputs=codes.SIREN)], order.issued)
    assert bring(served, answer) == 200
    (receipt,) = frames(rig, modems, 3)
    assert (kind_of(receipt), hop.read_receipt(receipt).upto) == (KIND_RECEIPT, gateway.outbox)
    seen = served.operator("GET", f"/v1/incidents/{incident}").json()
    assert (seen["state"], [ack["bearer"] for ack in seen["acks"]]) == ("sounding", ["sms"])
    rig.close()


def test_the_door_is_for_the_provider_alone(served: Served) -> None:
    """Its own token; an app's key or an operator's is none."""
    installation = served.installation
    statuses = [bring(served, b"x", token) for token in ("x", "abd", installation.app, installation.operator, "abc")]
    assert statuses == [401, 401, 401, 401, 200]


def test_what_is_not_ours_is_taken_and_forgotten(served: Served) -> None:
    """The provider must not offer it again; only what is no message at all is told so."""
    bodies = {
        '{"data": "00ff"}': 200,
        '{"data": "no hexadecimal"}': 200,
        '{"text": "Ganaste un auto", "from": "+549"}': 200,
        "{}": 200,
        '{"text": 5}': 422,
        "not JSON": 400,
    }
    headers = {"Authorization": "Bearer abc"}
    answers = {body: served.http.post(DOOR, content=body, headers=headers).status_code for body in bodies}
    assert answers == bodies


def test_without_a_token_there_is_no_door(installation: Installation) -> None:
    """Nothing answers there."""
    made = Served(installation, free_port())
    assert bring(made, b"x") == 404
    made.close()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('sms.provider_url = "http://x"', "provider_token_file"),
        ('sms.provider_url = "x"', "sms.provider_url"),
        ('sms.numbers = ["2614000001"]', "sms.numbers"),
        ('sms.device = "/dev/ttyUSB2"', "sms.device: is not a setting"),
    ],
)
def test_settings_of_short_messages_that_cannot_be_are_one_sentence(
    installation: Installation, lines: str, words: str
) -> None:
    """The setting, and what to change."""
    with installation.settings.open("a") as file:
        file.write(lines + "\n")
    with pytest.raises(Refused, match=words):
        load(installation.settings)


@pytest.mark.parametrize(("mode", "text", "words"), [(0o644, "abc", "chmod 600"), (0o600, "", "is empty")])
def test_a_secret_that_others_can_read_is_refused_at_the_start(
    installation: Installation, mode: int, text: str, words: str
) -> None:
    """One sentence, exit code 2; the check finds it too."""
    secret(installation, "token", text, mode)
    with installation.settings.open("a") as file:
        file.write('sms.inbound_token_file = "token"\n')
    done = command(installation, "serve")
    assert (done.returncode, words in done.stderr) == (2, True)
    assert any(words in finding.text for finding in examine(installation.settings) if finding.level == "error")


def test_the_check_tells_how_short_messages_go(installation: Installation) -> None:
    """Ways, gateways with a number, a modem that is not there, numbers that gateways cannot know."""
    both = [finding.text for finding in examine(installation.settings) if finding.level == "warning"]
    assert "2 gateways have a number, but [sms] names no modem and no provider" in both
    with installation.settings.open("a") as file:
        file.write('sms.devices = ["/dev/nothing"]\n')
    found = {finding.text: finding.level for finding in examine(installation.settings)}
    assert found["short messages by 1 modems; 2 of 2 gateways have a number"] == "ok"
    assert found["the modem /dev/nothing is not there; is it plugged in and switched on?"] == "warning"
    assert found["[sms] numbers is empty: gateways must be told where central takes short messages"] == "warning"


def test_a_gateway_is_enrolled_with_its_number(installation: Installation) -> None:
    """And told the numbers of central; the number can be changed later."""
    with installation.settings.open("a") as file:
        file.write('sms.numbers = ["+5492614100001"]\n')
    out = str(installation.folder)
    said = command(installation, "enroll", "gateway", "--out", out, "--number", "+5492614000009")
    assert (said.returncode, "numbers for its settings [sms]: +5492614100001" in said.stdout) == (0, True)
    changed = command(installation, "enroll", "number", "G000003", "+5492614000008", "--json")
    assert changed.stdout.strip() == '{"gateway": "G000003", "number": "+5492614000008"}'
    refused = command(installation, "enroll", "number", "G000077", "+5492614000008")
    assert (refused.returncode, "there is no gateway 77" in refused.stderr) == (2, True)
