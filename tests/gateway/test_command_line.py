"""`sereno-gateway` as a technician meets it: one sentence for each mistake, and the right exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from central import pki
from gateway import check
from gateway.sections import GpioSettings
from gateway.settings import Settings, load, sample
from tests.gateway.frames import GATEWAY
from tests.gateway.rig import Neighbourhood


def call(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of the real program."""
    command_line = [sys.executable, "-m", "gateway", *map(str, arguments)]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def idle(tmp_path: Path) -> Neighbourhood:
    """Files of a neighbourhood whose brokers do not run."""
    return Neighbourhood(tmp_path)


def test_the_printed_sample_holds_every_option_under_a_comment_and_its_default(tmp_path: Path) -> None:
    """What `settings` prints is a file that `check` takes, and each option has its explanation."""
    code, out, _ = call("settings")
    assert (code, out) == (0, sample())
    (tmp_path / "gateway.toml").write_text(out)
    expected = Settings(uplink={"host": "central.example.org"})  # type: ignore[arg-type]
    assert load(tmp_path / "gateway.toml") == expected
    lines = out.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
    options = sum(len(section) for section in tomllib.loads(out).values())
    assert options == sum(1 for line in lines if " = " in line and not line.startswith("#"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[uplink]\nport = 1\n", "uplink.host is missing; `sereno-gateway settings` prints every option"),
        (
            "[uplink]\nhost = 'x'\nprot = 1\n",
            "uplink.prot is not an option; `sereno-gateway settings` prints all of them",
        ),
        (
            "[uplink]\nhost = 'x'\nport = 99999\n",
            "uplink.port = 99999 is not possible: input should be less than or equal to 65535",
        ),
        (
            "[uplink]\nhost = 'x'\n[sms]\nnumbers = ['2615551234']\n",
            'is not possible: "2615551234" is not a number with + and country code',
        ),
        ("[uplink\n", "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 8)"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "check"])
def test_wrong_settings_are_one_sentence_and_exit_2(tmp_path: Path, verb: str, text: str, sentence: str) -> None:
    """It names the file and the option, and no traceback is ever seen."""
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    code, out, err = call(verb, "--settings", path)
    said = (out + err).strip()
    assert code == 2
    assert sentence in said
    assert str(path) in said
    assert len(said.splitlines()) == 1


def test_a_missing_settings_file_is_one_sentence_that_says_how_to_make_one(tmp_path: Path) -> None:
    """The program prints its own sample."""
    path = tmp_path / "none.toml"
    assert call("run", "--settings", path) == (
        2,
        "",
        f"sereno-gateway: {path} cannot be read (No such file or directory); make one: sereno-gateway settings > {path}\n",
    )


def test_keys_that_others_may_read_are_refused(idle: Neighbourhood) -> None:
    """With the command that mends it, by `run` and by `check`."""
    secret = idle.keys / "keys.json"
    secret.chmod(0o644)
    sentence = f"{secret} can be read by others (mode 0644); run: chmod 600 {secret}"
    assert call("run", "-s", idle.settings()) == (2, "", f"sereno-gateway: {sentence}\n")
    code, out, _ = call("check", "-s", idle.settings())
    assert (code, f"error    {sentence}" in out.splitlines()) == (2, True)


@pytest.mark.parametrize("file", ["centers/C000001.json", "key.pem"])
def test_every_secret_file_is_checked(idle: Neighbourhood, file: str) -> None:
    """Also a center's local pair, and our certificate's key."""
    (idle.keys / file).chmod(0o640)
    code, _, err = call("run", "-s", idle.settings())
    assert (code, f"{idle.keys / file} can be read by others" in err) == (2, True)


def test_a_damaged_key_file_is_named_without_its_secrets(idle: Neighbourhood) -> None:
    """The field is told, its value is not."""
    path = idle.keys / "keys.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "root": "abcd1234"}))
    code, _, err = call("run", "-s", idle.settings())
    assert (code, err) == (2, f"sereno-gateway: {path} is not a key file of Sereno (root); enrol again\n")


def test_the_certificate_of_another_device_is_refused(idle: Neighbourhood) -> None:
    """Two folders mixed up on a workbench."""
    idle.client_folder(idle.keys, "G000002")
    code, _, err = call("run", "-s", idle.settings())
    assert (code, err) == (
        2,
        f"sereno-gateway: {idle.keys / 'cert.pem'} is not the certificate of {GATEWAY}; copy that gateway's own folder\n",
    )


def test_check_finds_a_good_folder_good(idle: Neighbourhood) -> None:
    """Exit 0; the centers are listed."""
    code, out, _ = call("check", "-s", idle.settings(), "--json")
    result = json.loads(out)
    assert (code, result["good"]) == (0, True)
    assert "centers: C000001, C000002" in [finding["text"] for finding in result["findings"]]


@pytest.mark.parametrize(
    ("days", "code", "level"),
    [(-1, 2, "error"), (59, 0, "warning"), (62, 0, "ok")],
)
def test_check_looks_sixty_days_ahead(idle: Neighbourhood, days: int, code: int, level: str) -> None:
    """An expired certificate is an error, one that soon expires a warning."""
    start = datetime.now(UTC) - timedelta(days=100)
    issued = pki.issue_client(idle.authority, 1, GATEWAY, days=100 + days, not_before=start + timedelta(hours=1))
    (idle.keys / "cert.pem").write_bytes(issued.chain_pem)
    (idle.keys / "key.pem").write_bytes(issued.key_pem())
    got, out, _ = call("check", "-s", idle.settings(), "--json")
    found = [
        entry["level"]
        for entry in json.loads(out)["findings"]
        if "/cert.pem" in entry["text"] or entry["text"].startswith("cert.pem")
    ]
    assert (got, found) == (code, [level])


@pytest.mark.parametrize(
    ("section", "level", "told"),
    [
        ({"device": "/dev/null", "centers": [1]}, "ok", "serial: /dev/null, C000001"),
        ({"device": "/dev/ttyNone", "centers": [1]}, "error", "serial: /dev/ttyNone is not there"),
        ({"device": "/dev/null", "centers": [1, 9]}, "error", "C000009 is not enrolled here"),
        ({"device": "/dev/null"}, "warning", "has no centers"),
        ({"centers": [1]}, "warning", "not used without"),
    ],
)
def test_check_knows_the_serial_line(idle: Neighbourhood, section: dict[str, object], level: str, told: str) -> None:
    """The adapter and who is on its line."""
    code, out, _ = call("check", "-s", idle.settings(serial=section), "--json")
    found = [entry for entry in json.loads(out)["findings"] if entry["text"].startswith("serial")]
    assert (code, [entry["level"] for entry in found]) == (2 if level == "error" else 0, [level])
    assert told in found[0]["text"]


def test_check_reaches_the_brokers_when_asked(idle: Neighbourhood) -> None:
    """Nobody listens: one sentence per broker."""
    code, out, _ = call("check", "-s", idle.settings(), "--connect")
    told = [line for line in out.splitlines() if "nobody listens" in line]
    assert (code, [line.split(":")[0] for line in told]) == (2, ["error    uplink", "error    local"])


def test_check_reaches_running_brokers(neighbourhood: Neighbourhood) -> None:
    """Both answer, each with the name it must have."""
    code, out, _ = call("check", "-s", neighbourhood.settings(), "--connect")
    assert code == 0
    assert [line.split(" answers")[1] for line in out.splitlines() if " answers" in line] == [
        ", and is localhost",
        f", and is {GATEWAY}",
    ]


def test_status_without_a_running_gateway_is_one_sentence_and_exit_1(idle: Neighbourhood) -> None:
    """Nothing is made up from an old file."""
    code, out, err = call("status", "-s", idle.settings())
    assert (code, out) == (1, "")
    assert err.startswith("sereno-gateway: sereno-gateway is not running") and err.count("\n") == 1
    (idle.folder / "state" / "status.json").write_text('{"written_at": 1}')
    assert call("status", "-s", idle.settings())[0] == 1


def test_status_tells_a_running_gateway(neighbourhood: Neighbourhood) -> None:
    """Both lines, the centers, the outbox and the clock, for a person and as JSON."""
    neighbourhood.process()
    settings = neighbourhood.folder / "gateway.toml"
    code, out, _ = call("status", "-s", settings, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["uplink"]["connected"], document["local"]["connected"]) == (True, True)
    assert (document["outbox"], document["centers"]["1"]["presence"]) == ({"waiting": 0, "oldest_s": None}, "unknown")
    assert "centers  0 of 2 present" in call("status", "-s", settings)[1].splitlines()


def test_a_state_folder_that_cannot_be_used_is_one_sentence_and_exit_1(idle: Neighbourhood) -> None:
    """A file where the folder should be."""
    (idle.folder / "state").mkdir()
    settings = idle.settings()
    (idle.folder / "state").rmdir()
    (idle.folder / "state").write_text("")
    code, out, err = call("run", "-s", settings)
    assert (code, out, err) == (
        1,
        "",
        f"sereno-gateway: cannot write in {idle.folder / 'state'} (Not a directory); check its owner\n",
    )


@pytest.mark.parametrize(
    ("section", "level", "told"),
    [
        ({}, "warning", "sms: no modem; while MQTT is away nothing but the neighbourhood itself works"),
        ({"numbers": ["+5492610000000"]}, "warning", 'sms: central\'s numbers are set, and not used without "device"'),
        (
            {"device": "/dev/null"},
            "error",
            'sms: /dev/null has nobody to write to; put central\'s numbers in "numbers"',
        ),
        ({"device": "/dev/null", "numbers": ["+5492610000000"]}, "ok", "sms: /dev/null, to +5492610000000"),
        (
            {"device": "/dev/ttyNone", "numbers": ["+5492610000000"]},
            "error",
            "sms: /dev/ttyNone is not there; is it plugged in? `ls /dev/serial/by-id` shows what is",
        ),
        (
            {"device": "/dev/null", "numbers": ["+5492610000000"], "pin_file": "/nowhere/pin"},
            "error",
            "sms: /nowhere/pin is not there; write the word into it, for its owner alone (chmod 600)",
        ),
        (
            {"device": "/etc", "numbers": ["+5492610000000"]},
            "error",
            "sms: /etc is not a serial device",
        ),
    ],
)
def test_check_knows_the_modem(idle: Neighbourhood, section: dict[str, object], level: str, told: str) -> None:
    """Whether there is one, whether it has somebody to write to, and what to do."""
    _, out, _ = call("check", "-s", idle.settings(sms=section), "--json")
    assert [entry for entry in json.loads(out)["findings"] if entry["text"].startswith("sms")] == [
        {"level": level, "text": told}
    ]


@pytest.mark.parametrize(("pin", "good"), [("1234", True), ("", False), ("12a4", False), ("123", False)])
def test_check_finds_the_cards_pin_in_the_folder_of_the_keys(idle: Neighbourhood, pin: str, good: bool) -> None:
    """Where the service finds it too, wherever the technician stands; the installer leaves an empty file there."""
    (idle.keys / "pin").write_text(pin + "\n")
    (idle.keys / "pin").chmod(0o600)
    section = {"device": "/dev/null", "numbers": ["+5492610000000"], "pin_file": "pin"}
    _, out, _ = call("check", "-s", idle.settings(sms=section))
    told = next(line for line in out.splitlines() if "sms: " in line)
    wrong = f'error    sms: {idle.keys / "pin"} holds no PIN; write its 4 to 8 digits, or take "pin_file" away'
    assert told == ("ok       sms: /dev/null, to +5492610000000" if good else wrong)


def test_check_says_which_library_of_the_pins_is_absent_before_the_service_ends_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every pin is named, that of the modem's supply too."""
    section = GpioSettings(backend="lgpio", panic=5, modem_power=6)
    monkeypatch.setattr(check, "find_spec", lambda name: None if name == "lgpio" else name)
    assert check.Finding(
        "error",
        'gpio: lgpio not in this environment; on a Raspberry Pi call install.sh again, elsewhere set backend = "none"',
    ) == check._pins(section)
    monkeypatch.setattr(check, "find_spec", lambda name: name)
    assert check.Finding("ok", "gpio: lgpio, panic 5, modem power 6") == check._pins(section)
