"""One download for all centers of a gateway: asked for piece by piece, verified, given out under the local seal."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.flows import cache
from protocol import gateway
from protocol.codes import CENTRAL, DRILL, LOCAL
from protocol.errors import BadTag
from protocol.gateway import PIECE_SIZE, Piece, Want, image_of
from protocol.release import BLOCK, BLOCK_SIZE
from simulator import release
from tests.gateway.frames import NONCE, command
from tests.gateway.town import IMAGE, KEY, MANIFEST, PIECES, Town, pairs


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A release that was offered to both centers."""
    made = Town(tmp_path)
    made.offer(1, 2)
    return made


def test_an_image_comes_once_and_goes_to_every_center(town: Town) -> None:
    """Nothing is given before it is whole; then every block, under the local seal of the center that asked."""
    assert town.fetch(1) == town.fetch(2) == []
    assert town.download() == list(PIECES)
    for center in (1, 2):
        whole = b""
        while len(whole) < len(IMAGE):
            frame = town.fetch(center, len(whole))[0]
            head, octets = BLOCK.open(pairs(center)[LOCAL].down, frame, NONCE)
            assert tuple(head) == (LOCAL, 0, center, 8, len(whole))
            whole += octets
        assert whole == IMAGE
    assert town.wants() == []
    assert town.passed_up == 0


@pytest.mark.parametrize("at", [0, PIECE_SIZE, len(IMAGE) - 1])
def test_a_bad_image_is_never_given(town: Town, at: int) -> None:
    """One octet is another: it is fetched once more, then fetches go to central, and no block of it ever went to a center."""
    bad = IMAGE[:at] + bytes([IMAGE[at] ^ 1]) + IMAGE[at + 1 :]
    assert town.fetch() == []
    assert town.download(bad) == list(PIECES)
    assert town.fetch() == []
    assert town.download(bad) == list(PIECES)
    assert town.fetch() == []
    assert town.wants() == []
    assert town.passed_up == 1
    town.offer(1)
    assert town.fetch() == []
    assert town.wants() == []


def test_an_image_that_the_card_spoiled_is_fetched_again(town: Town) -> None:
    """After a start it is verified before the first block."""
    town.fetch()
    town.download()
    path = next(town.folder.glob("releases/*.image"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    town.restart()
    assert town.fetch() == []
    assert town.download() == list(PIECES)
    assert len(town.fetch()) == 1


def test_a_power_cut_in_the_middle_costs_nothing_that_came(town: Town) -> None:
    """After the start it goes on where it was, and after the end central is only asked whether it is still offered."""
    town.fetch()
    town.answer(town.wants()[0])
    town.restart()
    assert town.fetch() == []
    assert town.download() == list(PIECES)[1:]
    town.restart()
    assert town.fetch() == []
    assert town.download() == [len(IMAGE)]
    assert len(town.fetch()) == 1


@pytest.mark.parametrize("torn", [b"?" * PIECE_SIZE, IMAGE[: PIECE_SIZE // 2], IMAGE + b"more"])
def test_what_a_power_cut_tore_is_found_out(town: Town, torn: bytes) -> None:
    """By the digest, whatever the file holds; and the image arrives all the same."""
    town.fetch()
    town.answer(town.wants()[0])
    next(town.folder.glob("releases/*.part")).write_bytes(torn)
    town.restart()
    for _ in range(3):
        if found := town.fetch():
            break
        town.download()
    assert BLOCK.open(pairs(1)[LOCAL].down, found[0], NONCE)[1] == IMAGE[:BLOCK_SIZE]


def test_only_what_the_release_key_signed_is_kept(tmp_path: Path) -> None:
    """An offer of another key, or a gateway without a key: every fetch goes to central, as without a cache."""
    foreign = release.manifest(IMAGE, 8, b"a seed of somebody else, 32 oct.")
    for number, (key, manifest) in enumerate(((KEY, foreign), (b"", MANIFEST))):
        folder = tmp_path / str(number)
        folder.mkdir()
        town = Town(folder, key)
        town.offer(1, manifest=manifest)
        assert town.fetch() == []
        assert town.wants() == []
        assert town.passed_up == 1


def test_a_central_that_does_not_answer_is_asked_again_then_left_alone(town: Town) -> None:
    """More and more rarely; after a minute in which it was heard, fetches go to it; an offer begins anew."""
    town.fetch()
    asked = len(town.wants())
    for _ in range(70):
        town.down(gateway.ask())
        town.desk.tick(1)
        asked += len(town.wants())
    assert 4 <= asked <= 6
    assert town.fetch() == []
    assert town.wants() == []
    assert town.passed_up == 1
    town.offer(1)
    town.fetch()
    assert len(town.wants()) == 1


def test_without_a_wan_nobody_is_sent_anywhere(town: Town) -> None:
    """A gateway that does not hear central keeps asking, for it is not central's answer that is missing."""
    town.fetch()
    for _ in range(20):
        town.desk.tick(30)
    assert len(town.wants()) >= 10
    assert town.fetch() == []
    assert town.passed_up == 0


def test_a_withdrawn_release_is_given_for_ten_minutes_at_most(town: Town) -> None:
    """While centers fetch, central is asked in time whether it is still offered; without its word nothing is given."""
    town.fetch()
    town.download()
    town.desk.tick(cache.LEASE_S - 1)
    assert len(town.fetch()) == 1
    assert town.wants() == [Want(image_of(sha256(IMAGE).digest()), len(IMAGE))]
    town.desk.tick(1)
    assert town.fetch() == []
    town.down(gateway.piece(Piece(image_of(sha256(IMAGE).digest()), len(IMAGE), b"")))
    assert len(town.fetch()) == 1


def test_a_center_that_takes_no_blocks_of_a_gateway_gets_central_s(town: Town) -> None:
    """Its program is older: what it asks for the fourth time goes up, and whatever it asks for afterwards."""
    town.fetch()
    town.download()
    assert [len(town.fetch()) for _ in range(4)] == [1, 1, 1, 0]
    assert town.fetch(1, BLOCK_SIZE) == []
    town.wants()
    assert town.passed_up == 2
    assert len(town.fetch(2)) == 1


def test_pieces_that_nobody_asked_for_change_nothing(town: Town) -> None:
    """Another image, another offset, another length, one that came before: the image is whole and right all the same."""
    town.fetch()
    want = town.wants()[0]
    for image, offset, octets in (
        (want.image + 1, 0, IMAGE[:PIECE_SIZE]),
        (want.image, PIECE_SIZE, IMAGE[:PIECE_SIZE]),
        (want.image, 0, IMAGE[: PIECE_SIZE - 1]),
        (want.image, 0, b""),
        (want.image, len(IMAGE), b""),
    ):
        town.down(gateway.piece(Piece(image, offset, octets)))
        assert town.wants() == []
    town.answer(want)
    town.answer(want)
    assert town.download() == list(PIECES)[1:]
    assert len(town.fetch()) == 1


def test_during_an_alarm_the_line_is_for_it(town: Town) -> None:
    """No piece is asked for until it is over, however long it lasts; then at once."""
    town.down(command(issued=town.desk.clock.wall, duration=120))
    town.fetch()
    for _ in range(11):
        town.down(gateway.ask())
        town.desk.tick(10)
        assert town.wants() == []
    town.desk.tick(60)
    assert len(town.wants()) == 1


def test_fetches_of_two_boards_are_not_mixed_up(town: Town) -> None:
    """Each center is given the image that it was offered; unknown after a start, central answers it."""
    other = IMAGE[::-1]
    town.offer(2, manifest=release.manifest(other, 8, board="pico_w"))
    town.fetch(1)
    town.download()
    town.fetch(2)
    town.download(other)
    blocks = [BLOCK.open(pairs(center)[LOCAL].down, town.fetch(center)[0], NONCE)[1] for center in (1, 2)]
    assert blocks == [IMAGE[:BLOCK_SIZE], other[:BLOCK_SIZE]]
    town.restart()
    assert town.fetch(1) == []
    town.wants()
    assert town.passed_up == 1


def test_a_disk_that_takes_nothing_leaves_fetches_to_central(town: Town) -> None:
    """The cache is a saving, never a condition."""
    town.fetch()
    folder = town.folder / "releases"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("no folder")
    town.answer(town.wants()[0])
    assert town.fetch() == []
    town.wants()
    assert town.passed_up == 1


def test_four_releases_are_kept_and_the_oldest_gives_way(town: Town) -> None:
    """A megabyte at most."""
    for sequence in range(9, 13):
        town.offer(1, manifest=release.manifest(IMAGE + bytes([sequence]), sequence))
    assert len(list(town.folder.glob("releases/*.manifest"))) == 4
    assert town.desk.flows.cache._images.known(8) == []


def test_only_a_block_for_this_boot_is_sealed(town: Town) -> None:
    """Under the nonce of the hello; for a center that has greeted nobody here central answers."""
    town.fetch()
    town.download()
    frame = town.fetch()[0]
    for key, nonce in ((LOCAL, b"boot two"), (CENTRAL, NONCE), (DRILL, NONCE)):
        with pytest.raises(BadTag):
            BLOCK.open(pairs(1)[key].down, frame, nonce)
    town.desk.state.memory.pop(1)
    assert town.fetch() == []
    town.wants()
    assert town.passed_up == 1
