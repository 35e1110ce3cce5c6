"""The GSM alphabet, its packing, and frames as text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modem import alphabet
from modem.text import MAX_OCTETS, from_text, to_text

CHARACTERS = alphabet.BASIC.replace("\x1b", "") + "".join(alphabet.EXTENSION.values())


def test_the_table_is_whole() -> None:
    """128 places, no character twice, the extension apart from the rest."""
    assert (len(alphabet.BASIC), len(set(CHARACTERS))) == (128, 137)


def test_letters_that_are_elsewhere_in_ascii() -> None:
    """The places that catch a careless table: at, dollar, underscore, Spanish letters, the euro."""
    assert bytes.fromhex("00 02 11 5D 7D 60 40 1B65 1B3C") == alphabet.encode("@$_Ññ¿¡€[")


def test_a_known_packing() -> None:
    """The packing that every text on the subject shows."""
    assert bytes.fromhex("E8329BFD4697D9EC37") == alphabet.pack(alphabet.encode("hellohello"))


@pytest.mark.parametrize("text", ["á", "hola ç", "\x1b", "\0", "🚨"])
def test_what_the_alphabet_lacks(text: str) -> None:
    """A character that is not in the alphabet is refused by name, also the escape itself."""
    with pytest.raises(ValueError, match="the GSM alphabet has no"):
        alphabet.encode(text)


def test_escapes_that_mean_nothing() -> None:
    """An unknown extension is the plain letter; an escape before an escape, or at the end, is a space."""
    assert [alphabet.decode(bytes.fromhex(septets)) for septets in ("1B61", "051B1B1B65", "781B")] == ["a", "é €", "x "]


@given(st.text(CHARACTERS))
def test_text_comes_back(text: str) -> None:
    """Encoding and decoding give the same text."""
    assert text == alphabet.decode(alphabet.encode(text))


@given(st.binary().map(lambda octets: bytes(octet & 127 for octet in octets)), st.integers(0, 6))
def test_septets_come_back(septets: bytes, fill: int) -> None:
    """Packing after any number of fill bits loses nothing and takes no octet too many."""
    packed = alphabet.pack(septets, fill)
    assert (septets, -(-(len(septets) * 7 + fill) // 8)) == (alphabet.unpack(packed, len(septets), fill), len(packed))


def test_too_few_octets() -> None:
    """More septets than the octets hold are refused, not read as zeros."""
    assert alphabet.unpack(b"\xff" * 7, 8) == b"\x7f" * 8
    with pytest.raises(ValueError, match="do not hold"):
        alphabet.unpack(b"\xff" * 7, 8, 1)


@given(st.binary(min_size=1, max_size=MAX_OCTETS))
def test_a_frame_as_text_comes_back(frame: bytes) -> None:
    """A frame of 1 to 120 octets is a text of at most 160 characters, and comes back."""
    text = to_text(frame)
    assert (frame, True) == (from_text(text), len(text) <= 160)


@pytest.mark.parametrize("length", [0, 121])
def test_a_frame_that_fits_no_text(length: int) -> None:
    """No text for nothing, and none for more than a message holds."""
    with pytest.raises(ValueError, match="1 to 120"):
        to_text(bytes(length))


@pytest.mark.parametrize(
    "text", ["", "AQ", "AQ=", "AR==", "AQ==\n", " AQ==", "A_==", "AQ==AQ==", "hola vecino", "ñandú", "A" * 164]
)
def test_text_that_is_no_frame(text: str) -> None:
    """Cut, padded, spaced, of another alphabet, not canonical, too long, or written by a person: None."""
    assert from_text(text) is None


@given(st.text() | st.text("ABCQgw+/=_- ", max_size=170))
@example("AAA=")
def test_one_text_for_each_frame(text: str) -> None:
    """Whatever text is taken is exactly the text that its frame has."""
    frame = from_text(text)
    assert frame is None or text == to_text(frame)
