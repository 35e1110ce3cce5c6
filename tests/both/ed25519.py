"""Verifying Ed25519 and SHA-512 on both interpreters: published vectors, and everything that is nearly right."""

from firmware import ed25519
from firmware.sha512 import sha512

_P = (1 << 255) - 19
# RFC 8032, 7.1: TEST 1, 2, 3 and SHA(abc): public key, message, signature.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465"
        "5141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
        "0d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
        "27beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a"
        "9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9"
        "bef1177331a704",
    ),
)


def vectors():
    """(public key, message, signature) in octets."""
    return [[bytes.fromhex(part) for part in vector] for vector in VECTORS]


def test_the_digests_of_the_standard():
    """FIPS 180-4's own examples: nothing, three octets, two blocks; and lengths about the edge of a block."""
    assert sha512(b"").hex()[:32] == "cf83e1357eefb8bdf1542850d66d8007"
    assert sha512(b"abc") == vectors()[3][1]
    two_blocks = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
    assert sha512(two_blocks).hex() == (
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd2654"
        "5e96e55b874be909"
    )
    assert len(set([sha512(bytes(count)) for count in range(105, 135)])) == 30


def test_the_signatures_of_the_standard_verify():
    """RFC 8032, 7.1."""
    for public, message, signature in vectors():
        assert ed25519.verify(public, message, signature)


def test_one_bit_anywhere_spoils_it():
    """In the key, in the message, in either half of the signature."""
    public, message, signature = vectors()[2]
    for at in range(0, 64 * 8, 5):
        assert not ed25519.verify(public, message, flip(signature, at)), at
    for at in range(0, 32 * 8, 5):
        assert not ed25519.verify(flip(public, at), message, signature), at
    for at in range(16):
        assert not ed25519.verify(public, flip(message, at), signature), at


def test_wrong_lengths_are_no_signature():
    """Neither shorter, nor longer, nor nothing; the same for the key."""
    public, message, signature = vectors()[1]
    for wrong in (b"", signature[:63], signature + b"\x00", signature[:32], signature[32:]):
        assert not ed25519.verify(public, message, wrong)
    for wrong in (b"", public[:31], public + b"\x00"):
        assert not ed25519.verify(wrong, message, signature)
    assert not ed25519.verify(public, message + b"\x00", signature)
    assert not ed25519.verify(vectors()[2][0], message, signature)
    # Not even when whoever holds the key signed for the longer form of it.
    key = ed25519.encode(times(7))
    assert ed25519.verify(key, b"m", signed(7, key, b"m"))
    assert not ed25519.verify(key + b"\x00", b"m", signed(7, key + b"\x00", b"m"))


def test_a_signature_has_no_second_form():
    """The order added to S gives the same point, and is refused (RFC 8032, 5.1.7)."""
    for public, message, signature in vectors():
        scalar = int.from_bytes(signature[32:], "little")
        again = scalar + ed25519.ORDER
        while again < 1 << 256:
            assert not ed25519.verify(public, message, signature[:32] + again.to_bytes(32, "little"))
            again += ed25519.ORDER


def test_a_key_of_small_order_verifies_nothing():
    """Under the neutral point as key, S = 0 and R = neutral would be a signature on every message that nobody made."""
    neutral = ed25519.encode(ed25519.NEUTRAL)
    assert not ed25519.verify(neutral, b"any release", neutral + bytes(32))
    base_and_one = ed25519.encode(ed25519.BASE) + (1).to_bytes(32, "little")
    assert not ed25519.verify(neutral, b"any release", base_and_one)
    # All keys of small order but the neutral one: order 2, the two of order 4, and the four of order 8.
    order_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    order_2 = (_P - 1).to_bytes(32, "little")
    for key in (order_2, bytes(32), bytes(31) + b"\x80", order_8, flip(order_8, 255)):
        assert ed25519.decode(key), key.hex()
        for number in range(16):
            # With S = 0 one of eight messages would do for each of them.
            assert not ed25519.verify(key, b"release %d" % number, neutral + bytes(32)), key.hex()


def test_points_have_one_encoding():
    """No y from the prime upwards, no negative zero, nothing that is not on the curve (RFC 8032, 5.1.3)."""
    assert ed25519.decode((_P + 1).to_bytes(32, "little")) is None
    assert ed25519.decode(_P.to_bytes(32, "little")) is None
    assert ed25519.decode(b"\xff" * 32) is None
    assert ed25519.decode((1 | 1 << 255).to_bytes(32, "little")) is None
    assert ed25519.decode((_P - 1 | 1 << 255).to_bytes(32, "little")) is None
    assert ed25519.decode((2).to_bytes(32, "little")) is None
    for public, _, _ in vectors():
        assert ed25519.encode(ed25519.decode(public)) == public


def test_a_commitment_in_another_encoding_is_refused():
    """R neutral, written as y = p + 1 or with a sign: the same point, and never the same octets."""
    public, message, _ = vectors()[0]
    for encoding in ((_P + 1).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little")):
        for scalar in (0, 1, ed25519.ORDER - 1):
            assert not ed25519.verify(public, message, encoding + scalar.to_bytes(32, "little"))


def times(scalar):
    """A multiple of the base point."""
    return ed25519.both(scalar, ed25519.BASE, 0, ed25519.BASE)


def signed(secret, key, message):
    """A signature by a secret scalar, with `key` as it is written into the challenge."""
    commitment = ed25519.encode(times(5))
    challenge = int.from_bytes(sha512(commitment + key + message), "little")
    return commitment + ((5 + challenge * secret) % ed25519.ORDER).to_bytes(32, "little")


def flip(octets, bit):
    """The octets with one bit turned."""
    return octets[: bit >> 3] + bytes([octets[bit >> 3] ^ 1 << (bit & 7)]) + octets[(bit >> 3) + 1 :]
