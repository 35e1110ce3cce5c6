"""An update from offer to confirmation, and each way in which it must not go on."""

from firmware import boot, install
from firmware.slots import Updater
from firmware.unpack import unpack
from protocol.manifest import unpack as unpacked
from simulator import release, slots
from simulator.flash import Flash
from simulator.slots import KEY, NOW, enrol, put
from tests.both.updated import NEW, NEWER, OLD, begun, fetching, made


def lasting(device):
    """All of flash but what was said of offers."""
    return {name: octets for name, octets in device.files.files.items() if name != install.JUDGED}


def spoiled(octets):
    """An image with a bit turned in its second block."""
    return octets[:1023] + bytes([octets[1023] ^ 1]) + octets[1024:]


def test_an_update_runs_after_its_restarts_and_stays_when_confirmed():
    """Offered, fetched, laid down beside what runs, tried, confirmed; then nothing of its image is left."""
    device = begun()
    octets, manifest = made(NEW, 6)
    assert device.judged(manifest) == ""
    assert device.wanted() == (6, 0)
    device.fetch(octets)
    assert (device.slot, device.program()) == ("a", OLD)
    assert device.turn()
    assert device.start() == "b"
    assert device.program() == NEW
    assert (device.updating.busy, device.updating.running) == (True, 6)
    assert device.confirm()
    for _ in range(5):
        assert device.start() == "b"
        assert device.program() == NEW
        assert not device.updating.busy
    assert [name for name in device.files.files if name.startswith("image")] == []


def test_the_next_update_takes_the_other_slot():
    """And nothing of what was there before is left in it."""
    device = begun()
    for number, files in ((6, NEW), (7, NEWER), (8, OLD)):
        device.install(files, number)
        assert device.confirm()
        assert device.program() == files
        assert device.slot == "ba"[number % 2]
        below = [name for name in device.files.folders if name.startswith(device.slot + "/")]
        assert len(below) == len(set([path.rsplit("/", 1)[0] for path in files]))


def test_a_slot_is_no_program_while_it_is_written():
    """From the first step of unpacking to the last but one."""
    device = begun()
    device.install(NEW, 6)
    assert device.confirm()
    octets, manifest = made(NEWER, 7)
    whole = []
    for _ in unpack("", "a", device.files, [octets[:9], octets[9:]], unpacked(manifest), device.files.open):
        whole.append(boot.complete("", "a", device.files.open))
    assert whole[:-1] == [None] * (len(whole) - 1)
    assert boot.complete("", "a", device.files.open) == 7


def test_what_is_not_confirmed_goes_back_and_is_not_tried_again():
    """Three starts, then the release before; the same one is refused, a later one is not."""
    device = begun()
    device.install(NEW, 6)
    assert [device.start() for _ in range(3)] == ["b", "b", "a"]
    assert device.program() == OLD
    assert device.error() == "trial failed: 6"
    assert not device.offer(made(NEW, 6)[1])
    assert device.error() == "failed before: 6"
    assert device.wanted() is None
    device.install(NEWER, 7)
    assert device.confirm()
    assert device.error() == ""


def test_every_reason_is_said_and_nothing_is_kept():
    """What the manifest module refuses, and what is not signed; the slots and their state stay as they are."""
    octets, manifest = made(NEW, 6)
    for offered, said in (
        (made(NEW, 6, expiry=NOW)[1], "expired: 6"),
        (made(NEW, 4)[1], "older than what runs: 4"),
        (made(NEW, 7, minimum_from=6)[1], "needs a release between: 7"),
        (made(NEW, 7, board="pico_w")[1], "for another board: 7"),
        (manifest[:-1] + bytes([manifest[-1] ^ 1]), "nobody signed this manifest with the release key: 6"),
        (manifest + b"\x00", "149 octets cannot be a signed manifest: 6"),
        (manifest[:8], "not a manifest: 6"),
    ):
        device = begun()
        before = lasting(device)
        assert device.judged(offered) == said
        assert device.wanted() is None
        assert lasting(device) == before
    device = begun()
    device.board.room = len(octets)
    assert device.judged(manifest) == "too large: 6"
    assert not device.offer(made(NEW, 5)[1])
    assert not device.offer(b"")


def test_what_lies_in_the_other_slot_makes_room():
    """It is emptied first: a board whose two slots are full takes the next release too."""
    device = begun()
    device.board.room = 0
    device.files.folders.add("b")
    for number in range(40):
        # So small a file lies in its folder, and takes no block.
        device.files.files["b/small%d.py" % number] = bytes(500)
    assert device.judged(made(NEW, 6)[1]) == "too large: 6"
    device.files.folders.add("b/firmware")
    device.files.files["b/firmware/large.py"] = bytes(4 * len(made(NEW, 6)[0]))
    assert device.judged(made(NEW, 7)[1]) == ""


def test_only_the_wanted_block_is_kept():
    """In order, once, of its size, of this release; anything else changes nothing."""
    device = begun()
    octets, manifest = made(NEW, 6)
    device.block(6, 0, octets[:512])
    assert device.judged(manifest) == ""
    for sequence, offset, block in ((6, 512, octets[512:1024]), (7, 0, octets[:512]), (6, 0, octets[:511]),
                                    (6, 0, b""), (6, 512, octets[:512])):  # fmt: skip
        device.block(sequence, offset, block)
        assert device.wanted() == (6, 0)
    for _ in range(2):
        device.block(6, 0, octets[:512])
        assert device.wanted() == (6, 512)
        assert device.updating.status()["percent"] == 51200 // len(octets)
    device.fetch(octets)
    assert device.files.files["image-0"] + device.files.files["image-1"] == octets
    assert device.updating.status() == {"release": 6, "percent": 100, "state": "fetching", "error": ""}
    device.block(6, len(octets), b"")
    assert device.updating.status()["percent"] == 100


def test_a_spoiled_image_is_never_a_program():
    """One bit of one block: what runs is untouched; after three times the release is refused, and a later one is not."""
    device = begun()
    octets, manifest = made(NEW, 6)
    before = lasting(device)
    for _ in range(3):
        assert device.update(spoiled(octets), manifest) == "the image is not the one that was signed: 6"
        assert (device.slot, lasting(device)) == ("a", before)
    for _ in range(2):
        starts = device.starts
        assert not device.offer(manifest)
        assert device.fetch(octets) == 0
        assert device.starts == starts
        device.start()
    device.install(NEWER, 7)
    assert device.program() == NEWER


def test_an_image_that_was_spoiled_twice_may_still_come_whole():
    """It was the way here that spoiled it."""
    device = begun()
    octets, manifest = made(NEW, 6)
    for _ in range(2):
        assert device.update(spoiled(octets), manifest) != ""
    device.install(NEW, 6)
    assert device.program() == NEW


def test_a_signed_image_that_is_none_is_refused():
    """The release key may sign nonsense; flash outside the slots is safe from it."""
    for octets in (b"SRI\x01\x0emain.py\x00\x00\x00\x01x\x00", release.image({"../boot.py": b"x"}), b"SRI\x01", b"x" * 600,
                   release.image(NEW) + b"\x00"):  # fmt: skip
        device = begun()
        before = [name for name in lasting(device) if not name.startswith(("a/", "b/"))]
        assert device.update(octets, release.manifest(octets, 6)) != ""
        assert [name for name in lasting(device) if not name.startswith(("a/", "b/"))] == before
        assert (device.slot, device.program()) == ("a", OLD)


def test_a_later_offer_takes_the_place_of_an_earlier_one():
    """And not the other way round, for an old release is signed too; unless the later one has expired."""
    device = fetching(made(NEW, 7)[1])
    device.block(7, 0, made(NEW, 7)[0][:512])
    assert device.judged(made(NEWER, 6)[1]) == "older than what is offered: 6"
    assert device.wanted() == (7, 512)
    assert device.judged(made(NEWER, 8, expiry=NOW + 60)[1]) == ""
    assert device.wanted() == (8, 0)
    device.now = NOW + 60
    device.start()
    assert device.judged(made(NEW, 7)[1]) == ""
    device.install(NEW, 7)
    assert device.program() == NEW


def test_the_same_offer_again_changes_nothing():
    """No restart, and also after one what was fetched stays fetched; told anew to a start, it goes on from there."""
    octets, manifest = made(NEW, 6)
    device = fetching(manifest)
    device.block(6, 0, octets[:512])
    for _ in range(2):
        assert not device.offer(manifest)
        assert device.wanted() == (6, 512)
        device.start()
    # As after a fault of flash, which rests until the offer is made again.
    del device.files.files[install.JUDGED]
    device.start()
    assert device.wanted() is None
    assert device.judged(manifest) == ""
    assert device.wanted() == (6, 512)


def test_back_to_an_older_release_only_where_it_has_to_be():
    """After the newer slot rotted the older one runs; it takes the same release again, and none between."""
    device = begun()
    device.install(NEW, 7)
    assert device.confirm()
    device.files.files["b/firmware/main.py"] = b"rot"
    assert device.start() == "a"
    assert device.updating.running == 5
    assert device.judged(made(NEWER, 6)[1]) == "older than what ran: 6"
    device.install(NEW, 7)
    assert (device.slot, device.program()) == ("b", NEW)


def test_a_program_that_no_slot_holds_is_not_updated():
    """Started from elsewhere, nobody could say which slot is free."""
    flash = Flash()
    enrol(flash)
    device = slots.Device(flash, flash.open)
    assert device.start() is None
    assert (device.updating.running, device.updating.busy) == (0, False)
    assert device.offer(made(NEW, 6)[1])
    device.start()
    assert device.error() == "not started from a slot: 6"
    assert (
        Updater("", flash, KEY, "unix", "", 0, flash.open).offer(made(NEW, 6)[1], NOW, 1 << 20)
        == "not started from a slot"
    )


def test_where_the_program_came_from_is_seen():
    """By the folder of modules that boot put first."""
    flash = Flash()
    put(flash, "x/b", NEW, 9)
    known = install.light("x/", flash.open, ["x/b", "/lib"])
    assert (known["slot"], known["running"]) == ("b", 9)
    known = install.light("x/", flash.open, ["/lib"])
    assert (known["slot"], known["running"]) == ("", 0)
