"""The whole program on MicroPython on a simulated board, without a gateway: console, fobs, supervision, factory state, erasure."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from central import pki
from simulator.boards import BoardProcess
from simulator.errors import SimulatorError
from simulator.fob import FIXED, ROLLING, Fob
from tests.simulator.one_center import NAME, Walk, device, on_boards

SOON_S = 15.0


async def typed(boards: BoardProcess, line: str, wanted: str) -> str:
    """Type a line, and wait until the console has said what is wanted; all that it said since."""
    before = len(await boards.log(NAME))
    await boards.type(NAME, line)
    return await boards.until_said(NAME, wanted, SOON_S, before)


def run(walk: Walk, folder: Path, **settings: object) -> None:
    """A center with these settings."""
    place = device(folder)
    (place / "ca.der").write_bytes(b"not a secret")
    content = json.loads((place / "device.json").read_text())
    content["settings"] = {"hold_ms": 300, **settings}
    (place / "device.json").write_text(json.dumps(content))
    on_boards(walk, place)


def certified(folder: Path) -> None:
    """Certificate and key of a center beside its device.json, as enrolment makes them."""
    authority = folder.parent / "authority"
    pki.create_authority(authority)
    pki.issue_municipality(authority, 1)
    issued = pki.issue_client(authority, 1, NAME)
    (folder / "ca.der").write_bytes(issued.root.public_bytes(Encoding.DER))
    (folder / "cert.der").write_bytes(issued.certificate.public_bytes(Encoding.DER))
    (folder / "key.der").write_bytes(issued.key_der())


def unreachable(folder: Path) -> bytes:
    """The device.json of a folder with a gateway that has no address."""
    content = json.loads((folder / "device.json").read_text())
    return json.dumps(content | {"endpoints": [{"port": 8883, "name": "G000001"}]}).encode()


def test_the_console_answers_and_shows_no_secret(tmp_path: Path) -> None:
    """Every command, wrong ones too; nothing that it ever says holds a key."""

    async def walk(boards: BoardProcess) -> None:
        await typed(boards, "help", "erase NAME")
        await typed(boards, "identify", "C000001, group 1, gateway G000001, board unix")
        await boards.until(lambda: boards.on(NAME, "indicator"), SOON_S, "the blinking indicator")
        await typed(boards, "status", "verdict: 0")
        await typed(boards, "test", "passed")
        await typed(boards, "settings", "report_s")
        await typed(boards, "set hold_ms 99", "must be a whole number from 300 to 5000")
        await typed(boards, "set hold_ms 800", "hold_ms = 800")
        await typed(boards, "set siren pwm", "siren = pwm")
        await typed(boards, "set motion on", "motion = yes")
        await typed(boards, "set", "that is not how set is used")
        await typed(boards, "journal all", "that is not how journal is used")
        await typed(boards, "fobs", "no receiver is fitted")
        await typed(boards, "journal", "started, cause 1")
        await typed(boards, "sing", "there is no command sing")
        # More than a name of MicroPython may have: 255 octets.
        await typed(boards, "x" * 1000, "there is no command xxx")
        await typed(boards, "\x00\x1b" * 100, "there is no command")
        await typed(boards, "erase C000002", "nothing was erased")
        assert boards.snapshot(NAME).resets == 0
        log = await boards.log(NAME)
        content = json.loads((tmp_path / "device.json").read_text())
        assert content["root"] not in log
        assert content["root"][:16] not in log

    run(walk, tmp_path)


def test_a_paired_fob_sounds_and_its_replay_does_not(tmp_path: Path) -> None:
    """Rolling: each press once, a recorded one never. The fob survives a power cut, and so does its counter."""
    key = 0x5CEC6701B79FD949

    async def walk(boards: BoardProcess) -> None:
        from simulator.fob import fob_key

        fob = Fob(ROLLING, 0x0ABCDE1, fob_key(key, 0x0ABCDE1), 5)
        await typed(boards, f"pair panic {key >> 8:014x}", "that is not how pair is used")
        await typed(boards, f"pair panic {key >> 4:015x}Z", "that is not how pair is used")
        await typed(boards, f"pair panic {key:016x}", "press the fob now")
        await boards.radio(NAME, [us for _, us in fob.press(1)])
        await typed(boards, "pair", "paired in slot 1")
        assert not boards.on(NAME)
        recorded = [us for _, us in fob.press(1)]
        await boards.radio(NAME, recorded)
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren")
        before = len(await boards.log(NAME))
        await boards.power(NAME, False)
        await boards.power(NAME, True)
        await boards.until_said(NAME, "link: ", SOON_S, before)
        await typed(boards, "fobs", "1 panic  rolling")
        at = boards.snapshot(NAME).at
        await boards.radio(NAME, recorded)
        # The next press behind the replay: when it sounded, the replay was heard before and did not.
        await boards.radio(NAME, [us for _, us in Fob(FIXED, 0x11111).press(1)])
        await typed(boards, "journal", "started")
        assert boards.times_on(NAME, since=at) == 0
        await boards.radio(NAME, [us for _, us in fob.press(1)])
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren of a new press")

    run(walk, tmp_path, rf=True)


def test_a_relay_that_sticks_is_found_told_and_cut(tmp_path: Path) -> None:
    """Incident 18: the siren's relay stays closed when it should open; the second switch takes its place."""

    async def walk(boards: BoardProcess) -> None:
        await boards.fault(NAME, "stuck")
        await boards.press(NAME)
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren")
        await boards.release(NAME)
        # The default of 30 s would be long to wait: a new program ends what sounds, so does the end of the activation.
        await boards.until(lambda: not boards.on(NAME), 40, "silence by the second switch")
        await boards.until_said(NAME, "event 0x30", SOON_S)
        await boards.press(NAME)
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren by its second switch")

    run(walk, tmp_path)


def test_sounding_that_nobody_asked_for_is_told_within_five_seconds(tmp_path: Path) -> None:
    """Current from somewhere else: it cannot be cut, but it is known."""

    async def walk(boards: BoardProcess) -> None:
        await boards.fault(NAME, "bypass")
        at = boards.snapshot(NAME).at
        await boards.until_said(NAME, "event 0x31", SOON_S)
        await boards.fault(NAME, "bypass", False)
        assert boards.snapshot(NAME).at - at < 5

    run(walk, tmp_path)


def test_a_siren_that_draws_current_and_makes_no_sound_is_told(tmp_path: Path) -> None:
    """The microphone is the proof that the current is not."""

    async def walk(boards: BoardProcess) -> None:
        await boards.set_input(NAME, "microphone", 1)
        await boards.fault(NAME, "mute")
        await boards.press(NAME)
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren's current")
        at = boards.snapshot(NAME).at
        await boards.until_said(NAME, "event 0x32", SOON_S)
        await boards.release(NAME)
        assert boards.snapshot(NAME).at - at < 5

    run(walk, tmp_path, microphone=True)


def test_a_program_that_hangs_neither_prolongs_the_siren_nor_misses_the_button(tmp_path: Path) -> None:
    """The interrupt goes on: the end comes in time, a held button is known afterwards."""

    async def walk(boards: BoardProcess) -> None:
        await boards.stall(NAME)
        await boards.press(NAME)
        await boards.until(lambda: boards.snapshot(NAME).holds, SOON_S, "the latch of the button")
        await boards.release(NAME)
        assert not boards.on(NAME)
        await boards.thaw(NAME)
        await boards.until(lambda: boards.on(NAME), SOON_S, "the siren after the hang")

    run(walk, tmp_path)


def test_a_factory_new_center_takes_nothing_but_its_identity(tmp_path: Path) -> None:
    """No key, no link, no siren; over the console it becomes a center, of whole files alone: a wrong one would strand it."""
    folder = tmp_path / "new"
    folder.mkdir()
    made = device(tmp_path / "made")
    certified(made)

    async def put(boards: BoardProcess, **other: bytes) -> None:
        for name in ("device.json", "ca.der", "cert.der", "key.der"):
            content = base64.b64encode(other.get(name.split(".")[0], (made / name).read_bytes())).decode()
            for at in range(0, len(content), 200):
                await typed(boards, f"put {name} {content[at : at + 200]}", "ok")

    async def walk(boards: BoardProcess) -> None:
        await boards.press(NAME)
        await typed(boards, "status", "it refuses everything but provisioning")
        await boards.release(NAME)
        assert boards.times_on(NAME) == 0
        await typed(boards, "provision", "missing: device.json ca.der cert.der key.der")
        await typed(boards, "put device.json !!!", "not base64")
        for other in ({"device": b'{"center": 1'}, {"cert": b"cert"}, {"key": b"key"}, {"device": unreachable(made)}):
            await put(boards, **other)
            said = await typed(boards, "provision", "not provisioned, put all four files again")
            assert json.loads((made / "device.json").read_text())["root"] not in said
            assert not (folder / "device.json").exists()
        await typed(boards, "provision", "missing: device.json ca.der cert.der key.der")
        await put(boards)
        before = len(await boards.log(NAME))
        await typed(boards, "provision", "provisioned")
        await boards.until_said(NAME, "link: ", SOON_S, before)
        await typed(boards, "identify", "C000001, group 1")
        assert (folder / "key.der").read_bytes() == (made / "key.der").read_bytes()

    on_boards(walk, folder)


@pytest.mark.parametrize("by", ["console", "tamper"])
def test_an_erased_center_is_factory_new(tmp_path: Path, by: str) -> None:
    """By the installer, or by whoever opens the cabinet of a center with that policy: keys, state and settings are gone."""

    async def walk(boards: BoardProcess) -> None:
        if by == "console":
            await typed(boards, f"erase {NAME}", "erasing")
        else:
            await boards.press(NAME, "tamper")
        await boards.until_said(NAME, "refuses everything but provisioning", SOON_S)

    run(walk, tmp_path, tamper="erase" if by == "tamper" else "report")
    assert sorted(path.name for path in tmp_path.glob("*")) == ["ca.der", "console.log"]


def test_what_is_not_said_is_an_error_here(tmp_path: Path) -> None:
    """So that every wait of these tests can fail."""

    async def walk(boards: BoardProcess) -> None:
        with pytest.raises(SimulatorError, match="'never' on the console"):
            await boards.until_said(NAME, "never", 0.1)

    run(walk, tmp_path)
