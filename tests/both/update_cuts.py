"""Power cuts at every flash operation of a whole update: what starts afterwards is a whole signed release, and the update ends."""

from firmware import boot
from firmware.fetched import PART
from simulator import release
from simulator.flash import Flash, PowerCut
from simulator.slots import activate, put
from tests.both.updated import NEW, NEWER, OLD, Device, fetching, made

RELEASES = {5: OLD, 6: NEW}
IMAGE, MANIFEST = made(NEW, 6)


def begun(late=False):
    """Slots as after some updates: another release lies where the new one will."""
    device = Device(Flash(late))
    put(device.files, "b", NEWER, 4)
    activate(device.files, "a")
    return device


def life(device):
    """A whole update, from wherever it is: start, offer, fetch, unpack, begin the trial, confirm."""
    device.start()
    life_goes_on(device)


def life_goes_on(device):
    """Whatever is left to do after a start."""
    assert device.program() == RELEASES[device.updating.running]
    if device.updating.running != 6:
        device.install(NEW, 6)
    assert device.confirm()


def cut(device, dies_at, work, torn=128):
    """Work whose power goes at an operation on flash; whether it did."""
    device.files.revive()
    device.files.dies_at, device.files.torn = dies_at, torn
    try:
        work(device)
    except PowerCut:
        device.files.revive()
        return True
    device.files.revive()
    return False


def ended(device, what):
    """A whole release starts, and going on from there the new one comes to stay; how much of it was in flash already."""
    assert device.start(), what
    assert device.program() == RELEASES[device.updating.running], what
    fetched = (device.wanted() or (0, 0))[1]
    life_goes_on(device)
    for _ in range(4):
        device.start()
        assert (device.updating.running, device.program()) == (6, NEW), what
    left = [name for name in device.files.files if name.startswith("image")]
    assert left == [], (what, left)
    return fetched


def test_a_cut_at_every_operation():
    """Each operation, with nothing, a part, or almost all of the write in flash; a file written through, or there at its close."""
    for late in (False, True):
        device = begun(late)
        life(device)
        count = device.files.operations
        assert count > 60
        resumed = 0
        for dies_at in range(1, count + 1):
            # What is there only at its close is never torn.
            for torn in (100,) if late else (0, 100, 254):
                device = begun(late)
                assert cut(device, dies_at, life, torn)
                resumed += ended(device, (late, dies_at, torn)) > 0
        # What had been fetched before a cut was not fetched again.
        assert resumed > 3


def test_three_hundred_random_cuts():
    """Two cuts in one update each, the second in what the first left to do."""
    seed = 20261124
    for _ in range(300):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        device = begun(bool(seed & 256))
        for dies_at in (1 + (seed >> 9) % 120, 1 + (seed >> 16) % 40):
            cut(device, dies_at, life, seed % 256)
        ended(device, seed)


def test_a_cut_while_going_back():
    """The start that gives a trial up, cut at every operation: the release before runs, the failed one is not tried again."""
    for late in (False, True):
        for dies_at in range(1, 8):
            device = Device(Flash(late))
            device.start()
            device.install(NEW, 6)
            assert [device.start() for _ in range(2)] == ["b", "b"]
            cut(device, dies_at, Device.start)
            for _ in range(3):
                device.start()
                assert (device.slot, device.program()) == ("a", OLD), dies_at
            assert not device.offer(MANIFEST)
            assert device.error() == "failed before: 6"


def test_a_flash_that_takes_nothing_more_leaves_what_runs():
    """Full from any operation on: nothing raised, a whole program starts; with room again the update ends."""
    whole = begun()
    life(whole)
    for full_at in range(1, whole.files.operations, 2):
        device = begun()
        device.start()
        device.files.full_at = device.files.operations + full_at
        device.files.cut = full(device.files)
        device.update(IMAGE, MANIFEST)
        device.start()
        assert device.program() == RELEASES[device.updating.running]
        device.files.full_at = 1 << 29
        life(device)
        assert device.program() == NEW


def fetched():
    """A board that has all of an image, before the start that lays it down."""
    device = fetching(MANIFEST, started())
    device.fetch(IMAGE)
    return device


def started():
    """A board with a release in each slot, running."""
    device = begun()
    device.start()
    return device


def test_what_flash_forgot_is_not_started():
    """A file that reads back otherwise than it was written: an error in the report, and not fetched again before it is offered again."""
    device = fetched()

    def forget():
        if "b/protocol/cbor.mpy" in device.files.files:
            device.files.files["b/firmware/main.py"] = b"print('now')\n"

    device.board.feed = forget
    assert device.start() == "a"
    assert device.error() == "flash failed"
    assert device.updating.status()["state"] == "idle"
    del device.board.feed
    life(device)
    assert device.program() == NEW


def test_an_image_that_changes_while_it_is_unpacked_is_none():
    """Its digest is reckoned again over what was unpacked."""
    device = fetched()
    image = device.files.files["image-1"]

    def change():
        if "b/contents" not in device.files.files and "image-1" in device.files.files:
            device.files.files["image-1"] = image.replace(b"print('new')", b"print('odd')")

    device.board.feed = change
    assert device.start() == "a"
    assert device.error() == "an image of another release: 6"


def waiting():
    """A board whose flash took the trial of a release and then no try: the program before runs."""
    device = fetched()
    restart, rename = device.board.restart, device.files.rename

    def fail():
        device.files.rename = refuse
        restart()

    device.board.restart = fail
    assert device.start() == "a"
    device.board.restart, device.files.rename = restart, rename
    return device


def test_a_trial_that_no_start_could_count_begins_at_the_next_that_can():
    """The release is not lost."""
    device = waiting()
    assert device.start() == "b"
    life_goes_on(device)


def test_a_release_that_failed_after_it_was_offered_again_is_refused():
    """An offer waits for its judgement while the trial of the same release comes and goes."""
    device = waiting()
    assert device.offer(MANIFEST)
    assert [device.start() for _ in range(4)] == ["b", "b", "b", "a"]
    assert device.error() == "failed before: 6"
    assert device.wanted() is None


def test_a_trial_that_could_not_begin_is_not_condemned_while_its_slot_is_written():
    """A start that could not count its try lays an image down; cut there, that release may still be tried."""
    cuts = 0
    for dies_at in range(1, 80):
        device = fetched()
        put(device.files, "b", NEW, 6)
        state = boot.read("", device.files.open)
        state.update({"trial": "b", "tries": 3, "sequence": 6})
        boot.store("", device.files, state, device.files.open)
        cuts += cut(device, dies_at, start_uncounted)
        assert boot.read("", device.files.open)["failed"] == 0, dies_at
        ended(device, dies_at)
    assert cuts > 20


def start_uncounted(device):
    """A start whose first try to write the state fails."""
    rename = device.files.rename

    def once(old, new):
        device.files.rename = rename
        raise OSError(5)

    device.files.rename = once
    device.start()


def test_what_is_in_flash_must_be_signed_too():
    """An offer that was changed in flash: its image is fetched in full, and never a program."""
    device = fetching(MANIFEST, started())
    device.files.files["offer"] = release.manifest(IMAGE, 7, b"whoever got at the flash of a pole"[:32])
    device.fetch(IMAGE)
    assert device.start() == "a"
    assert device.error() == "nobody signed this manifest with the release key: 7"
    assert device.program() == OLD


def test_an_image_longer_than_its_release_is_begun_anew():
    """Left by something else: no block is asked for behind its end, nor behind that of a part."""
    for parts in ((PART, PART), (PART + 512,), (PART - 511, PART)):
        device = fetching(MANIFEST, started())
        for number, size in enumerate(parts):
            device.files.files["image-%d" % number] = bytes(size)
        device.start()
        assert device.wanted() == (6, 0 if parts[0] >= PART else PART - 512)
        device.files.files["image-0"] = IMAGE[: PART - 511]
        life_goes_on(device)
        assert device.program() == NEW


def test_an_offer_that_flash_does_not_take_is_not_refused():
    """It may be offered again, and then it is taken."""
    device = started()
    device.offer(MANIFEST)

    def no_offer(path, mode="r"):
        if path in ("offer", "offer-new"):
            raise OSError(28)
        return device.files.open(path, mode)

    device.opened = no_offer
    assert device.start() == "a"
    assert device.error().startswith("OSError(28")
    device.opened = device.files.open
    life(device)
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
