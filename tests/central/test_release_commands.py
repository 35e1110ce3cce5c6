"""`sereno-central release`: what is taken and what is not, whom it is meant for, and what an operator is told."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from central.__main__ import app
from central.commands.check import examine
from central.domain.errors import CentralError, NotFound, Refused
from central.settings import load
from central.store.database import connect
from protocol.messages import KIND_BLOCK, KIND_OFFER
from protocol.release import BLOCK_SIZE
from simulator import release
from simulator.broker import Broker, mosquitto_path
from tests.central.rig import Installation, Rig
from tests.central.served import GatewayLink, Served, command

IMAGE = release.image({"firmware/main.py": b"print('a')\n"})
EXPIRY = int(time.time()) + 30 * 86_400


class Counter:
    """Where an operator types; every command answers with its JSON."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        with installation.settings.open("a") as settings:
            settings.write(f'[releases]\nkey = "{release.public_key().hex()}"\n')

    def __call__(self, *words: str) -> Any:
        """A command's answer; raises what it refused with."""
        line = ["release", *words, "--json", "--settings", str(self.installation.settings)]
        done = CliRunner().invoke(app, line, catch_exceptions=True)
        if isinstance(done.exception, CentralError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    def add(self, sequence: int = 8, image: bytes = IMAGE, manifest: bytes | None = None, **other: Any) -> Any:
        """`release add` with files of its own."""
        folder = self.installation.folder
        (folder / "image").write_bytes(image)
        signed = release.manifest(image, sequence, **{"expiry": EXPIRY, **other})
        (folder / "manifest").write_bytes(signed if manifest is None else manifest)
        return self("add", str(folder / "image"), str(folder / "manifest"))

    def meant(self) -> list[tuple[int, str]]:
        """Every release, and for whom."""
        return [(row["release"], row["for"]) for row in self("list")["releases"]]


@pytest.fixture
def counter(installation: Installation) -> Counter:
    """An installation whose settings have a release key."""
    return Counter(installation)


def test_a_signed_release_is_taken_and_meant_for_nobody(counter: Counter) -> None:
    """Until somebody says so; its image is in the folder."""
    added = counter.add(minimum_from=3)
    assert (added["release"], added["board"], added["size"], added["minimum_from"], added["repeated"]) == (
        8, "unix", len(IMAGE), 3, False
    )  # fmt: skip
    assert counter.meant() == [(8, "nobody")]
    assert (counter.installation.folder / "state" / "releases" / "8-unix.image").read_bytes() == IMAGE


def test_the_same_release_again_changes_nothing(counter: Counter) -> None:
    """Added once more, as after a doubt: it says so."""
    counter.add()
    assert (counter.add()["repeated"], counter.meant()) == (True, [(8, "nobody")])


def test_a_release_signed_again_has_its_new_end(counter: Counter) -> None:
    """The same image, a later expiry: no new sequence is needed."""
    counter.add()
    later = counter.add(expiry=EXPIRY + 90 * 86_400)
    assert [row["expires"] for row in counter("list")["releases"]] == [later["expires"]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seed": b"somebody else's, thirty-two long"}, "not signed with the release key"),
        ({"manifest": b""}, "has 148 octets, not 0"),
        ({"manifest": release.manifest(IMAGE, 8, expiry=EXPIRY)[:-1]}, "has 148 octets, not 147"),
        ({"manifest": release.manifest(IMAGE, 8, expiry=EXPIRY) + b"\0"}, "has 148 octets, not 149"),
        ({"manifest": release.manifest(IMAGE + b"\0", 8, expiry=EXPIRY)}, "not the one that this manifest"),
        ({"manifest": release.manifest(IMAGE[:-1], 8, expiry=EXPIRY)}, "not the one that this manifest"),
        ({"digest": bytes(32)}, "not the one that this manifest"),
        ({"size": len(IMAGE) + 1}, "not the one that this manifest"),
        ({"size": 0}, "cannot be read"),
        ({"board": "../x"}, "cannot be read"),
        ({"board": ""}, "cannot be read"),
        ({"expiry": int(time.time()) - 1}, "expired on"),
    ],
)
def test_what_is_not_a_signed_release_is_not_taken(counter: Counter, wrong: dict[str, Any], said: str) -> None:
    """One sentence, no row, no image."""
    with pytest.raises(Refused, match=said):
        counter.add(**wrong)
    assert counter.meant() == []
    assert not (counter.installation.folder / "state" / "releases").exists()


def test_a_changed_bit_anywhere_is_not_taken(counter: Counter) -> None:
    """Of the manifest or of the image."""
    signed = release.manifest(IMAGE, 8, expiry=EXPIRY)
    for at in range(0, len(signed), 21):
        with pytest.raises(Refused):
            counter.add(manifest=signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
    with pytest.raises(Refused):
        counter.add(image=IMAGE[:-3] + bytes([IMAGE[-3] ^ 1]) + IMAGE[-2:], manifest=signed)
    assert counter.meant() == []


def test_a_sequence_never_gets_another_image(counter: Counter) -> None:
    """What a center fetched half of must not change under it; another board may have the same sequence."""
    counter.add()
    with pytest.raises(Refused, match="raise the sequence"):
        counter.add(image=release.image({"firmware/main.py": b"other"}))
    counter.add(image=release.image({"firmware/main.py": b"other"}), board="pico_w")
    assert [row["board"] for row in counter("list")["releases"]] == ["pico_w", "unix"]
    assert (counter.installation.folder / "state" / "releases" / "8-unix.image").read_bytes() == IMAGE


def test_without_a_key_nothing_is_taken(installation: Installation, tmp_path: Path) -> None:
    """And the sentence says which setting is missing; the key has one form."""
    done = command(installation, "release", "add", "x", "y")
    assert (done.returncode, "set key in [releases]" in done.stderr) == (2, True)
    with installation.settings.open("a") as settings:
        settings.write('[releases]\nkey = "ABCD"\n')
    with pytest.raises(Refused, match=r"releases\.key"):
        load(installation.settings)


def test_a_file_that_is_not_there_is_one_sentence(counter: Counter) -> None:
    """Exit code 2, no traceback. Of a file without an end no more is read than the largest image has."""
    done = command(counter.installation, "release", "add", "/nowhere/image", "/nowhere/manifest")
    assert (done.returncode, done.stderr.count("\n"), "/nowhere/image cannot be read" in done.stderr) == (2, 1, True)
    with pytest.raises(Refused, match="148 octets, not 262145"):
        counter("add", "/dev/zero", "/dev/zero")


def test_alerts_do_not_wait_for_files_that_are_read_slowly(counter: Counter, tmp_path: Path) -> None:
    """While an image is still being read, the database takes what others write."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(counter, "add", str(pipe), str(pipe.parent / "nowhere"))
        # Opened as soon as the command reads, which then waits for what follows.
        with pipe.open("wb"), connect(load(counter.installation.settings).database) as db:
            db.execute("PRAGMA busy_timeout = 0")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        with pytest.raises(Refused, match="cannot be read"):
            adding.result(10)


@pytest.mark.parametrize("words", [["8", "--group", "9" * 30], ["9" * 30, "--all"], ["0", "--all"]])
def test_a_number_that_none_can_be_is_wrong_use(counter: Counter, words: list[str]) -> None:
    """Exit code 2, with the range."""
    done = command(counter.installation, "release", "offer", *words)
    assert (done.returncode, "Input should be" in done.stderr) == (2, True)


def test_a_release_is_meant_for_one_then_a_group_then_all(counter: Counter) -> None:
    """Each said by itself; the list tells all of them, and withdrawing takes them back."""
    counter.add()
    answers = [
        counter("offer", "8", "--center", "C000002"),
        counter("offer", "8", "--group", "2"),
        counter("offer", "8", "--all"),
    ]
    assert [(one["for"], one["centers"]) for one in answers] == [("C000002", 1), ("group 2", 2), ("all", 3)]
    assert counter.meant() == [(8, "all, C000002, group 2")]
    assert counter("withdraw", "8")["withdrawn_from"] == "all, C000002, group 2"
    assert (counter.meant(), counter("withdraw", "8")["withdrawn_from"]) == ([(8, "nobody")], "nobody")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["offer", "8"], Refused, "one of --center, --group or --all"),
        (["offer", "8", "--all", "--group", "1"], Refused, "one of --center, --group or --all"),
        (["offer", "8", "--center", "1"], Refused, "not a device name"),
        (["offer", "8", "--center", "G000001"], Refused, "not a center"),
        (["offer", "8", "--center", "C000099"], NotFound, "no center 99"),
        (["offer", "8", "--group", "9"], NotFound, "no group 9"),
        (["offer", "9", "--all"], NotFound, "no release 9"),
        (["withdraw", "9"], NotFound, "no release 9"),
    ],
)
def test_a_wrong_word_offers_nothing(counter: Counter, words: list[str], error: type[Exception], said: str) -> None:
    """One sentence that says what to change."""
    counter.add()
    with pytest.raises(error, match=said):
        counter(*words)
    assert counter.meant() == [(8, "nobody")]


def test_a_release_whose_image_is_damaged_cannot_be_offered_and_check_says_so(counter: Counter) -> None:
    """Adding it again repairs it."""
    counter.add()
    counter("offer", "8", "--all")
    (counter.installation.folder / "state" / "releases" / "8-unix.image").write_bytes(IMAGE[:-1])
    with pytest.raises(CentralError, match="is damaged; add the release again"):
        counter("offer", "8", "--center", "C000001")

    def found() -> list[str]:
        return [one.text for one in examine(counter.installation.settings) if "release 8" in one.text]

    assert len(found()) == 1
    counter.add()
    assert (counter("offer", "8", "--all")["centers"], found()) == (3, [])


def test_the_status_is_what_centers_report(counter: Counter) -> None:
    """Running, offered, how far, the last error; whoever is left alone, and why."""
    rig = Rig(counter.installation)
    rig.clock.at = time.time()
    pending = {"release": 8, "percent": 40, "state": "fetching", "error": ""}
    for center, body in ((1, {"board": "unix", "version": "1.1", "release": 7, "update": pending}),
                         (2, {"board": "pico_w", "release": 7, "update": {"error": "for another board"}})):  # fmt: skip
        rig.receive(1, rig.gateways[1].envelope([rig.centers[center].report(**body)]))
    rig.close()
    counter.add()
    assert counter("offer", "8", "--all") == {
        "release": 8, "for": "all", "centers": 2, "left_alone": {"for another board": 1}
    }  # fmt: skip
    one, two, three = counter("status")["centers"]
    assert {**one, "reported_s_ago": 0} == {
        "center": "C000001", "board": "unix", "running": 7, "version": "1.1", "offered": 8, "why_not": "",
        "pending": 8, "percent": 40, "state": "fetching", "error": "", "reported_s_ago": 0,
    }  # fmt: skip
    assert (two["why_not"], two["error"]) == ("for another board", "for another board")
    assert (three["running"], three["offered"], three["reported_s_ago"]) == (None, 8, None)


def test_people_read_a_table(counter: Counter) -> None:
    """Without --json: a line for each, columns in line."""
    counter.add()
    done = command(counter.installation, "release", "list")
    head, line = done.stdout.splitlines()
    assert (head.split()[:3], line.split()[:3]) == (["release", "version", "board"], ["8", "0.8", "unix"])
    assert line.endswith("nobody")
    assert len(command(counter.installation, "release", "status").stdout.splitlines()) == 4


@pytest.fixture
def served(counter: Counter, tmp_path: Path) -> Iterator[tuple[Served, GatewayLink, Rig]]:
    """Central as a process, a real broker, a gateway's link, and the keys of centers."""
    if mosquitto_path() is None:
        pytest.fail("mosquitto is not installed; run: apt-get install mosquitto")
    installation = counter.installation
    rig = Rig(installation)
    rig.close()
    broker = Broker(tmp_path / "broker", installation.folder / "broker", "broker", "S01")
    broker.start()
    made = Served(installation, broker.port)
    link = GatewayLink(installation.folder, rig.gateways[1], broker.port)
    made.until("broker up")
    yield made, link, rig
    link.close()
    made.close()
    broker.stop()


def test_an_offer_made_beside_the_running_service_reaches_a_center(
    counter: Counter, served: tuple[Served, GatewayLink, Rig]
) -> None:
    """Added, meant for it, offered within seconds, fetched in whole: over the real broker."""
    _, link, rig = served
    center = rig.centers[1]
    link.send(link.player.envelope([center.hello()]))
    # The service's own settings have no key: it passes on what was verified when it was added.
    with counter.installation.settings.open("a") as settings:
        settings.write(f'releases = {{ key = "{release.public_key().hex()}" }}\n')
    image = release.image({"firmware/main.py": bytes(range(256)) * 5})
    counter.add(image=image)
    counter("offer", "8", "--center", "C000001")
    assert center.offered(link.frame(KIND_OFFER)) == release.manifest(image, 8, expiry=EXPIRY)
    got = b""
    while len(got) < len(image):
        link.send(link.player.envelope([center.fetch(8, len(got))]))
        sequence, offset, octets = center.block(link.frame(KIND_BLOCK))
        assert (sequence, offset) == (8, len(got))
        assert len(octets) == min(BLOCK_SIZE, len(image) - offset)
        got += octets
    assert got == image
