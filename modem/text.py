"""A frame as plain text, for providers of short messages that carry no 8-bit data.

Called by gateway and central. Base64 with the standard alphabet (RFC 4648 clause 4), whose 65 characters are one
septet each of the GSM alphabet: 120 octets are one message of 160 characters. It does not look into the frame.
"""

from base64 import b64decode, b64encode

MAX_OCTETS = 120


def to_text(octets: bytes) -> str:
    """The text of 1 to 120 octets, 4 to 160 characters; ValueError for any other length."""
    if not 1 <= len(octets) <= MAX_OCTETS:
        raise ValueError(f"{len(octets)} octets; a text message carries 1 to {MAX_OCTETS}")
    return b64encode(octets).decode()


def from_text(text: str) -> bytes | None:
    """The octets of a text that `to_text` made; None for anything else, whatever it resembles."""
    try:
        octets = b64decode(text)
        return octets if to_text(octets) == text else None  # base64 itself overlooks a lot
    except ValueError:  # wrong padding, wrong length, or not ASCII
        return None


def octets_of(payload: bytes | str) -> bytes | None:
    """The frame in the payload of a message that came, whichever way it was written; None when there is none."""
    return payload if isinstance(payload, bytes) else from_text(payload)
