"""The committed vectors are what a second implementation of the contract makes, and that one holds to what is published."""

from __future__ import annotations

import json

import cbor2
import pytest

from tests.vectors import published, sequences
from tests.vectors.__main__ import TARGET, text


def test_the_committed_vectors_are_the_contracts() -> None:
    """Whoever changes the contract regenerates the file, and whoever changes the file is found out."""
    assert TARGET.read_text(encoding="utf-8") == text()


def test_every_section_has_something_in_it() -> None:
    """An empty list would pass every test that walks it."""
    vectors = json.loads(text())
    sizes = {name: len(part) for name, part in vectors.items()}
    assert all(size > 0 for size in sizes.values())
    assert sizes["frames"] == 35
    assert sizes["refused"] > 350
    kinds = {vector["kind"] for vector in vectors["frames"]}
    assert kinds == {"command", "ack", "hello", "time", "beat", "confirm", "fetch"}
    readers = {vector["reader"] for vector in vectors["refused"]}
    assert readers == kinds | {"report", "hop", "receipt", "presence", "digest", "countersigned"}


# Cheshire and Baker's examples as they are commonly printed, without the closing zero.
@pytest.mark.parametrize(
    ("plain", "line"),
    [
        ("00", "0101"),
        ("0000", "010101"),
        ("001100", "01021101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
    ],
)
def test_the_generators_cobs_is_the_published_one(plain: str, line: str) -> None:
    """The second implementation against worked examples."""
    assert sequences.stuffed(bytes.fromhex(plain)).hex() == line


def test_the_signed_structure_is_what_a_cbor_library_writes() -> None:
    """Written by hand in the generator, by cbor2 here."""
    told = json.loads(text())["countersigned"]
    payload = bytes.fromhex(told["octets"])[:56]
    protected = cbor2.dumps({1: -8}, canonical=True)
    structure = cbor2.dumps(["Signature1", protected, b"", payload], canonical=True)
    assert told["sig_structure"] == structure.hex()
    message = cbor2.CBORTag(18, [protected, {4: b"G000007"}, payload, bytes.fromhex(told["signature"])])
    assert told["cose_sign1"] == cbor2.dumps(message, canonical=True).hex()


def test_published_cbor_is_read_back_by_a_cbor_library() -> None:
    """No slip of the pen in the table."""
    for told, octets in published.CBOR:
        read = cbor2.loads(bytes.fromhex(octets))
        if isinstance(told, str):
            assert read == int(told)
        elif isinstance(told, dict) and "hex" in told:
            assert read == bytes.fromhex(told["hex"])
        elif isinstance(told, dict) and "text" in told:
            assert read == told["text"]
