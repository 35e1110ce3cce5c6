"""A countersigned ack as `protocol` exports it, verified with pycose, a COSE implementation of others.

pycose lives in an environment of its own, made once: its dependencies clash with ours.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import countersign
from protocol.countersign import Countersigned

ROOT = Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "protocol.json").read_text(encoding="utf-8"))

# Reads lines of `public key, COSE_Sign1` in hex; answers key id, payload and verdict of each.
VERIFIER = """
import sys
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.messages import Sign1Message
for line in sys.stdin:
    public, octets = map(bytes.fromhex, line.split())
    try:
        message = Sign1Message.decode(octets)
        message.key = OKPKey(crv="ED25519", x=public, optional_params={"ALG": "EDDSA"})
        print(message.uhdr[KID].decode(), message.phdr[Algorithm].__name__, message.payload.hex(), message.verify_signature())
    except Exception as error:
        print("refused", type(error).__name__)
"""


def verdicts(python: Path, public: bytes, messages: list[bytes]) -> list[str]:
    """What pycose says of each message."""
    asked = "".join(f"{public.hex()} {message.hex()}\n" for message in messages)
    done = subprocess.run([str(python), "-I", "-c", VERIFIER], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def exported() -> tuple[bytes, Countersigned, bytes]:
    """The gateway's public key, a countersigned ack signed by cryptography over `to_sign`, and its evidence."""
    told = VECTORS["countersigned"]
    signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(told["seed"]))
    unsigned = Countersigned(bytes.fromhex(told["ack"]), *told["stamp"], b"")
    message = unsigned._replace(signature=signer.sign(countersign.to_sign(unsigned)))
    return signer.public_key().public_bytes_raw(), message, countersign.evidence(message, b"G000007")


def test_a_third_party_verifies_the_evidence(pycose: Path) -> None:
    """With the gateway's public key alone; key id, algorithm and payload are read as they were meant."""
    public, message, octets = exported()
    expected = f"G000007 EdDSA {countersign.payload(message).hex()} True"
    assert verdicts(pycose, public, [octets]) == [expected]
    # The ack in it is the center's own sealed frame, unaltered, so that central can still open it.
    assert expected.split()[2].startswith(VECTORS["countersigned"]["ack"])


def test_a_flipped_bit_is_refused(pycose: Path) -> None:
    """Any bit of the payload or of the signature, and of the algorithm that it says it is signed with."""
    public, message, octets = exported()
    start = octets.index(countersign.payload(message))
    signature = len(octets) - countersign.SIGNATURE_SIZE
    algorithm = octets.index(b"\xa1\x01\x27") + 2
    places = [algorithm, *range(start, start + 56), *range(signature, len(octets))]
    changed = [octets[:at] + bytes([octets[at] ^ 1 << at % 8]) + octets[at + 1 :] for at in places]
    said = verdicts(pycose, public, changed)
    assert len(said) == len(places) == 121
    assert [line for line in said if not line.endswith(" False") and not line.startswith("refused ")] == []


def test_another_gateways_key_verifies_nothing(pycose: Path) -> None:
    """The signature says which gateway."""
    _, _, octets = exported()
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert [line.split()[-1] for line in verdicts(pycose, other, [octets])] == ["False"]
