"""HMAC, HKDF and CBOR give what their standards publish, on this interpreter."""

from protocol import cbor
from protocol.hmac import Mac, hkdf, same
from protocol.keys import center_key
from tests.both.readers import VECTORS, octets


def test_hmac_as_published():
    """RFC 4231, all seven cases (the fifth is the truncation that our tags use)."""
    for case in VECTORS["hmac"]:
        mac = Mac(octets(case["key"]))
        expected = octets(case["digest"])
        assert mac.digest(octets(case["data"]))[: len(expected)] == expected
        assert mac.tag(octets(case["data"])) == expected[:16]
    assert len(VECTORS["hmac"]) == 7


def test_hkdf_as_published():
    """RFC 5869, the three cases with SHA-256."""
    for case in VECTORS["hkdf"]:
        made = hkdf(octets(case["secret"]), octets(case["info"]), octets(case["salt"]), case["length"])
        assert made == octets(case["octets"])
    assert len(VECTORS["hkdf"]) == 3
    assert hkdf(b"\x0b" * 22, b"", length=42) == octets(VECTORS["hkdf"][2]["octets"])


def test_keys_too_short_or_too_long_are_refused():
    """A truncated root or key is an error of the program and never a weak seal."""
    for size in (0, 15, 65):
        try:
            Mac(bytes(size))
        except ValueError:
            continue
        raise AssertionError(size)
    for size in (0, 31, 33):
        try:
            center_key(bytes(size), 1, 0, b"up", 0)
        except ValueError:
            continue
        raise AssertionError(size)


def test_comparison():
    """Equal octets alone are the same, whatever differs and where."""
    tag = bytes(range(16))
    assert same(tag, bytes(range(16)))
    for at in range(16):
        for bit in range(8):
            changed = bytearray(tag)
            changed[at] ^= 1 << bit
            assert not same(tag, bytes(changed))
    assert not same(tag, tag[:15])
    assert not same(tag[:15], tag)
    assert not same(b"", tag)


def _cbor(told):
    if isinstance(told, str):
        return int(told)
    if isinstance(told, list):
        return [_cbor(item) for item in told]
    if "hex" in told:
        return octets(told["hex"])
    if "text" in told:
        return told["text"]
    if "map" in told:
        return {_cbor(key): _cbor(item) for key, item in told["map"]}
    return cbor.Tagged(told["tag"], _cbor(told["value"]))


def test_cbor_as_published():
    """RFC 8949, appendix A, of what we write."""
    for told, expected in VECTORS["cbor"]:
        assert cbor.encode(_cbor(told)) == octets(expected), told


def test_cbor_of_nothing_else():
    """What a COSE structure does not need is refused, not guessed."""
    for other in (True, None, 1.5, bytearray(b"a"), 1 << 64, {1: None}, [False], set()):
        try:
            cbor.encode(other)
        except TypeError:
            continue
        raise AssertionError(other)
