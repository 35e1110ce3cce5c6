"""Erasing the vault: cut anywhere, it is either whole or refuses everything and goes on until nothing secret is left."""

import json

from firmware.journal import Journal
from firmware.settings import Settings
from firmware.vault import MARKER, Erased, Unprovisioned, Vault
from tests.both.bench import ROOT, device
from tests.both.flash import TORN, Flash, PowerCut, Ram, formatted, littlefs, on

KEY = b"\x30\x77\x02\x01\x01" + bytes(range(0x40, 0x60)) * 3
FOB = {"slot": 1, "kind": 2, "id": 5, "key": "5cec6701b79fd949", "counter": 7}
# What may never be found again, as octets.
HIDDEN = (ROOT.hex().encode(), bytes(range(0x40, 0x60)), b"5cec6701b79fd949", b"hush hush", b"Plaza")
# All that may be in the folder of a center, those first that are erased first.
SECRETS = (
    "device.json", "device.json-put", "key.der", "key.der-put", "settings-a", "settings-b", "settings-new", "state-a",
    "state-b", "state-new", "cert.der", "cert.der-put", "journal-a", "journal-b", "journal-new", "offer", "offer-new",
    "offer-in", "offer-in-new", "judged", "judged-new", "image-0", "image-1", "image-34",
)  # fmt: skip
# What is no secret of this center: the program and what it was told by everybody.
KEPT = ("ca.der", "clock", "slots-a", "slots-b")


def commission(folder, files, opened=open):
    """A center that has lived: every file that it may have, each with something hidden in it."""
    vault = Vault(folder, files, opened)
    settings = Settings(folder, files, opened)
    kept = Journal(folder, files, opened)
    settings.fobs = [FOB]
    settings.set("name", "Plaza")
    for boot in (1, 2):
        state = vault.load(0)
        state.boot = boot
        vault.save(state)
        assert settings.save()
        for number in range(129):
            kept.add(number, boot, 0x20)
            assert number % 30 or kept.flush()
        assert kept.flush()
    known = dict(device(), wifi={"ssid": "plaza", "key": "hush hush"})
    content = {"device.json": json.dumps(known).encode(), "key.der": KEY, "cert.der": KEY * 5}
    for name in SECRETS + KEPT:
        if name[:-1] not in ("state-", "settings-", "journal-"):
            with opened(folder + name, "wb") as file:
                file.write(content.get(name, b"Plaza" * 9 if name in SECRETS else b"public"))


def commissioned():
    flash = Flash()
    commission("", flash, flash.open)
    assert sorted(flash.files) == sorted(SECRETS + KEPT)
    return flash.files


def start(flash):
    """What a program finds when it starts: "whole", "erased" or "new"."""
    vault = Vault("", flash, flash.open)
    try:
        found = vault.device()
        assert found["root"] == ROOT.hex()
        assert vault.load(0).boot == 2
        return "whole"
    except Erased:
        return "erased"
    except Unprovisioned:
        return "new"


def test_after_an_erasure_only_what_is_public_is_left():
    """At once and at the next start: factory-new. What is still running cannot bring anything back."""
    flash = Flash(commissioned())
    vault = Vault("", flash, flash.open)
    state = vault.load(0)
    assert vault.erase()
    assert sorted(flash.files) == sorted(KEPT)
    for call in (vault.device, lambda: vault.load(0), lambda: vault.save(state)):
        try:
            call()
            raise AssertionError("it goes on")
        except Erased:
            pass
    assert sorted(flash.files) == sorted(KEPT)
    assert start(flash) == "new"


def test_a_file_is_overwritten_before_it_is_removed():
    """Where the file system writes in place, a removed file would keep its octets: all of them are zero before, the root first."""
    flash = Flash(commissioned())
    removed = []

    class Watched(Flash):
        def remove(self, path):
            if path in self.files:
                removed.append(path)
                assert path == MARKER or not any([octet for octet in self.files[path]]), path
            Flash.remove(self, path)

    watched = Watched(flash.files)
    assert Vault("", watched, watched.open).erase()
    assert removed == list(SECRETS) + [MARKER]
    assert removed[0] == "device.json"


def test_a_cut_at_every_operation_of_an_erasure():
    """Before the marker it is whole; after it nothing is read, and each start goes on until it is factory-new."""
    begin = commissioned()
    for torn in TORN:
        seen = []
        died, dies_at = True, 0
        while died:
            dies_at += 1
            flash = Flash(begin, torn)
            flash.dies_at = dies_at
            try:
                assert Vault("", flash, flash.open).erase()
                died = False
            except PowerCut:
                pass
            flash.dies_at = None
            marked = MARKER in flash.files
            found = start(flash)
            assert found == ("erased" if marked else "whole" if died else "new"), (dies_at, found)
            seen.append(found)
            if found != "whole":
                assert sorted(flash.files) == sorted(KEPT), dies_at
                assert start(flash) == "new"
        assert seen == ["whole"] + ["erased"] * (len(seen) - 2) + ["new"]
        assert len(seen) > 2 * len(SECRETS)


def test_a_cut_in_every_continued_erasure():
    """The supply goes again at every start, one operation later each time: it never comes back and ends some day."""
    flash = Flash(commissioned())
    flash.dies_at = 2
    starts = 0
    while True:
        starts += 1
        try:
            if starts == 1:
                Vault("", flash, flash.open).erase()
            else:
                found = start(flash)
                assert found != "whole"
                if found == "new":
                    break
        except PowerCut:
            pass
        flash.dies_at = flash.operations + 1 + starts
    assert sorted(flash.files) == sorted(KEPT)
    assert starts > 10


def test_a_flash_that_refuses_is_told_and_tried_again():
    """Erase says False; nothing is erased by a flash that cannot be read for a moment either."""
    flash = Flash(commissioned())
    flash.refuses = True
    assert not Vault("", flash, flash.open).erase()
    flash.refuses = False
    assert start(flash) == "whole"

    class Stubborn(Flash):
        def remove(self, path):
            if path == "key.der":
                raise OSError(5)
            Flash.remove(self, path)

    stubborn = Stubborn(flash.files)
    assert not Vault("", stubborn, stubborn.open).erase()
    assert sorted(stubborn.files) == sorted(KEPT + ("key.der", MARKER))
    assert not any(stubborn.files["key.der"])
    assert start(stubborn) == "erased"
    assert start(Flash(stubborn.files)) == "erased"

    class Blind(Flash):
        def open(self, path, mode="r"):
            if path == MARKER and mode == "rb":
                raise OSError(5)
            return Flash.open(self, path, mode)

    blind = Blind(commissioned())
    try:
        start(blind)
        raise AssertionError("started without knowing")
    except OSError:
        assert sorted(blind.files) == sorted(SECRETS + KEPT)


def test_a_full_flash_is_erased_too():
    """There is no room for the marker before the first file is gone; then it is written, and the erasure ends."""

    class Full(Flash):
        def open(self, path, mode="r"):
            if path == MARKER and "w" in mode and "device.json" in self.files:
                raise OSError(28)
            return Flash.open(self, path, mode)

        def remove(self, path):
            marked.append(MARKER in self.files)
            Flash.remove(self, path)

    marked = []
    full = Full(commissioned())
    assert Vault("", full, full.open).erase()
    assert not marked[0]
    assert len(marked) > len(SECRETS) and all(marked[1:])
    assert sorted(full.files) == sorted(KEPT)


def hidden_in(data):
    """Which of the hidden things the raw octets of a block device hold."""
    return [one for one in HIDDEN if one in bytes(data)]


def test_littlefs_holds_no_secret_octet_after_an_erasure():
    """Not even in blocks that are free, where removed and overwritten files lie on; the watchdog is fed meanwhile."""
    if not littlefs():
        return
    import os

    # Once in the root of the file system, once in a folder as on a board.
    for folder in ("/flash/", "/flash/device/"):
        disk = formatted(72)
        fed = []

        def live():
            if folder != "/flash/":  # noqa: B023
                os.mkdir(folder[:-1])  # noqa: B023, PTH102
            commission(folder, os)  # noqa: B023

        def erase():
            assert Vault(folder, os, open, lambda: fed.append(1)).erase()  # noqa: B023
            assert sorted(set(os.listdir(folder[:-1])) - {"device"}) == sorted(KEPT)  # noqa: B023, PTH208

        assert on(disk, live) is None
        assert len(hidden_in(disk.data)) == len(HIDDEN)
        disk = Ram(disk.data, 72)
        assert on(disk, erase) is None
        assert hidden_in(disk.data) == []
        assert len(fed) > 100


def test_littlefs_cut_at_every_block_operation_of_an_erasure():
    """Every cut until the files are gone, then every 199th: whole before the marker, afterwards erased, no secret octet left."""
    if not littlefs():
        return
    import os

    begin = formatted(72)
    assert on(begin, lambda: commission("/flash/", os)) is None
    dies_at, found, done = 0, [], [False]
    while not done[0]:
        disk = Ram(begin.data, 72)
        disk.left = dies_at
        left = []

        def erase():
            done[0] = Vault("/flash/", os).erase()

        def look():
            left.append(sorted(os.listdir("/flash")))  # noqa: B023, PTH208
            try:
                assert Vault("/flash/", os).device()["root"] == ROOT.hex()
                found.append("whole")
            except Erased:
                found.append("erased")
            except Unprovisioned:
                found.append("new")
            left.append(sorted(os.listdir("/flash")))  # noqa: B023, PTH208

        on(disk, erase)
        disk = Ram(disk.data, 72)
        assert on(disk, look) is None
        assert found[-1] == ("erased" if MARKER in left[0] else "new" if done[0] else "whole"), dies_at
        if found[-1] != "whole":
            assert left[1] == sorted(KEPT), dies_at
            assert hidden_in(disk.data) == [], dies_at
        dies_at += 199 if len(left[0]) <= len(KEPT) + 1 else 1
    assert found[0] == "whole"
    assert found[-1] == "new"
    assert found.count("erased") > 40
