"""A new program on its way: built and signed, offered by central, fetched through the gateway, tried, kept or taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer import image as images
from installer import signing
from installer.keys import load_private
from simulator.city import City
from simulator.plan import city as city_plan
from tests.journeys.stage import journey, sound, sounded

BIN = Path(sys.executable).parent
EXPIRES = "2099-12-31"
UPDATED_S = 90.0


def run(program: str, *arguments: str) -> str:
    """What a command printed; fails with what it complained of."""
    done = subprocess.run([str(BIN / program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Shop:
    """A release key and what is signed with it."""

    folder: Path

    @property
    def key(self) -> str:
        """The public half, in hexadecimal."""
        return (self.folder / "release.key.pub").read_text().strip()

    def release(self, sequence: int) -> tuple[str, str]:
        """Image and manifest of the program of this checkout."""
        image, manifest = self.folder / f"{sequence}.image", self.folder / f"{sequence}.manifest"
        run("sereno-install", "release", "build", "--board", "unix", "--sequence", str(sequence),
            "--version", f"9.{sequence}", "--out", str(image))  # fmt: skip
        run("sereno-install", "release", "sign", str(image), "--key", str(self.folder / "release.key"),
            "--minimum-from", "0", "--expires", EXPIRES, "--out", str(manifest))  # fmt: skip
        return str(image), str(manifest)

    def broken(self, sequence: int) -> tuple[str, str]:
        """A release that is well signed, and whose program ends as soon as it starts."""
        files = images.unpack(Path(self.release(sequence)[0]).read_bytes())
        files.pop("firmware/app.mpy")
        files["firmware/app.py"] = b"raise RuntimeError('this program was never tried')\n"
        octets = images.pack(files)
        image, manifest = self.folder / f"{sequence}.image", self.folder / f"{sequence}.manifest"
        image.write_bytes(octets)
        private = load_private(self.folder / "release.key")
        manifest.write_bytes(signing.sign(octets, private, 0, signing.expiry(EXPIRES)))
        return str(image), str(manifest)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A release key."""
    run("sereno-install", "release", "key", "--out", str(tmp_path / "release.key"))
    return Shop(tmp_path)


def options(shop: Shop) -> dict[str, object]:
    """A city whose centers left the factory with release 1."""
    image, manifest = shop.release(1)

    def prepare(folder: Path) -> None:
        run("sereno-install", "release", "unpack", image, manifest, "--key", str(shop.folder / "release.key.pub"),
            "--out", str(folder))  # fmt: skip

    settings = f'[releases]\nkey = "{shop.key}"'
    return {"plan": city_plan(1, 3), "prepare": prepare, "settings": settings, "watchdog_s": 2.0}


def central(city: City, *arguments: str) -> str:
    """A `sereno-central` command on the running city."""
    return run("sereno-central", *arguments, "-s", str(city.folder / "central.toml"))


async def until_reported(city: City, name: str, wanted: object, what: str) -> None:
    """Wait until a center's report at central is as wanted."""
    import asyncio
    import time

    deadline = time.monotonic() + UPDATED_S
    while True:
        seen = {center["center"]: center["report"] for center in await city.centers()}
        if wanted(seen[name]):  # type: ignore[operator]
            return
        assert time.monotonic() < deadline, (what, seen[name], (await city.boards.log(name))[-1500:])
        await asyncio.wait_for(city.http.get("/healthz"), 10)


def test_a_release_is_fetched_tried_and_kept(shop: Shop) -> None:
    """One center first, then the group; the siren of whoever has updated sounds as before."""

    async def walk(city: City) -> None:
        await until_reported(city, "C000001", lambda report: report.get("release") == 1, "release 1")
        central(city, "release", "add", *shop.release(2))
        central(city, "release", "offer", "2", "--center", "C000001")
        await until_reported(city, "C000001", lambda report: report.get("release") == 2, "release 2")
        await city.boards.until_said("C000001", "event 0x35", UPDATED_S)
        answer = await city.alert("after-the-update", group=1)
        await sound(city)
        await sounded(city, answer["incident"])
        others = {center["center"]: center["report"].get("release") for center in await city.centers()}
        assert others == {"C000001": 2, "C000002": 1, "C000003": 1}

    journey(walk, **options(shop))


def test_a_release_that_does_not_come_up_takes_itself_back(shop: Shop) -> None:
    """Three tries, then the program before it, which says so, is not offered it again, and sounds."""

    async def walk(city: City) -> None:
        central(city, "release", "add", *shop.broken(2))
        central(city, "release", "offer", "2", "--center", "C000001")
        await until_reported(city, "C000001", lambda report: "trial failed" in json.dumps(report), "a failed trial")
        assert city.boards.snapshot("C000001").resets >= 3
        answer = await city.alert("after-the-failure", group=1)
        await sound(city)
        await sounded(city, answer["incident"])

    journey(walk, **options(shop))


def test_no_update_begins_during_an_alarm(shop: Shop) -> None:
    """It is offered while the sirens sound: nobody restarts, and each siren sounds for its whole time."""

    async def walk(city: City) -> None:
        central(city, "release", "add", *shop.release(2))
        answer = await city.alert("during-the-update", group=1)
        await sound(city)
        central(city, "release", "offer", "2", "--all")
        await sounded(city, answer["incident"])
        pid = city.boards.snapshot("C000001").pid
        await city.boards.until(lambda: not city.boards.on("C000001"), 60, "the end of the alarm")
        assert city.boards.snapshot("C000001").pid == pid
        history = city.boards.history("C000001")
        began = next(at for at, outputs in history if "siren" in outputs)
        ended = next(at for at, outputs in history if at > began and "siren" not in outputs)
        assert ended - began > 29

    journey(walk, **options(shop))
