"""Room in flash: two slots and an image do not fit a board, and what else it must write must always fit."""

from firmware import unpack
from firmware.fetched import PART, PARTS, Fetched
from firmware.install import JUDGED
from firmware.package import Reader
from firmware.slots import SPARE
from protocol.manifest import MAX_IMAGE
from protocol.manifest import unpack as unpacked
from simulator.flash import Flash
from simulator.slots import activate, put
from tests.both.flash import Ram, littlefs
from tests.both.updated import NEW, OLD, Device, fetching, made

# Of the size and number of a board's modules.
MANY = {"firmware/part%02d.mpy" % number: bytes([number]) * (300 + 90 * number) for number in range(30)}
MANY["protocol/part.mpy"] = bytes(5000)
IMAGE, MANIFEST = made(MANY, 6)


class Watched(Flash):
    """Remembers the least room there was."""

    def __init__(self, blocks):
        Flash.__init__(self)
        self.blocks = blocks
        self.least = blocks * 4096

    def cut(self):
        self.least = min(self.least, self.statvfs("")[0] * self.statvfs("")[3])
        return Flash.cut(self)


def board(blocks):
    """Release 5 runs in slot a, 4 lies in slot b, as large as the one to come."""
    flash = Watched(blocks)
    device = Device(flash)
    put(flash, "b", MANY, 4)
    activate(flash, "a")
    device.start()
    return device


def taken(files):
    """Blocks of flash that the files of a slot take."""
    flash = Flash()
    before = flash.statvfs("")[3]
    put(flash, "b", files, 4)
    return before - flash.statvfs("")[3]


def test_an_update_fits_or_is_refused_and_never_fills_flash():
    """Whatever room there is: it comes to run or is too large, and 24 kB are left at every moment."""
    ended = []
    for blocks in range(30, 130, 2):
        device = board(blocks)
        # The offer, and what is said of it, take a block each, and for a moment one more.
        start = (device.files.statvfs("")[3] - 3) * 4096
        reason = device.update(IMAGE, MANIFEST)
        assert device.files.least >= min(SPARE, start), blocks
        assert reason in ("", "too large: 6")
        assert device.program() == (OLD if reason else MANY)
        ended.append(not reason)
    # From some size on it fits: two slots and the spare room, with less than a fifth more.
    assert ended == sorted(ended)
    fits = 30 + 2 * ended.index(True)
    assert fits <= (2 * taken(MANY) + SPARE // 4096) * 6 // 5


def test_the_other_slot_gives_way_only_where_it_must():
    """With room for the image it stays a program until the image is there and was checked."""
    for blocks, stays in ((212, True), (taken(MANY) + taken(OLD) + 14, False)):
        device = fetching(MANIFEST, board(blocks))
        assert device.wanted() == (6, 0)
        assert device.has("b/contents") == stays, blocks
        device.fetch(IMAGE)
        assert device.has("b/contents") == stays, blocks


def test_what_can_never_fit_is_not_fetched():
    """With the other slot empty too: refused before the first block."""
    device = Device(Watched(24))
    device.start()
    assert device.judged(MANIFEST) == "too large: 6"
    assert device.wanted() is None
    assert [name for name in device.files.files if name.startswith(("image", "offer"))] == []


def test_an_image_is_checked_before_a_slot_gives_way_to_it():
    """One that is not the signed one leaves the other slot as it was."""
    device = board(212)
    before = dict(device.files.files)
    assert device.update(IMAGE[:-600] + b"x" + IMAGE[-599:], MANIFEST) != ""
    del device.files.files[JUDGED]
    assert device.files.files == before


def test_parts_are_given_back_one_by_one():
    """Each is gone when its last block has been taken, and the next one is still there."""
    flash = Flash()
    image = Fetched("", flash, flash.open)
    octets = bytes(range(250)) * 100
    for at in range(0, len(octets), 512):
        image.write(at, octets[at : at + 512])
    assert image.length(len(octets)) == len(octets)
    assert len(flash.files) == 4
    seen = b""
    for block in image.blocks(len(octets), True):
        seen += block
        assert len(flash.files) == 4 - (len(seen) - 1) // PART
    assert (seen, flash.files) == (octets, {})
    assert image.length(len(octets)) == 0
    assert PART * (PARTS - 1) < MAX_IMAGE <= PART * PARTS


def test_what_is_reckoned_covers_what_littlefs_takes():
    """On the real file system in blocks of 4 kB: a slot takes no more than was reckoned, and gives back at least what was."""
    if not littlefs():
        return
    import os

    class Board(Ram):
        SIZE = 4096

        def writeblocks(self, block, octets, offset=0):
            at = block * self.SIZE + (offset or 0)
            self.data[at : at + len(octets)] = octets

        def ioctl(self, operation, argument):
            if operation == 6:
                return 0
            return Ram.ioctl(self, operation, argument)

    device = Board(None, 100)
    os.VfsLfs2.mkfs(device, progsize=256)
    os.mount(os.VfsLfs2(device, progsize=256), "/flash")
    try:
        for files in (MANY, NEW, OLD):
            octets, manifest = made(files, 6)
            needed = unpack.Needed()
            Reader(needed.begin).feed(octets)
            before = os.statvfs("/flash")[3]
            for _ in unpack.unpack("/flash/", "b", os, [octets], unpacked(manifest)):
                pass
            full = os.statvfs("/flash")[3]
            assert (before - full) * 4096 <= needed.octets + 8192
            held = unpack.held("/flash/b", os)
            for _ in unpack.emptied("/flash/b", os):
                pass
            assert held <= (os.statvfs("/flash")[3] - full) * 4096
            os.rmdir("/flash/b")  # noqa: PTH106
    finally:
        os.umount("/flash")
