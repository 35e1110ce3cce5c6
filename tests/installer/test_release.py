"""Releases from source to slot, with the real compiler and the real interpreter of boards."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.manifest import read
from installer import image as images
from protocol.manifest import CONTEXT, SIGNED
from tests.installer.desk import ROOT, Desk

MICROPYTHON = Path(sys.executable).with_name("micropython")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A signed release for the simulated board; whoever spoils something copies it first."""
    desk = Desk(tmp_path_factory.mktemp("release"))
    desk.signed()
    return desk


@pytest.fixture
def desk(signed: Desk, tmp_path: Path) -> Desk:
    """A copy of it."""
    shutil.copytree(signed.folder, tmp_path / "desk")
    return Desk(tmp_path / "desk")


def test_an_image_starts_on_the_interpreter_of_a_board(desk: Desk) -> None:
    """Laid down by `unpack`, chosen by the boot of boards, its modules imported by MicroPython from the slot and nowhere else."""
    desk.done("unpack", "image", "manifest", "--key", "release.key.pub", "--out", "board")
    shutil.copy(ROOT / "firmware" / "boot.py", desk.folder / "boot.py")
    script = (
        "import boot, os, sys\n"
        "print(boot.choose('board/', os), boot.complete('board/', 'a'))\n"
        "import firmware.install, firmware.slots, firmware.app, firmware.release, protocol.keys\n"
        "print(firmware.slots.__file__, firmware.app.__file__, protocol.keys.__file__)\n"
        "print(firmware.install.light('board/', path=sys.path)['running'])\n"
        "print(firmware.release.SEQUENCE, firmware.release.VERSION, firmware.release.BOARD)\n"
    )
    done = subprocess.run(
        [str(MICROPYTHON), "-c", script],
        cwd=desk.folder,
        env={**os.environ, "MICROPYPATH": f".frozen:{desk.folder}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "a 8",
        "board/a/firmware/slots.mpy board/a/firmware/app.mpy board/a/protocol/keys.mpy",
        "8",
        "8 1.2.0 unix",
    ], done.stderr


def test_the_same_sources_make_the_same_octets(desk: Desk, tmp_path: Path) -> None:
    """From another folder, with other times; another sequence makes others."""
    for name in ("firmware", "protocol", "installer"):
        shutil.copytree(ROOT / name, tmp_path / "elsewhere" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (tmp_path / "elsewhere").rglob("*.py"):
        os.utime(path, (1, 1))
    there = Desk(desk.folder, tmp_path / "elsewhere")
    words = ("build", "--board", "unix", "--version", "1.2.0")
    assert there.done(*words, "--sequence", "8", "--out", "again")["size"] > 10_000
    assert (desk.folder / "again").read_bytes() == (desk.folder / "image").read_bytes()
    desk.done(*words, "--sequence", "9", "--out", "again")
    assert (desk.folder / "again").read_bytes() != (desk.folder / "image").read_bytes()


def test_an_image_holds_the_program_and_no_other_boards_pins(desk: Desk) -> None:
    """Firmware and protocol compiled, in order; of the pin maps the board's own."""
    files = images.unpack((desk.folder / "image").read_bytes())
    assert {"firmware/main.mpy", "firmware/app.mpy", "firmware/boards/__init__.mpy", "protocol/keys.mpy"} <= set(files)
    assert not {"protocol/hop.mpy", "protocol/cbor.mpy", "firmware/boards/boot.mpy"} & set(files)
    assert "firmware/boards/pico_w.mpy" not in files
    assert list(files) == sorted(files)
    assert [path for path in files if path.endswith(".py")] == [images.RELEASE]
    assert images.pack(files) == (desk.folder / "image").read_bytes()
    desk.signed("pico_w")
    files = images.unpack((desk.folder / "image").read_bytes())
    assert [path for path in files if path.startswith("firmware/boards/")] == [
        "firmware/boards/__init__.mpy",
        "firmware/boards/pico_w.mpy",
    ]


def test_boards_read_what_was_signed(desk: Desk) -> None:
    """The firmware's own verifier agrees with the library that signed."""
    octets, image = (desk.folder / "manifest").read_bytes(), (desk.folder / "image").read_bytes()
    fields = read(octets, bytes.fromhex((desk.folder / "release.key.pub").read_text()))
    assert (fields.sequence, fields.board, fields.version) == (8, "unix", "1.2.0")
    assert (fields.size, fields.digest) == (len(image), hashlib.sha256(image).digest())
    told = desk.verify()
    assert told.code == 0
    assert "release 8 (1.2.0) for unix" in told.out
    assert "before 2100-01-31" in told.out


def test_what_does_not_verify_ends_with_1(desk: Desk) -> None:
    """Another key, another image, a changed octet, a manifest cut short: one sentence each."""
    image, manifest = desk.folder / "image", desk.folder / "manifest"
    whole, octets = image.read_bytes(), manifest.read_bytes()
    desk.done("key", "--out", "other.key")
    said = [desk.verify("other.key.pub")]
    for spoiled in (octets[:-1], octets[:40] + bytes([octets[40] ^ 1]) + octets[41:], b"", octets + b"\0"):
        manifest.write_bytes(spoiled)
        said.append(desk.verify())
    manifest.write_bytes(octets)
    for spoiled in (whole[:-1], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], b""):
        image.write_bytes(spoiled)
        said.append(desk.verify())
        said.append(desk.say("unpack", "image", "manifest", "--key", "release.key.pub", "--out", "board"))
    for one in said:
        assert (one.code, one.out) == (1, ""), one
        assert one.err.startswith("sereno-install: ")
        assert one.err.count("\n") == 1
    assert not (desk.folder / "board").exists()


def test_a_manifest_that_names_another_release_than_the_image_does_not_verify(desk: Desk) -> None:
    """Signed with the right key, by something else than this program."""
    key = Ed25519PrivateKey.generate()
    (desk.folder / "their.pub").write_text(key.public_key().public_bytes_raw().hex())
    body = (desk.folder / "manifest").read_bytes()[:SIGNED]
    body = body[:4] + (9).to_bytes(4, "big") + body[8:]
    (desk.folder / "manifest").write_bytes(body + key.sign(CONTEXT + body))
    said = desk.verify("their.pub")
    assert said.code == 1
    assert "name different releases" in said.err
