"""gammu, a program of others that knows hundreds of modems, works with ours over the pty.

A start of gammu takes it four seconds, so that one batch of commands serves several tests.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modem.pdu import Deliver
from simulator.modem.dialect import DIALECTS
from simulator.modem.modems import Modem, Modems

ONE, TWO, OTHER = "+5492611111111", "+5492612222222", "+5492619999999"
TEXTS = ["hola che", "ñandú {€}", "Жилище 中"]
LONG = "x" * 300
DEADLINE_S = 60
MISSING = "the judge of the modems is missing: apt-get install gammu"


def settings(modem: Modem, folder: Path) -> str:
    """A file that tells gammu where the modem is."""
    path = folder / "gammurc"
    path.write_text(f"[gammu]\ndevice = {modem.path}\nconnection = at115200\n")
    return str(path)


def gammu(modem: Modem, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command of gammu's."""
    assert shutil.which("gammu"), MISSING
    command = ["gammu", "-c", settings(modem, folder), *words]
    return subprocess.run(command, capture_output=True, text=True, input="", timeout=DEADLINE_S)


def batch(modem: Modem, folder: Path, *commands: str) -> list[str]:
    """What gammu prints for each of the commands, which must all end well."""
    lines = folder / "batch"
    lines.write_text("".join(command + "\n" for command in commands))
    run = gammu(modem, folder, "batch", str(lines))
    printed = re.split(r"-{76}\nExecuting batch .* - command \d+: .*\n", run.stdout)[1:]
    assert (run.returncode, len(printed)) == (0, len(commands)), run.stdout + run.stderr
    return printed


def field(printed: str, name: str) -> list[str]:
    """The values of a field in what gammu printed."""
    lines = [line.partition(":") for line in printed.splitlines()]
    return [value.strip().strip('"') for key, _, value in lines if key.strip() == name]


def sending(number: str, text: str) -> str:
    """The command that sends a text."""
    coding = "" if text.isascii() else " -unicode"
    return f"sendsms TEXT {number} -len {len(text)}{coding} -text {shlex.quote(text)}"


@dataclass
class Seen:
    """What gammu printed on one modem that sends, and on one that receives; and what the modem has afterwards."""

    sender: Modem
    identity: str
    network: str
    security: str
    center: str
    sent: list[str]
    place: str
    all: str
    joined: str
    left: list[str]
    telephone: list[object]


@pytest.fixture(scope="module", params=DIALECTS)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Two sessions of gammu with modems of each firmware."""
    folder = tmp_path_factory.mktemp("gammu")
    with Modems([ONE, TWO], dialect=request.param) as modems:
        modems.center.phone(OTHER)
        messages = [sending(TWO, text) for text in (*TEXTS, LONG)]
        identity, network, security, center, *sent = batch(
            modems[0], folder, "identify", "networkinfo", "getsecuritystatus", "getsmsc", *messages, sending(OTHER, "ayuda")
        )  # fmt: skip
        modems.wait(TWO, "stored", count=5)
        memory = modems[1].device.dialect.memory
        inbox = {"SM": "1", "ME": "3"}[memory]
        place, listed, joined, _ = batch(
            modems[1], folder, f"getsms {inbox} 1", "getallsms", "geteachsms", f"deleteallsms {inbox}"
        )
        telephone = [message.payload for message in modems.center.received(OTHER) if isinstance(message, Deliver)]
        yield Seen(
            modems[0], identity, network, security, center, sent, place, listed, joined, modems[1].stored[memory], telephone
        )  # fmt: skip


def test_gammu_identifies_the_modem(seen: Seen) -> None:
    """Maker, model, firmware, IMEI and IMSI are what the modem says."""
    device = seen.sender.device
    assert field(seen.identity, "Manufacturer") == [device.dialect.manufacturer]
    assert device.dialect.model in field(seen.identity, "Model")[0]
    assert field(seen.identity, "Firmware") == [device.dialect.revision.removeprefix("+CGMR: ")]
    assert (field(seen.identity, "IMEI"), field(seen.identity, "SIM IMSI")) == ([device.imei], [device.imsi])


def test_gammu_reads_network_card_and_message_center(seen: Seen) -> None:
    """State, operator and cell; nothing to enter; the center's number."""
    assert field(seen.network, "Network state") == ["home network"]
    assert field(seen.network, "Network") == ["722310 (Claro, Argentina), LAC 2AF8, CID 1A2C110"]
    assert field(seen.network, "Name in phone")[0] == "Claro AR"
    assert seen.security.strip() == "Nothing to enter."
    assert field(seen.center, "Number") == ["+541151740055"]


def test_gammu_sends_messages_with_references_in_turn(seen: Seen) -> None:
    """Each is accepted; the long one goes in two."""
    references = re.findall(r"OK, message reference=(\d+)", "".join(seen.sent))
    assert references == ["0", "1", "2", "3", "4", "5"]


def test_gammu_lists_what_another_gammu_sent(seen: Seen) -> None:
    """Sender and text of all, also with letters outside the GSM alphabet; one place alone too."""
    lines = seen.all.splitlines()
    assert field(seen.all, "Remote number") == [ONE] * 5
    assert [text in lines for text in TEXTS] == [True] * 3
    assert TEXTS[1] in seen.place.splitlines()
    assert seen.all.strip().endswith("5 SMS parts in 5 SMS sequences")


def test_gammu_joins_the_parts_of_a_long_message(seen: Seen) -> None:
    """300 letters that went in two messages are one again."""
    assert LONG in seen.joined.splitlines()
    assert "5 SMS parts in 4 SMS sequences" in seen.joined


def test_gammu_deletes_all(seen: Seen) -> None:
    """After deleteallsms no message is left."""
    assert seen.left == []


def test_gammu_reaches_a_telephone(seen: Seen) -> None:
    """A number without modem has the text."""
    assert seen.telephone == ["ayuda"]


def test_gammu_sees_what_is_wrong(tmp_path: Path) -> None:
    """No coverage is a search; a refused message is an error, and goes nowhere."""
    with Modems([ONE, TWO]) as modems:
        modems[0].act("lose_network")
        (printed,) = batch(modems[0], tmp_path, "networkinfo")
        assert field(printed, "Network state") == ["requesting network"]
        modems[0].act("restore_network")
        modems[0].fault("cms_error", 38, count=1)
        run = gammu(modems[0], tmp_path, "sendsms", "TEXT", TWO, "-text", "x")
        assert run.returncode != 0
        assert modems[1].stored["SM"] == []


def test_gammu_reads_through_a_dribble(tmp_path: Path) -> None:
    """Replies that come octet by octet are read whole."""
    with Modems([ONE]) as modems:
        modems[0].fault("dribble", 0.001)
        (printed,) = batch(modems[0], tmp_path, "identify")
        assert field(printed, "IMEI") == [modems[0].device.imei]


def test_gammu_monitors_the_messages_that_come(tmp_path: Path) -> None:
    """`gammu monitor` turns +CMTI on, and shows a message when it comes."""
    assert shutil.which("gammu"), MISSING
    with Modems([ONE], dialect="quectel") as modems:
        command = ["stdbuf", "-oL", "gammu", "-c", settings(modems[0], tmp_path), "monitor"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as program:
            deadline = threading.Timer(DEADLINE_S, program.kill)
            deadline.start()
            try:
                modems.wait(ONE, "command", "AT+CBC", timeout_s=DEADLINE_S)
                modems.center.inject(OTHER, ONE, "socorro")
                assert program.stdout
                assert "socorro" in (line.strip() for line in program.stdout)
            finally:
                deadline.cancel()
                program.kill()
