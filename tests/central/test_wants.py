"""Pieces of images for the gateways that keep them: whole, while a release is offered, and not too many."""

from __future__ import annotations

from hashlib import sha256

from protocol import gateway as frames
from protocol.gateway import PIECE_SIZE, Piece, Want, image_of
from protocol.messages import KIND_GATEWAY
from simulator import release
from tests.central.shelf import IMAGE, Shelf

LONG = release.image({"firmware/main.py": bytes(range(256)) * 20})
NAME = image_of(sha256(LONG).digest())


def want(shelf: Shelf, offset: int, image: int = NAME, gateway: int = 1) -> list[Piece]:
    """A gateway asks; the pieces that came."""
    frame = frames.want(Want(image, offset))
    shelf.rig.receive(gateway, shelf.rig.gateways[gateway].envelope([frame]))
    return [frames.read_piece(answer) for answer in shelf.rig.frames(KIND_GATEWAY)]


def test_an_image_goes_piece_by_piece_and_its_end_says_that_it_is_offered(shelf: Shelf) -> None:
    """The last piece is what is left; at the end itself stands an empty one, beyond it nothing."""
    shelf.add(image=LONG)
    shelf.offer()
    pieces = [want(shelf, offset)[0] for offset in range(0, len(LONG), PIECE_SIZE)]
    assert b"".join(piece.octets for piece in pieces) == LONG
    assert [piece.offset for piece in pieces] == list(range(0, len(LONG), PIECE_SIZE))
    assert want(shelf, len(LONG)) == [Piece(NAME, len(LONG), b"")]
    assert want(shelf, len(LONG) + 1) == []
    assert want(shelf, 0xFFFFFFFF) == []


def test_only_what_is_offered_is_sent(shelf: Shelf) -> None:
    """Not what was only added, nor what was withdrawn, nor what nobody knows."""
    shelf.add(image=LONG)
    assert want(shelf, 0) == []
    shelf.offer(8, "group", 2)
    assert len(want(shelf, 0)) == 1
    assert want(shelf, 0, NAME + 1) == []
    shelf.withdraw()
    assert want(shelf, 0) == want(shelf, len(LONG)) == []


def test_two_boards_of_one_release_are_two_images(shelf: Shelf) -> None:
    """Told apart by their digests."""
    shelf.add(image=LONG)
    shelf.add(image=IMAGE, board="pico_w")
    shelf.offer()
    assert want(shelf, 0)[0].octets == LONG[:PIECE_SIZE]
    assert want(shelf, 0, image_of(sha256(IMAGE).digest()))[0].octets == IMAGE[:PIECE_SIZE]


def test_an_image_that_is_damaged_on_the_disk_is_not_sent(shelf: Shelf) -> None:
    """The gateway is not given what it would have to refuse."""
    shelf.add(image=LONG)
    shelf.offer()
    path = next((shelf.rig.installation.folder / "state" / "releases").glob("*.image"))
    path.write_bytes(LONG[:-1])
    assert want(shelf, 0) == []


def test_a_flood_of_wants_is_bounded_for_each_gateway(shelf: Shelf) -> None:
    """Fifty at once, and another gateway is not kept waiting."""
    shelf.add(image=LONG)
    shelf.offer()
    assert sum(len(want(shelf, 0)) for _ in range(60)) == 50
    assert len(want(shelf, 0, gateway=2)) == 1
