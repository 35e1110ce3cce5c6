"""Frames by which a gateway gets an image: as long as they say, and nothing else is one."""

from __future__ import annotations

from hashlib import sha256

import pytest

from protocol import gateway, hop
from protocol.errors import Malformed
from protocol.gateway import PIECE_SIZE, Piece, Want, image_of
from protocol.hmac import Mac

NAME = image_of(sha256(b"image").digest())


def test_a_want_and_a_piece_are_read_as_they_were_made() -> None:
    """In an envelope too, which holds the longest piece."""
    assert gateway.read_want(gateway.want(Want(NAME, 2048))) == Want(NAME, 2048)
    for octets in (b"", b"x", bytes(PIECE_SIZE)):
        frame = gateway.piece(Piece(NAME, 4096, octets))
        assert gateway.read_piece(frame) == Piece(NAME, 4096, octets)
        key = Mac(bytes(32))
        assert hop.open(key, hop.seal(key, 1, 1, [frame])).frames == [frame]


@pytest.mark.parametrize(
    "frame",
    [
        gateway.want(Want(NAME, 0))[:-1],
        gateway.want(Want(NAME, 0)) + b"\0",
        gateway.piece(Piece(NAME, 0, b"x")),
        gateway.ask(),
    ],
)
def test_what_is_no_want_is_refused(frame: bytes) -> None:
    """Shorter, longer, about something else."""
    with pytest.raises(Malformed):
        gateway.read_want(frame)


@pytest.mark.parametrize(
    "frame",
    [
        gateway.piece(Piece(NAME, 0, b""))[:-1],
        gateway.piece(Piece(NAME, 0, bytes(PIECE_SIZE))) + b"\0",
        gateway.want(Want(NAME, 0)),
        gateway.ask(),
    ],
)
def test_what_is_no_piece_is_refused(frame: bytes) -> None:
    """Cut in its head, too long, about something else."""
    with pytest.raises(Malformed):
        gateway.read_piece(frame)


def test_a_piece_that_is_too_long_is_not_made() -> None:
    """Nor a want whose numbers do not fit."""
    with pytest.raises(Malformed):
        gateway.piece(Piece(NAME, 0, bytes(PIECE_SIZE + 1)))
    with pytest.raises(Malformed):
        gateway.want(Want(NAME, 1 << 32))
