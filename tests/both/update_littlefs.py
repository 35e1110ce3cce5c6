"""A whole update on the real littlefs of a board, its block device dying at operation n with a torn write (MicroPython only)."""

import os

from firmware import boot
from simulator.slots import Device, enrol, put
from tests.both.flash import Ram, formatted, littlefs, on
from tests.both.updated import NEW, NEWER, OLD, made

# Small blocks, and as many as the reckoning in blocks of 4 kB asks for.
BLOCKS = 560
FOLDER = "/flash/"


class Disk:
    """Takes what `put` lays down, and writes it to the mounted file system."""

    def __init__(self):
        self.files = {}
        self.folders = set()

    def write(self):
        """All of it."""
        for folder in sorted(self.folders):
            os.mkdir(FOLDER + folder)  # noqa: PTH102
        for path in self.files:
            with open(FOLDER + path, "wb") as file:  # noqa: PTH123
                file.write(self.files[path])


def factory():
    """What boards hold that were updated before: release 5 runs in slot a, 4 lies in slot b."""
    disk = Disk()
    put(disk, "a", OLD, 5)
    put(disk, "b", NEWER, 4)
    enrol(disk)
    disk.write()
    state = boot.found(FOLDER)
    state.update({"active": "a", "trial": "", "tries": 0, "sequence": 5})
    boot.store(FOLDER, os, state)


class Life(Device):
    """Start, go on with the update as far as it comes, start again, confirm; what was seen at the first start and at the end."""

    def __init__(self):
        Device.__init__(self, os, open, FOLDER)
        self.first = self.last = None

    def __call__(self):
        self.start()
        self.first = (self.updating.running, self.program())
        if self.updating.running != 6:
            self.update(*made(NEW, 6))
        self.confirm()
        for _ in range(4):
            self.start()
        self.last = (self.updating.running, self.program())

    def program(self):
        """The files of the slot that was started."""
        found = {}
        for top in ("firmware", "firmware/boards", "protocol"):
            place = "%s%s/%s/" % (FOLDER, self.slot, top)
            try:
                names = os.listdir(place[:-1])  # noqa: PTH208
            except OSError:
                continue
            for name in names:
                if "." in name:
                    with open(place + name, "rb") as file:  # noqa: PTH123
                        found[top + "/" + name] = file.read()
        return found


def test_an_update_on_littlefs_wherever_the_power_goes():
    """At each start a whole release, and in the end the new one, confirmed."""
    if not littlefs():
        return
    device = formatted(BLOCKS)
    assert on(device, factory) is None
    before = bytes(device.data)
    whole = Ram(before, BLOCKS)
    assert on(whole, Life()) is None
    assert whole.operations > 150
    cuts = 0
    for dies_at in range(0, whole.operations, 3):
        dying = Ram(before, BLOCKS)
        dying.left = dies_at
        on(dying, Life())
        cuts += dying.left < 0
        after = Life()
        assert on(Ram(dying.data, BLOCKS), after) is None, dies_at
        assert after.first in ((5, OLD), (6, NEW)), (dies_at, after.first)
        assert after.last == (6, NEW), (dies_at, after.last, after.updating.status())
    assert cuts > 80
