"""Room in flash: two slots and an image do not fit a board, and what else it must write must always fit."""

from firmware import unpack
from firmware.fetched import PART, PARTS, Fetched
from firmware.package import Reader
from firmware.slots import SPARE
from protocol.manifest import MAX_IMAGE
from protocol.manifest import unpack as unpacked
from simulator.flash import Flash
from simulator.slots import FREE, NOW, activate, put
from tests.both.flash import Ram, littlefs
from tests.both.updated import NEW, OLD, Device, fetch, made, wanted

# Of the size and number of a board's modules.
MANY = {"firmware/part%02d.mpy" % number: bytes([number]) * (300 + 90 * number) for number in range(30)}
MANY["protocol/part.mpy"] = bytes(5000)


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
    return device.start()


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
        # The offer takes a block, and for a moment two.
        start = (device.flash.statvfs("")[3] - 2) * 4096
        reason = device.updater.offer(made(MANY, 6)[1], NOW, FREE, False)
        assert reason is None
        device.fetch(made(MANY, 6)[0])
        assert device.flash.least >= min(SPARE, start), blocks
        ended.append(device.updater.ready)
        if not device.updater.ready:
            assert device.updater.status()["last_error"] == "too large: 6"
            assert device.start().program() == OLD
            continue
        device.start()
        assert device.program() == MANY
    # From some size on it fits: two slots and the spare room, with less than a fifth more.
    assert ended == sorted(ended)
    fits = 30 + 2 * ended.index(True)
    assert fits <= (2 * taken(MANY) + SPARE // 4096) * 6 // 5


def test_the_other_slot_gives_way_only_where_it_must():
    """With room for the image it stays a program until the image is there and was checked."""
    for blocks, stays in ((212, True), (taken(MANY) + taken(OLD) + 12, False)):
        device = board(blocks)
        octets, manifest = made(MANY, 6)
        assert device.updater.offer(manifest, NOW, FREE, False) is None
        assert wanted(device.updater) == (6, 0)
        assert ("b/contents" in device.flash.files) == stays, blocks
        fetch(device.updater, octets)
        assert ("b/contents" in device.flash.files) == stays, blocks


def test_what_can_never_fit_is_not_fetched():
    """With the other slot empty too: refused before the first block."""
    device = Device(Watched(22)).start()
    assert device.updater.offer(made(MANY, 6)[1], NOW, FREE, False) is None
    assert wanted(device.updater) is None
    assert device.updater.status()["last_error"] == "too large: 6"
    assert [name for name in device.flash.files if name.startswith(("image", "offer"))] == []


def test_an_image_is_checked_before_a_slot_gives_way_to_it():
    """One that is not the signed one leaves the other slot as it was."""
    device = board(212)
    octets, manifest = made(MANY, 6)
    before = dict(device.flash.files)
    device.updater.offer(manifest, NOW, FREE, False)
    fetch(device.updater, octets[:-600] + b"x" + octets[-599:])
    while device.updater.step():
        pass
    assert device.flash.files == before


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
