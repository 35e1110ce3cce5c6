"""Flash that dies, for tests on both interpreters: files in memory, and a block device under a real littlefs."""


class PowerCut(Exception):
    """The supply is gone."""


class Flash:
    """Files in memory that die at operation `dies_at`; of a write that is cut, what `torn` makes of it arrives.

    It is `os` and `open` for what is tested. With `refuses` every operation that changes something raises OSError
    instead, and later ones go on.
    """

    def __init__(self, files=None, torn=None):
        self.files = dict(files or {})
        self.operations = 0
        self.dies_at = None
        self.torn = torn or half
        self.refuses = False
        self.cut = PowerCut  # OSError where the flash says so instead

    def count(self):
        if self.refuses:
            raise OSError(5)
        self.operations += 1
        return self.dies_at is not None and self.operations >= self.dies_at

    def step(self):
        if self.count():
            raise self.cut()

    def rename(self, old, new):
        self.step()
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        if path not in self.files:
            raise OSError(2)
        self.step()
        del self.files[path]

    def open(self, path, mode="r"):
        if "w" in mode or ("a" in mode and path not in self.files):
            self.step()
            self.files[path] = b""
        elif path not in self.files:
            raise OSError(2)
        return File(self, path, len(self.files[path]) if "a" in mode else 0)


class File:
    def __init__(self, flash, path, at):
        self.flash = flash
        self.path = path
        self.at = at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def read(self):
        return self.flash.files[self.path]

    def seek(self, offset, whence=0):
        self.at = offset + (len(self.read()) if whence == 2 else 0)
        return self.at

    def write(self, octets):
        cut = self.flash.count()
        if cut:
            octets = self.flash.torn(octets)
        before = self.read()
        self.flash.files[self.path] = before[: self.at] + octets + before[self.at + len(octets) :]
        self.at += len(octets)
        if cut:
            raise self.flash.cut()
        return len(octets)


def half(octets):
    """A torn write: the first half arrived."""
    return octets[: len(octets) // 2]


def nothing(octets):
    """A torn write: the file is there, its content is not."""
    return b""


def all_but_one(octets):
    """A torn write: the last octet is missing."""
    return octets[:-1]


def blank(octets):
    """A torn write: the length is right, the second half is erased flash."""
    return octets[: len(octets) // 2] + b"\xff" * (len(octets) - len(octets) // 2)


TORN = (half, nothing, all_but_one, blank)


class Ram:
    """A block device that dies at operation `left`; the write it dies in is torn.

    From its end on it answers with an error number: an exception would leave littlefs in the middle of what it was doing.
    """

    SIZE = 256

    def __init__(self, data=None, blocks=48):
        self.blocks = blocks
        self.data = bytearray(data if data is not None else self.SIZE * blocks)
        self.left = None
        self.operations = 0

    def spend(self):
        self.operations += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                return -5
        return 0

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
        return self.spend()

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return self.SIZE
        if operation == 6:
            dead = self.spend()
            at = argument * self.SIZE
            for index in range(self.SIZE if not dead else 0):
                self.data[at + index] = 0xFF
            return dead


def littlefs():
    """Whether this interpreter has the file system of a board."""
    try:
        from os import VfsLfs2
    except ImportError:
        return False
    return bool(VfsLfs2)


def formatted(blocks=48):
    """A new block device with an empty littlefs."""
    from os import VfsLfs2

    device = Ram(None, blocks)
    VfsLfs2.mkfs(device)
    return device


def on(device, work):
    """Call `work` with the device mounted at /flash; the OSError it died of, or None. Only what the device holds stays."""
    import os

    os.mount(os.VfsLfs2(device, readsize=16, progsize=16), "/flash")
    died = None
    try:
        work()
    except OSError as error:
        died = error
    try:
        os.umount("/flash")
    except OSError:
        pass
    return died


class Mounted:
    """What `on` mounted, as `os` and `open` for names without a folder."""

    def rename(self, old, new):
        import os

        os.rename("/flash/" + old, "/flash/" + new)  # noqa: PTH104

    def remove(self, path):
        import os

        os.remove("/flash/" + path)  # noqa: PTH107

    def open(self, path, mode="r"):
        return open("/flash/" + path, mode)  # noqa: PTH123
