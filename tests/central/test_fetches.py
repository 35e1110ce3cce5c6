"""Blocks of programs through the real flows and store: whole, to whom they are meant for, and not too many."""

from __future__ import annotations

import pytest

from protocol import codes, manifest
from protocol.messages import KIND_BLOCK, KIND_OFFER
from protocol.release import BLOCK_SIZE
from simulator import release
from tests.central.rig import Rig
from tests.central.shelf import IMAGE, Shelf


def test_the_whole_image_is_fetched_block_by_block(shelf: Shelf) -> None:
    """The last block is what is left; together they are the image that was signed."""
    shelf.add()
    shelf.offer()
    got = [shelf.fetch(offset=offset) for offset in range(0, len(IMAGE), BLOCK_SIZE)]
    assert all(len(answer) == 1 for answer in got)
    blocks = [answer[0] for answer in got]
    assert [(sequence, offset) for sequence, offset, _ in blocks] == [(8, BLOCK_SIZE * n) for n in range(len(blocks))]
    assert b"".join(octets for _, _, octets in blocks) == IMAGE
    assert len(IMAGE) % BLOCK_SIZE != 0


@pytest.mark.parametrize("offset", [1, BLOCK_SIZE - 1, BLOCK_SIZE * 6, 0xFFFFFE00, 0xFFFFFFFF])
def test_only_whole_blocks_within_the_image_are_sent(shelf: Shelf, offset: int) -> None:
    """Beyond the end there is nothing, and nothing begins in the middle of a block."""
    shelf.add()
    shelf.offer()
    assert len(IMAGE) < BLOCK_SIZE * 6
    assert shelf.fetch(offset=offset) == []


def test_a_block_past_an_end_on_a_whole_block_is_not_sent(shelf: Shelf) -> None:
    """An image of exactly three blocks has no fourth, empty one."""
    shelf.add(image=bytes(3 * BLOCK_SIZE))
    shelf.offer()
    answers = [len(shelf.fetch(offset=n * BLOCK_SIZE)) for n in range(5)]
    assert answers == [1, 1, 1, 0, 0]


def test_a_fetch_is_answered_for_what_is_meant_for_this_center_alone(shelf: Shelf) -> None:
    """Another group's release, one that is not offered, and one that does not exist: nothing."""
    shelf.add(8)
    shelf.add(9)
    shelf.offer(8, "group", 2)
    answers = [len(shelf.fetch(sequence, center=center)) for sequence, center in ((8, 1), (9, 3), (10, 3), (8, 3))]
    assert answers == [0, 0, 0, 1]


def test_a_fetch_that_the_center_did_not_seal_for_central_is_not_answered(shelf: Shelf) -> None:
    """Damaged, under another authority's key, or brought by another gateway."""
    shelf.add()
    shelf.offer()
    player, gateways = shelf.rig.centers[1], shelf.rig.gateways
    good = player.fetch(8)
    shelf.rig.receive(1, gateways[1].envelope([good[:-1] + bytes([good[-1] ^ 1])]))
    shelf.rig.receive(1, gateways[1].envelope([player.fetch(8, authority=codes.LOCAL)]))
    shelf.rig.receive(1, gateways[1].envelope([player.fetch(8, authority=codes.DRILL)]))
    shelf.rig.receive(1, gateways[1].envelope([player.fetch(8, authority=codes.DRILL, key=codes.CENTRAL)]))
    shelf.rig.receive(2, gateways[2].envelope([good]))
    assert shelf.rig.taken() == []
    shelf.rig.receive(1, gateways[1].envelope([good]))
    assert len(shelf.rig.taken()) == 1


def test_a_flood_of_fetches_is_bounded_for_each_center(shelf: Shelf) -> None:
    """Whoever repeats a recorded fetch gets 50 at once and 50 a second; another center is not kept waiting."""
    shelf.add()
    shelf.offer()
    gateway, frame = shelf.rig.gateways[1], shelf.rig.centers[1].fetch(8)

    def flood(count: int) -> int:
        for _ in range(count):
            shelf.rig.receive(1, gateway.envelope([frame]))
        return len(shelf.rig.frames(KIND_BLOCK))

    assert flood(80) == 50
    assert len(shelf.fetch(center=2)) == 1
    shelf.rig.clock.at += 0.5
    assert flood(80) == 25


def test_a_damaged_image_is_not_sent(shelf: Shelf) -> None:
    """One changed octet on central's disk, or no file: the fetch is not answered, and everything else goes on."""
    shelf.add()
    shelf.offer()
    path = shelf.rig.installation.folder / "state" / "releases" / "8-unix.image"
    path.write_bytes(IMAGE[:-2] + b"??")
    assert shelf.fetch() == []
    path.unlink()
    assert shelf.fetch() == []
    path.write_bytes(IMAGE)
    assert len(shelf.fetch()) == 1


def test_without_a_hello_nothing_is_sealed(rig: Rig) -> None:
    """No nonce, no offer and no block; with the hello the offer comes."""
    shelf = Shelf(rig)
    shelf.add()
    shelf.offer()
    assert (shelf.round(), shelf.fetch()) == ([], [])
    rig.greet(1)
    assert len(rig.frames(KIND_OFFER)) == 1


def test_a_release_for_each_board_under_one_sequence(shelf: Shelf) -> None:
    """Each center is offered, and sent, the one of its own board."""
    other = release.image({"firmware/main.py": b"another board's"})
    manifests = {"unix": shelf.add(8), "pico_w": shelf.add(8, image=other, board="pico_w")}
    for center, board in ((1, "unix"), (2, "pico_w")):
        shelf.report(center, board=board, release=7)
    shelf.offer(8, "group", 1)
    shelf.rig.run(shelf.rig.releases.once())
    offers = {frame[5]: shelf.rig.centers[frame[5]].offered(frame) for frame in shelf.rig.frames(KIND_OFFER)}
    assert offers == {1: manifests["unix"], 2: manifests["pico_w"]}
    assert [shelf.fetch(center=center)[0][2] for center in (1, 2)] == [IMAGE[:BLOCK_SIZE], other]


def test_the_layout_of_a_manifest_is_the_boards_own() -> None:
    """Central reads with the code that both share; the boards' own reader sees the same in the same octets."""
    from firmware import manifest as boards

    octets = release.manifest(IMAGE, 258, version="1.2.0", minimum_from=2)
    assert tuple(manifest.unpack(octets)) == tuple(boards.unpack(octets))
    assert (manifest.SIGNED, manifest.SIZE, manifest.CONTEXT) == (boards.SIGNED, boards.SIZE, boards.CONTEXT)
