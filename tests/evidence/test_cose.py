"""Evidence that a third party verifies: exported by central after a real alert, checked by pycose in an environment of its own.

pycose's dependencies clash with ours, and a third party has none of our code either.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.city import City
from simulator.plan import city as city_plan

VERIFY = """
import sys
from pathlib import Path
from pycose.headers import KID
from pycose.keys import OKPKey
from pycose.messages import Sign1Message
for path in sys.argv[1:]:
    message = Sign1Message.decode(Path(path).read_bytes())
    name = message.uhdr[KID].decode()
    key = bytes.fromhex(Path(path).with_name(name + ".pub").read_text().strip())
    message.key = OKPKey(crv="ED25519", x=key, optional_params={"ALG": "EDDSA"})
    print(name, len(message.payload), message.verify_signature())
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The evidence of one real alert at one real center."""
    out = tmp_path_factory.mktemp("evidence")

    async def run() -> None:
        city = City(city_plan(1, 1), broker="mosquitto")
        try:
            await city.start()
            answer = await city.alert("evidence-0001", group=1)
            await city.until(answer["incident"], lambda seen: seen["centers_sounded"] == 1, 20)
            settings = str(city.folder / "central.toml")
            command = ["-m", "central", "evidence", answer["incident"], "--out", str(out), "-s", settings]
            done = await asyncio.to_thread(
                subprocess.run, [sys.executable, *command], capture_output=True, text=True, check=True
            )
            assert "signed acks in" in done.stdout
        finally:
            await city.stop()

    asyncio.run(run())
    return sorted(out.glob("*.cose"))


def verify(python: Path, paths: list[Path]) -> list[str]:
    command = [str(python), "-c", VERIFY, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_pycose_verifies_what_central_exports(pycose: Path, exported: list[Path]) -> None:
    """Accepted and sounding, countersigned by the gateway, verify with its public key alone."""
    assert len(exported) >= 2
    assert verify(pycose, exported) == ["G000001 56 True"] * len(exported)


def test_a_changed_octet_is_found(pycose: Path, exported: list[Path], tmp_path: Path) -> None:
    """Any change of the payload or of the signature, and it does not verify."""
    original = exported[0].read_bytes()
    (tmp_path / "G000001.pub").write_text(exported[0].with_name("G000001.pub").read_text())
    changed = []
    # The payload of 56 octets is followed by a head of 2 and the signature of 64.
    for place in (len(original) - 1, len(original) - 64, len(original) - 67, len(original) - 122):
        path = tmp_path / f"changed-{place}.cose"
        path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        changed.append(path)
    assert verify(pycose, changed) == ["G000001 56 False"] * len(changed)
