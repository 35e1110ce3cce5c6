"""An update from offer to confirmation, and each way in which it must not go on."""

from firmware import boot
from firmware.slots import Updater
from firmware.unpack import unpack
from protocol.manifest import unpack as unpacked
from simulator import release
from simulator.slots import FREE, KEY, NOW, put
from tests.both.updated import NEW, NEWER, OLD, Device, fetch, made, wanted


def begun():
    """A started board of release 5, and its updater."""
    device = Device()
    device.start()
    return device, device.updater


def finished(updater):
    """Do all the steps; how many there were."""
    steps = 0
    while updater.step():
        steps += 1
    return steps


def test_an_update_runs_after_a_restart_and_stays_when_confirmed():
    """Offered, fetched, laid down beside what runs, tried, confirmed; then nothing of it is left but the program."""
    device, updater = begun()
    octets, manifest = made(NEW, 6)
    assert updater.offer(manifest, NOW, FREE, False) is None
    assert wanted(updater) == (6, 0)
    fetch(updater, octets)
    assert updater.wanted() is None
    assert not updater.ready
    assert finished(updater) > 5
    assert updater.ready
    assert (device.slot, device.program()) == ("a", OLD)
    device.start()
    updater = device.updater
    assert (device.slot, device.program()) == ("b", NEW)
    assert updater.on_trial
    assert updater.running_sequence == 6
    assert updater.confirm()
    assert not updater.on_trial
    for _ in range(5):
        device.start()
        assert (device.slot, device.program()) == ("b", NEW)
        assert not device.updater.on_trial
    assert [name for name in device.flash.files if name.startswith(("image", "offer"))] == []


def test_the_next_update_takes_the_other_slot():
    """And nothing of what was there before is left in it."""
    device, _ = begun()
    for number, files in ((6, NEW), (7, NEWER), (8, OLD)):
        device.update(files, number)
        assert device.updater.confirm()
        assert device.program() == files
        assert device.slot == "ba"[number % 2]
        below = [name for name in device.flash.folders if name.startswith(device.slot + "/")]
        assert len(below) == len(set([path.rsplit("/", 1)[0] for path in files]))


def test_a_slot_is_no_program_while_it_is_written():
    """From the first step of unpacking to the last but one."""
    device, _ = begun()
    device.update(NEW, 6)
    assert device.updater.confirm()
    octets, manifest = made(NEWER, 7)
    whole = []
    for _ in unpack("", "a", device.flash, [octets[:9], octets[9:]], unpacked(manifest), device.flash.open):
        whole.append(boot.complete("", "a", device.flash.open))
    assert whole[:-1] == [None] * (len(whole) - 1)
    assert boot.complete("", "a", device.flash.open) == 7


def test_what_is_not_confirmed_goes_back_and_is_not_tried_again():
    """Three starts, then the release before; the same one is refused, a later one is not."""
    device, _ = begun()
    device.update(NEW, 6, restart=False)
    for _ in range(3):
        assert device.start().slot == "b"
    slot, updater = device.start().slot, device.updater
    assert (slot, device.program()) == ("a", OLD)
    assert updater.offer(made(NEW, 6)[1], NOW, FREE, False) == "failed before"
    assert updater.status()["last_error"] == "trial failed: 6"
    assert updater.wanted() is None
    device.update(NEWER, 7)
    assert device.updater.confirm()
    assert device.updater.status()["last_error"] == ""


def test_every_reason_is_said_and_nothing_is_kept():
    """What the manifest module refuses, and what is not signed."""
    device, updater = begun()
    octets, manifest = made(NEW, 6)
    before = dict(device.flash.files)
    assert updater.offer(manifest, NOW, FREE, True) == "an alarm runs"
    assert updater.offer(manifest, None, FREE, False) == "no time yet"
    assert updater.offer(manifest, release.EXPIRY, FREE, False) == "expired"
    assert updater.offer(manifest, NOW, len(octets), False) == "too large"
    assert updater.offer(made(NEW, 5)[1], NOW, FREE, False) == "running already"
    assert updater.offer(made(NEW, 4)[1], NOW, FREE, False) == "older than what runs"
    assert updater.offer(made(NEW, 7, minimum_from=6)[1], NOW, FREE, False) == "needs a release between"
    assert updater.offer(made(NEW, 7, board="pico_w")[1], NOW, FREE, False) == "for another board"
    assert "signed" in updater.offer(manifest[:-1] + bytes([manifest[-1] ^ 1]), NOW, FREE, False)
    assert "octets" in updater.offer(manifest + b"\x00", NOW, FREE, False)
    assert updater.offer(b"", NOW, FREE, False) == "not a manifest"
    assert updater.wanted() is None
    assert not updater.step()
    assert device.flash.files == before


def test_what_lies_in_the_other_slot_makes_room():
    """It is emptied first: a board whose two slots are full takes the next release too."""
    device, updater = begun()
    device.flash.folders.add("b")
    for number in range(40):
        # So small a file lies in its folder, and takes no block.
        device.flash.files["b/small%d.py" % number] = bytes(500)
    assert updater.offer(made(NEW, 6)[1], NOW, 0, False) == "too large"
    device.flash.folders.add("b/firmware")
    device.flash.files["b/firmware/large.py"] = bytes(4 * len(made(NEW, 6)[0]))
    assert updater.offer(made(NEW, 6)[1], NOW, 0, False) is None


def test_only_the_wanted_block_is_kept():
    """In order, once, of its size, of this release; anything else changes nothing."""
    device, updater = begun()
    octets, manifest = made(NEW, 6)
    assert updater.block(6, 0, octets[:512]) == 0
    updater.offer(manifest, NOW, FREE, False)
    for sequence, offset, block in ((6, 512, octets[512:1024]), (7, 0, octets[:512]), (6, 0, octets[:511]),
                                    (6, 0, octets[:513]), (6, 0, b""), (6, -512, octets[:512])):  # fmt: skip
        assert updater.block(sequence, offset, block) == 0
        assert wanted(updater) == (6, 0)
    percent = updater.block(6, 0, octets[:512])
    assert percent == 51200 // len(octets)
    assert updater.block(6, 0, octets[:512]) == percent
    fetch(updater, octets)
    assert device.flash.files["image-0"] + device.flash.files["image-1"] == octets
    assert updater.status() == {"running": 5, "sequence": 6, "percent": 100, "state": "checking", "last_error": ""}
    assert updater.block(6, len(octets), b"") == 100


def test_a_spoiled_image_is_never_a_program():
    """One bit of one block: not ready, what runs is untouched, and after three times the offer is refused."""
    device, updater = begun()
    octets, manifest = made(NEW, 6)
    before = dict(device.flash.files)
    for _ in range(3):
        assert updater.offer(manifest, NOW, FREE, False) is None
        fetch(updater, octets, lambda offset, block: block[:-1] + bytes([block[-1] ^ 1]) if offset == 512 else block)
        finished(updater)
        assert not updater.ready
        assert updater.status()["last_error"] == "the image is not the one that was signed: 6"
        assert device.flash.files == before
    assert updater.offer(manifest, NOW, FREE, False) == "its image was spoiled too often"
    device.start()
    device.update(NEW, 6)
    assert device.program() == NEW


def test_a_signed_image_that_is_none_is_refused():
    """The release key may sign nonsense; flash outside the slots is safe from it."""
    for octets in (b"SRI\x01\x0emain.py\x00\x00\x00\x01x\x00", release.image({"../boot.py": b"x"}), b"SRI\x01", b"x" * 600,
                   release.image(NEW) + b"\x00"):  # fmt: skip
        device, updater = begun()
        manifest = release.manifest(octets, 6)
        assert updater.offer(manifest, NOW, FREE, False) is None
        fetch(updater, octets)
        finished(updater)
        assert not updater.ready
        names = [name for name in device.flash.files if not name.startswith(("a/", "b/"))]
        assert names == []
        assert device.start().slot == "a"
        assert device.program() == OLD


def test_a_later_offer_takes_the_place_of_an_earlier_one():
    """And not the other way round, for an old release is signed too; unless the later one has expired."""
    device, updater = begun()
    assert updater.offer(made(NEW, 7)[1], NOW, FREE, False) is None
    assert wanted(updater) == (7, 0)
    updater.block(7, 0, made(NEW, 7)[0][:512])
    assert updater.offer(made(NEWER, 6)[1], NOW, FREE, False) == "older than what is offered"
    assert wanted(updater) == (7, 512)
    assert updater.offer(made(NEWER, 8, expiry=NOW + 60)[1], NOW, FREE, False) is None
    assert wanted(updater) == (8, 0)
    assert updater.offer(made(NEW, 7)[1], NOW + 60, FREE, False) is None
    device.update(NEW, 7)
    assert device.program() == NEW


def test_the_same_offer_again_changes_nothing():
    """Also after a restart: what was fetched stays fetched."""
    device, updater = begun()
    octets, manifest = made(NEW, 6)
    updater.offer(manifest, NOW, FREE, False)
    assert wanted(updater) == (6, 0)
    updater.block(6, 0, octets[:512])
    assert updater.offer(manifest, NOW, FREE, False) is None
    assert wanted(updater) == (6, 512)
    assert wanted(device.start().updater) == (6, 512)
    assert device.updater.offer(manifest, NOW, FREE, False) is None
    assert wanted(device.updater) == (6, 512)


def test_no_other_update_while_one_is_on_trial_or_waits():
    """The slot that is good must not be written over before the other one is."""
    device, _ = begun()
    device.update(NEW, 6, restart=False)
    assert device.updater.offer(made(NEWER, 7)[1], NOW, FREE, False) == "a trial comes first"
    device.start()
    before = dict(device.flash.files)
    assert device.updater.offer(made(NEWER, 7)[1], NOW, FREE, False) == "a trial comes first"
    assert device.updater.wanted() is None
    assert not device.updater.step()
    assert device.flash.files == before


def test_back_to_an_older_release_only_where_it_has_to_be():
    """After the newer slot rotted the older one runs; it takes the same release again, and none between."""
    device, _ = begun()
    device.update(NEW, 7)
    assert device.updater.confirm()
    device.flash.files["b/firmware/main.py"] = b"rot"
    assert device.start().slot == "a"
    assert device.updater.running_sequence == 5
    assert device.updater.offer(made(NEWER, 6)[1], NOW, FREE, False) == "older than what ran"
    device.update(NEW, 7)
    assert (device.slot, device.program()) == ("b", NEW)


def test_a_program_that_no_slot_holds_is_not_updated():
    """Started from elsewhere, nobody could say which slot is free."""
    device = Device()
    updater = Updater("/nowhere/", device.flash, KEY, "unix", device.flash.open)
    assert updater.offer(made(NEW, 6)[1], NOW, FREE, False) == "not started from a slot"
    assert (updater.running_sequence, updater.on_trial, updater.ready) == (0, False, False)
    assert updater.confirm()


def test_where_the_program_came_from_is_seen():
    """By the folder of modules that boot put first."""
    import sys

    device = Device()
    put(device.flash, "x/b", NEW, 9)
    sys.path.insert(0, "x/b")
    try:
        assert Updater("x/", device.flash, KEY, "unix", device.flash.open).running_sequence == 9
    finally:
        sys.path.remove("x/b")
