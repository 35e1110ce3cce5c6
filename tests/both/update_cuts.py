"""Power cuts at every flash operation of a whole update: what starts afterwards is a whole signed release, and the update ends."""

from firmware.fetched import PART
from simulator import release
from simulator.flash import Flash, PowerCut
from simulator.slots import FREE, NOW, activate, put
from tests.both.updated import NEW, NEWER, OLD, Device, fetch, made, wanted

RELEASES = {5: OLD, 6: NEW}


def life(device):
    """A whole update: start, offer, fetch, unpack, restart, confirm."""
    device.start()
    device.update(NEW, 6)
    assert device.updater.confirm()


def begun(late):
    """Slots as after some updates: another release lies where the new one will."""
    device = Device(Flash(late))
    put(device.flash, "b", NEWER, 4)
    activate(device.flash, "a")
    return device


def operations(late):
    """How many operations on flash the whole of it takes."""
    device = begun(late)
    life(device)
    return device.flash.operations


def cut(late, dies_at, torn):
    """An update whose power goes at this operation; then what must hold."""
    device = begun(late)
    device.flash.dies_at, device.flash.torn = dies_at, torn
    try:
        life(device)
    except PowerCut:
        pass
    return ended(device, (late, dies_at, torn))


def ended(device, what):
    """A whole release starts, and going on from there the new one comes to stay."""
    device.flash.revive()
    slot, updater = device.start().slot, device.updater
    assert slot, what
    assert device.program() == RELEASES[updater.running_sequence], what
    fetched = (wanted(updater) or (0, 0))[1]
    life_goes_on(device)
    assert (device.updater.running_sequence, device.program()) == (6, NEW), what
    for _ in range(4):
        device.start()
        assert device.program() == NEW, what
    left = sorted([name for name in device.flash.files if "/" not in name])
    assert left in (["slots-a", "slots-b"], ["slots-b"], ["slots-new", "slots-a", "slots-b"]), (what, left)
    return fetched


def life_goes_on(device):
    """Whatever was left to do."""
    if device.updater.running_sequence != 6:
        device.update(NEW, 6)
    assert device.updater.confirm()


def test_a_cut_at_every_operation():
    """Each operation, with nothing, a part, or almost all of the write in flash; a file written through, or there at its close."""
    for late in (False, True):
        count = operations(late)
        assert count > 50
        resumed = 0
        for dies_at in range(1, count + 1):
            # What is there only at its close is never torn.
            for torn in (100,) if late else (0, 100, 254):
                resumed += cut(late, dies_at, torn) > 0
        # What had been fetched before a cut was not fetched again.
        assert resumed > 3


def test_three_hundred_random_cuts():
    """Two cuts in one update each, the second in what the first left to do."""
    seed = 20261124
    for _ in range(300):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        device = begun(bool(seed & 256))
        for dies_at in (1 + (seed >> 9) % 100, 1 + (seed >> 16) % 40):
            device.flash.revive()
            device.flash.dies_at, device.flash.torn = dies_at, seed % 256
            try:
                device.start()
                assert device.program() == RELEASES[device.updater.running_sequence], seed
                life_goes_on(device)
            except PowerCut:
                pass
        ended(device, seed)


def test_a_cut_while_going_back():
    """The start that gives a trial up, cut at every operation: the release before runs, the failed one is not tried again."""
    for late in (False, True):
        for dies_at in range(1, 8):
            device = Device(Flash(late))
            device.start()
            device.update(NEW, 6, restart=False)
            for _ in range(3):
                device.start()
            device.flash.revive()
            device.flash.dies_at = dies_at
            try:
                device.start()
            except PowerCut:
                pass
            device.flash.revive()
            for _ in range(3):
                device.start()
                assert (device.slot, device.program()) == ("a", OLD), dies_at
            assert device.updater.offer(made(NEW, 6)[1], NOW, FREE, False) == "failed before"


def test_a_flash_that_takes_nothing_more_leaves_what_runs():
    """Full from any operation on: never ready, nothing raised, the old program starts; with room again the update ends."""
    for full_at in range(1, operations(False), 2):
        device = begun(False)
        device.start()
        device.flash.full_at = device.flash.operations + full_at
        device.flash.cut = full(device.flash)
        if device.updater.offer(made(NEW, 6)[1], NOW, FREE, False) is None:
            fetch(device.updater, made(NEW, 6)[0])
            while device.updater.step():
                pass
        was_ready = device.updater.ready
        device.start()
        assert device.program() == RELEASES[device.updater.running_sequence]
        assert was_ready or device.slot == "a"
        device.flash.full_at = 1 << 29
        device.start()
        life_goes_on(device)
        assert device.program() == NEW


def test_what_flash_forgot_is_not_started():
    """A file that reads back otherwise than it was written: not ready, and an error in the report."""
    device = begun(False)
    device.start()
    device.updater.offer(made(NEW, 6)[1], NOW, FREE, False)
    fetch(device.updater, made(NEW, 6)[0])
    while device.updater.step():
        if "b/protocol/cbor.mpy" in device.flash.files:
            device.flash.files["b/firmware/main.py"] = b"print('now')\n"
    assert not device.updater.ready
    assert device.updater.status()["last_error"] == "flash failed"
    assert device.updater.status()["state"] == "stopped"
    assert device.start().slot == "a"


def test_an_image_that_changes_while_it_is_unpacked_is_none():
    """Its digest is reckoned again over what was unpacked."""
    device = begun(False)
    device.start()
    device.updater.offer(made(NEW, 6)[1], NOW, FREE, False)
    fetch(device.updater, made(NEW, 6)[0])
    image = device.flash.files["image-1"]
    while device.updater.step():
        if "b/contents" not in device.flash.files and "image-1" in device.flash.files:
            device.flash.files["image-1"] = image.replace(b"print('new')", b"print('odd')")
    assert not device.updater.ready
    assert device.updater.status()["last_error"] == "an image of another release: 6"


def test_a_trial_that_no_start_could_count_is_not_lost_by_a_cut():
    """Flash took the trial and then no try; with room again it is laid down anew, and a cut there does not condemn it."""
    for dies_at in range(1, 30):
        device = begun(False)
        device.start()
        device.update(NEW, 6, restart=False)
        put_back, device.flash.rename = device.flash.rename, refuse
        assert device.start().slot == "a"
        assert not device.updater.ready
        device.flash.rename = put_back
        device.flash.revive()
        device.flash.dies_at = dies_at
        try:
            while device.updater.step():
                pass
        except PowerCut:
            pass
        ended(device, dies_at)


def test_nor_is_it_condemned_by_a_cut_after_it_was_fetched_again():
    """Its image went part by part while it was laid down the first time: it is fetched anew, and laid down anew."""
    cuts = 0
    for dies_at in range(1, 60):
        device = begun(False)
        device.start()
        device.update(NEW, 6, restart=False)
        put_back, device.flash.rename = device.flash.rename, refuse
        assert device.start().slot == "a"
        device.flash.rename = put_back
        fetch(device.updater, made(NEW, 6)[0])
        device.flash.revive()
        device.flash.dies_at = dies_at
        try:
            while device.updater.step():
                pass
        except PowerCut:
            cuts += 1
        ended(device, dies_at)
    assert cuts > 20


def test_what_is_in_flash_must_be_signed_too():
    """An offer that was changed in flash, with an image to it: fetched in full, and never a program."""
    device = begun(False)
    device.start()
    device.updater.offer(made(NEW, 6)[1], NOW, FREE, False)
    device.flash.files["offer"] = release.manifest(release.image(NEWER), 7, b"whoever got at the flash of a pole"[:32])
    device.start()
    assert wanted(device.updater) == (7, 0)
    fetch(device.updater, release.image(NEWER))
    while device.updater.step():
        pass
    assert not device.updater.ready
    assert device.start().slot == "a"


def test_an_image_longer_than_its_release_is_begun_anew():
    """Left by something else: no block is asked for behind its end, nor behind that of a part."""
    for parts in ((PART, PART), (PART + 512,), (PART - 511, PART)):
        device = begun(False)
        device.start()
        device.updater.offer(made(NEW, 6)[1], NOW, FREE, False)
        for number, size in enumerate(parts):
            device.flash.files["image-%d" % number] = bytes(size)
        device.start()
        assert wanted(device.updater) == (6, 0 if parts[0] >= PART else PART - 512)
        device.flash.files["image-0"] = made(NEW, 6)[0][: PART - 511]
        life_goes_on(device)
        assert device.program() == NEW


def refuse(*_):
    """A flash that takes nothing."""
    raise OSError(28)


def full(flash):
    """Counts like Flash.cut, and from `full_at` on there is no room."""

    def cut():
        flash.operations += 1
        if flash.operations >= flash.full_at:
            raise OSError(28)
        return False

    return cut
