"""The manifest of a release: what is read, what is refused and with which words."""

from firmware.manifest import acceptable, read
from protocol import manifest
from protocol.errors import BadTag, Malformed
from protocol.manifest import SIGNED, SIZE, unpack
from simulator import release

KEY = release.public_key()
IMAGE = release.image({"firmware/main.py": b"print('a')\n"})
NOW = release.ISSUED
FREE = 3 * len(IMAGE)


def made(sequence=8, **other):
    """A signed manifest, read."""
    return read(release.manifest(IMAGE, sequence, **other), KEY)


def refused(octets, error, key=KEY):
    """Whether reading raises exactly this."""
    try:
        read(octets, key)
    except (BadTag, Malformed) as raised:
        return type(raised) is error
    return False


def test_what_was_signed_is_read():
    """Every field, from 148 octets."""
    octets = release.manifest(IMAGE, 8, minimum_from=3)
    assert len(octets) == SIZE == 148
    one = read(octets, KEY)
    assert (one.sequence, one.board, one.version, one.size) == (8, "unix", "0.8", len(IMAGE))
    assert (one.minimum_from, one.expiry) == (3, release.EXPIRY)
    assert one == unpack(octets)


def test_the_layout_is_the_contract():
    """The octets of a known manifest and its deterministic signature, for whoever writes another reader."""
    octets = release.manifest(b"\x01", 258, version="1.2.0", minimum_from=2)
    assert octets[:SIGNED].hex() == (
        "53524d01" "00000102" "756e6978000000000000000000000000" "312e322e300000000000000000000000" "00000001"
        "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a" "00000002" "6ad8c880"
    )  # fmt: skip
    assert manifest.CONTEXT == b"sereno/1 release\x00"


def test_a_changed_bit_is_noticed_wherever_it_is():
    """In a field or in the signature: never another manifest, whatever the reason is called."""
    octets = release.manifest(IMAGE, 8)
    for bit in range(0, SIZE * 8, 7):
        spoiled = octets[: bit >> 3] + bytes([octets[bit >> 3] ^ 1 << (bit & 7)]) + octets[(bit >> 3) + 1 :]
        assert refused(spoiled, BadTag) or refused(spoiled, Malformed), bit


def test_only_the_release_key_signs():
    """Not another key, not a signature of another manifest, not one for another purpose."""
    octets = release.manifest(IMAGE, 8)
    other = release.manifest(IMAGE, 9)
    assert refused(release.manifest(IMAGE, 8, seed=b"somebody else's, thirty-two long"), BadTag)
    assert refused(octets, BadTag, release.public_key(b"the key after the one that is in"))
    assert refused(octets[:SIGNED] + other[SIGNED:], BadTag)
    assert refused(octets[:SIGNED] + release.sign(octets[:SIGNED]), BadTag)
    assert refused(octets[:SIGNED] + release.sign(b"sereno/2 release\x00" + octets[:SIGNED]), BadTag)
    assert refused(octets[:SIGNED] + bytes(64), BadTag)


def test_what_has_another_length_is_no_manifest():
    """Cut anywhere, or longer; nothing in particular is asked of the octets."""
    octets = release.manifest(IMAGE, 8)
    for count in range(SIZE):
        assert refused(octets[:count], Malformed), count
    assert refused(octets + b"\x00", Malformed)
    assert refused(bytes(SIZE), Malformed)
    assert refused(b"\xff" * SIZE, Malformed)


def test_a_field_has_one_form():
    """Also when the release key signed it: no empty or odd text, none that goes on behind its end, no image of no size."""
    for other in ({"board": ""}, {"version": ""}, {"board": "pico w"}, {"version": "1.0\n"}, {"version": "1\x000"},
                  {"board": "Unix"}, {"version": "\xe1"}, {"size": 0}, {"size": 256 * 1024 + 1}, {"size": 0xFFFFFFFF},
                  {"sequence": 0}):  # fmt: skip
        assert refused(release.manifest(IMAGE, other.pop("sequence", 8), **other), Malformed), other
    assert refused(b"SRM\x02" + release.manifest(IMAGE, 8)[4:], Malformed)


def test_a_good_one_is_acceptable():
    """From the lowest sequence on, until the last second, with just enough room."""
    assert acceptable(made(), 7, "unix", NOW, FREE) is None
    assert acceptable(made(minimum_from=7), 7, "unix", NOW, FREE) is None
    assert acceptable(made(), 0, "unix", release.EXPIRY - 1, FREE) is None


def test_each_reason_against_it():
    """One thing wrong at a time, and its words."""
    reasons = (
        ("for another board", (made(), 7, "pico_w", NOW, FREE)),
        ("for another board", (made(board="unix2"), 7, "unix", NOW, FREE)),
        ("running already", (made(), 8, "unix", NOW, FREE)),
        ("older than what runs", (made(), 9, "unix", NOW, FREE)),
        ("older than what runs", (made(1), 0xFFFFFFFF, "unix", NOW, FREE)),
        ("needs a release between", (made(minimum_from=8), 7, "unix", NOW, FREE)),
        ("expired", (made(), 7, "unix", release.EXPIRY, FREE)),
        ("expired", (made(), 7, "unix", release.EXPIRY + 90000, FREE)),
        ("too large", (made(), 7, "unix", NOW, FREE - 1)),
    )
    for words, arguments in reasons:
        assert acceptable(*arguments) == words, words
