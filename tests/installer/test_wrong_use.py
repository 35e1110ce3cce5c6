"""What the installer is asked for wrongly: exit code 2, one sentence that says what to do, and nothing written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from installer import image as images
from installer.build import compiled
from installer.errors import InstallerError, WrongUse
from installer.image import Identity
from tests.installer.desk import Desk

IDENTITY = Identity(8, "1.2.0", "unix")


def small_image(**other: bytes) -> bytes:
    """An image of a program that does nothing."""
    files = {images.MAIN: b"M", images.RELEASE: IDENTITY.source()}
    return images.pack(files | {name.replace("__", "/") + ".py": octets for name, octets in other.items()})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A key and a small image."""
    desk = Desk(tmp_path)
    desk.done("key", "--out", "release.key")
    (tmp_path / "image").write_bytes(small_image())
    return desk


def refused(desk: Desk, *words: str) -> str:
    """What was said on exit code 2."""
    before = {path.name: path.read_bytes() for path in desk.folder.iterdir()}
    said = desk.say(*words)
    assert (said.code, said.out) == (2, ""), said
    assert {path.name: path.read_bytes() for path in desk.folder.iterdir()} == before
    return said.err


def test_a_key_is_private_and_never_written_over(desk: Desk) -> None:
    """Mode 0600, whatever the umask; a second one of that name is refused, also when only one half is there."""
    private = desk.folder / "release.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "never written over" in refused(desk, "key", "--out", "release.key")
    (desk.folder / "half.key.pub").write_text("something")
    assert "never written over" in refused(desk, "key", "--out", "half.key")


def test_a_key_that_others_can_read_does_not_sign(desk: Desk) -> None:
    """Whoever else could read it may sign too."""
    (desk.folder / "release.key").chmod(0o640)
    said = desk.sign()
    assert said.code == 2
    assert "chmod 600" in said.err
    assert not (desk.folder / "manifest").exists()


def test_another_kind_of_key_does_not_sign(desk: Desk) -> None:
    """Neither an EC key, nor the public half, nor text, nor nothing."""
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for octets in (pem, (desk.folder / "release.key.pub").read_bytes(), b"text", b""):
        path = desk.folder / "their.key"
        path.write_bytes(octets)
        path.chmod(0o600)
        assert desk.sign(key="their.key").code == 2
    # Not how to make it private: that would not help.
    assert "no private key" in desk.sign(key="release.key.pub").err
    said = desk.sign(key="missing.key")
    assert (said.code, "cannot be read" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("expires", "2100-13-01", "no day"),
        ("expires", "tomorrow", "no day"),
        ("expires", "2020-01-01", "not in the future"),
        ("expires", "2150-01-01", "too far away"),
        ("minimum_from", "8", "below the sequence"),
        ("minimum_from", "-1", "below the sequence"),
    ],
)
def test_what_no_board_would_take_is_not_signed(desk: Desk, option: str, value: str, words: str) -> None:
    """A day that is none or over, a lowest sequence that leaves no board."""
    said = desk.sign(**{option: value})
    assert said.code == 2
    assert words in said.err
    assert not (desk.folder / "manifest").exists()
    assert desk.sign().code == 0
    assert desk.sign(minimum_from="7").code == 0


def test_only_images_of_this_program_are_signed(desk: Desk) -> None:
    """Anything else would be a manifest for nonsense, or for files that no board writes."""
    whole = small_image()
    nameless = images.pack({images.MAIN: b"M"})
    lifeless = images.pack({images.RELEASE: IDENTITY.source()})
    told = IDENTITY.source()
    odd = [images.pack({images.MAIN: b"M", images.RELEASE: text}) for text in (told + b"import os\n", told[1:], b"")]
    for octets in (b"", b"text", whole[:-1], whole + b"\0", nameless, lifeless, *odd):
        (desk.folder / "image").write_bytes(octets)
        said = desk.sign()
        assert said.code == 2
        assert "release build" in said.err
        assert not (desk.folder / "manifest").exists()


def test_a_build_that_cannot_be_is_refused(desk: Desk) -> None:
    """An unknown board, a version that fits no field, a sequence that no board takes, an option that is missing."""
    words = {"--board": "unix", "--sequence": "8", "--version": "1.2.0", "--out": "new"}
    for option, value in (
        ("--board", "pico"),
        ("--version", "1.2.0 final"),
        ("--version", ""),
        ("--version", "1" * 17),
        ("--sequence", "0"),
        ("--sequence", "4294967296"),
    ):
        asked = words | {option: value}
        said = refused(desk, "build", *[word for pair in asked.items() for word in pair])
        assert option.strip("-") in said.lower()
    assert "--out" in refused(desk, "build", *[word for pair in list(words.items())[:3] for word in pair])


def test_a_public_key_is_64_digits(desk: Desk) -> None:
    """The private half in its place, or half of it, is refused."""
    assert desk.sign().code == 0
    for octets in (b"", b"ab" * 31, b"xy" * 32, (desk.folder / "release.key").read_bytes()):
        (desk.folder / "their.pub").write_bytes(octets)
        assert "no public key" in refused(desk, "verify", "image", "manifest", "--key", "their.pub")


@pytest.mark.parametrize("out", [".", "folder"])
def test_a_folder_is_no_file_to_write(desk: Desk, out: str) -> None:
    """Said before anything is made, by each command that writes a file."""
    (desk.folder / "folder").mkdir()
    build = ("build", "--board", "unix", "--sequence", "8", "--version", "1.2.0", "--out", out)
    for said in (desk.say("key", "--out", out), desk.say(*build), desk.sign(out=out)):
        assert (said.code, said.out) == (2, "")
        assert "is a directory" in said.err
        assert "Traceback" not in said.err
    assert list((desk.folder / "folder").iterdir()) == []


def test_a_huge_file_is_no_image_and_no_key(desk: Desk) -> None:
    """No more of it is read than the largest image has."""
    # A terabyte with nothing on the disk; reading all of it would fail at once.
    os.truncate(desk.folder / "image", 1 << 40)
    assert "no release image" in desk.sign().err
    assert "no private key" in desk.sign(key="image").err


def test_where_no_slot_can_be_made_the_reason_is_said(desk: Desk) -> None:
    """A file in the folder's place."""
    assert desk.sign().code == 0
    said = desk.say("unpack", "image", "manifest", "--key", "release.key.pub", "--out", "image")
    assert (said.code, said.err) == (1, "sereno-install: image/a could not be written: File exists\n")


def test_what_does_not_compile_or_fit_makes_no_image(tmp_path: Path) -> None:
    """The file is named; a path that no board would write, and an image larger than boards take, are refused."""
    source = tmp_path / "app.py"
    source.write_text("def broken(:\n")
    with pytest.raises(InstallerError, match=r"firmware/app\.py does not compile"):
        list(compiled([("firmware/app.py", source)]))
    with pytest.raises(WrongUse, match="cannot be in a release"):
        images.pack({"firmware/../boot.py": b"x"})
    with pytest.raises(WrongUse, match="at most 262144"):
        images.pack({"firmware/app.mpy": bytes(256 * 1024)})


def test_a_folder_that_is_no_slot_is_not_emptied(desk: Desk) -> None:
    """Unpacking makes a slot anew; somebody's own folder `a` is left alone."""
    assert desk.sign().code == 0
    mine = desk.folder / "board" / "a" / "letter"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    words = ("unpack", "image", "manifest", "--key", "release.key.pub", "--out")
    said = desk.say(*words, "board")
    assert said.code == 2
    assert mine.read_text() == "mine"
    assert desk.say(*words, "new").code == 0
    assert desk.say(*words, "new").code == 0


def test_the_help_teaches(desk: Desk) -> None:
    """The order of the commands, and of each what its options mean."""
    text = desk.say("--help").out
    for word in ("release key --out", "release build --board", "release sign", "release verify", "one center first"):
        assert word in text
    for command in ("key", "build", "sign", "verify", "unpack"):
        assert "--json" in desk.say(command, "--help").out
