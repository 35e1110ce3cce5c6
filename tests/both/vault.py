"""Power cuts at every flash operation: what was acted on before is known afterwards, and replaying everything moves nothing."""

from firmware.vault import Vault
from protocol import codes
from tests.both.bench import Bench

INCIDENTS = (11, 12, 13)


class PowerCut(Exception):
    """The supply is gone."""


class Flash:
    """Files in memory that die at operation `dies_at`; a write that is cut leaves half of its octets."""

    def __init__(self):
        self.files = {}
        self.operations = 0
        self.dies_at = None

    def count(self):
        self.operations += 1
        return self.dies_at is not None and self.operations >= self.dies_at

    def rename(self, old, new):
        if self.count():
            raise PowerCut()
        self.files[new] = self.files.pop(old)

    def open(self, path, mode="r"):
        if "w" in mode and self.count():
            raise PowerCut()
        if "w" in mode:
            self.files[path] = b""
        elif path not in self.files:
            raise OSError(2)
        return File(self, path)


class File:
    def __init__(self, flash, path):
        self.flash = flash
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def read(self):
        return self.flash.files[self.path]

    def write(self, octets):
        if self.flash.count():
            self.flash.files[self.path] = octets[: len(octets) // 2]
            raise PowerCut()
        self.flash.files[self.path] = octets


class FlashBench(Bench):
    """A center whose state goes through the real vault onto a flash that may die."""

    def __init__(self, flash, executed=None, boots=None):
        self.medium = flash
        self.executed = [] if executed is None else executed
        self.boots = [] if boots is None else boots
        Bench.__init__(self)

    def boot(self, synchronise=True):
        self.vault = Vault("", self.medium, self.medium.open)
        self.flash = self.vault.load(0).pack()
        Bench.boot(self, False)
        self.vault.save(self.state)
        self.boots.append(self.state.boot)
        if synchronise:
            for authority in codes.AUTHORITIES:
                self.sync(authority)

    def do(self, actions):
        for action in actions:
            if action == ("save",):
                self.vault.save(self.state)
            elif action == ("outputs",):
                if self.center.active and self.center.active.order[2] not in self.executed[-1:]:
                    self.executed.append(self.center.active.order[2])
                self.show()
            else:
                self.said.append(action[1])
        return actions


def life(flash):
    """Sync, two activations of the indicator, a stop, one more."""
    bench = FlashBench(flash)
    frames = []
    for incident in (11, 12):
        frames.append(bench.frame(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1))
        bench.do(bench.center.receive(frames[-1]))
    frames.append(bench.frame(incident=12, action=codes.STOP))
    bench.do(bench.center.receive(frames[-1]))
    frames.append(bench.frame(incident=13, action=codes.ACTIVATE | codes.INDICATOR, duration=1))
    bench.do(bench.center.receive(frames[-1]))
    return bench


def test_a_cut_at_every_operation_and_replay_after_each():
    """No pair is executed twice, no sequence of boots goes backwards, whatever operation the power went at."""
    whole = Flash()
    life(whole)
    assert whole.operations > 12
    for dies_at in range(1, whole.operations + 1):
        flash = Flash()
        flash.dies_at = dies_at
        executed, boots = [], []
        try:
            bench = FlashBench(flash, executed, boots)
            for incident in INCIDENTS:
                bench.command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)
        except PowerCut:
            pass
        flash.dies_at = None
        executed.append(None)
        after = FlashBench(flash, executed, boots)
        for incident in INCIDENTS:
            after.command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)
        assert boots == sorted(set(boots)), (dies_at, boots)
        for incident in INCIDENTS:
            assert executed.count(incident) <= 1, (dies_at, executed)
        # Nothing is lost either: what had not been executed before the cut is executed after it, or was written as executed.
        for incident in INCIDENTS:
            assert after.state.executed(incident, 1)


def test_a_damaged_newest_slot_falls_back_to_the_one_before():
    """Worn flash: one slot rots, the other still holds the state before."""
    flash = Flash()
    bench = FlashBench(flash)
    bench.command(incident=5, action=codes.ACTIVATE | codes.INDICATOR)
    slots = sorted([name for name in flash.files if name.startswith("state-")])
    assert len(slots) == 2
    for name in slots:
        content = flash.files[name]
        flash.files[name] = content[:40] + b"\xff" + content[41:]
        state = Vault("", flash, flash.open).load(0)
        assert state.boot >= 1
        flash.files[name] = content


def test_a_new_device_starts_empty():
    """No state at all: boot count 0, nothing executed."""
    state = Vault("", Flash(), Flash().open).load(0)
    assert state.boot == 0
    assert state.pairs == []


class Ram:
    """A block device that dies at operation `left`; the write it dies in is torn."""

    SIZE = 256

    def __init__(self):
        self.data = bytearray(self.SIZE * 48)
        self.left = None

    def spend(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise OSError(5)

    def readblocks(self, block, into, offset=0):
        at = block * self.SIZE + offset
        # Octet by octet: the collector may close files, and then nothing may be allocated.
        for index in range(len(into)):
            into[index] = self.data[at + index]

    def writeblocks(self, block, octets, offset=None):
        at = block * self.SIZE + (offset or 0)
        count = len(octets)
        if self.left is not None and self.left <= 0:
            count = count // 2 if self.left == 0 else 0
        for index in range(count):
            self.data[at + index] = octets[index]
        self.spend()

    def ioctl(self, operation, argument):
        if operation == 4:
            return 48
        if operation == 5:
            return self.SIZE
        if operation == 6:
            self.spend()
            at = argument * self.SIZE
            for index in range(self.SIZE):
                self.data[at + index] = 0xFF
            return 0


def test_littlefs_cut_at_every_block_operation():
    """The real littlefs of a board on a block device that dies at operation n, with torn writes (MicroPython only)."""
    try:
        from os import VfsLfs2, mount, umount
    except ImportError:
        return
    import os

    survived = 0
    for dies_at in range(0, 60, 2):
        device = Ram()
        VfsLfs2.mkfs(device)
        mount(VfsLfs2(device, readsize=16, progsize=16), "/flash")
        vault = Vault("/flash/", os)
        state = vault.load(0)
        written = 0
        device.left = dies_at
        try:
            for boot in range(1, 6):
                state.boot = boot
                state.execute(boot, 1)
                vault.save(state)
                written = boot
        except OSError:
            pass
        try:
            umount("/flash")
        except OSError:
            pass
        # What the power cut left; nothing that the interpreter still holds reaches it.
        again = Ram()
        again.data[:] = device.data
        mount(VfsLfs2(again, readsize=16, progsize=16), "/flash")
        found = Vault("/flash/", os).load(0)
        umount("/flash")
        # Everything that a save returned for is there; at most the one that was cut is there as well.
        assert written <= found.boot <= written + 1, (dies_at, written, found.boot)
        assert [pair[0] for pair in found.pairs] == list(range(1, found.boot + 1))
        survived += written < 5
    assert survived > 5


class Mounted:
    """The file system of a board as FlashBench wants it."""

    def rename(self, old, new):
        import os

        os.rename("/flash/" + old, "/flash/" + new)  # noqa: PTH104

    def open(self, path, mode="r"):
        return open("/flash/" + path, mode)  # noqa: PTH123


def test_a_center_on_littlefs_acts_once_wherever_the_power_goes():
    """The whole of it on the real file system: cut at every block operation, everything sent again, nothing acted on twice."""
    try:
        from os import VfsLfs2, mount, umount
    except ImportError:
        return
    cuts = 0
    for dies_at in range(0, 150, 3):
        device = Ram()
        VfsLfs2.mkfs(device)
        executed, boots = [], []
        for left in (dies_at, None):
            again = Ram()
            again.data[:] = device.data
            device = again
            mount(VfsLfs2(device, readsize=16, progsize=16), "/flash")
            device.left = left
            try:
                bench = FlashBench(Mounted(), executed, boots)
                for incident in INCIDENTS:
                    bench.command(incident=incident, action=codes.ACTIVATE | codes.INDICATOR, duration=1)
            except OSError:
                assert left is not None
                cuts += 1
            executed.append(None)
            try:
                umount("/flash")
            except OSError:
                pass
        assert boots == sorted(set(boots)), (dies_at, boots)
        for incident in INCIDENTS:
            assert executed.count(incident) <= 1, (dies_at, executed)
            assert bench.state.executed(incident, 1)
    assert cuts > 10
