"""A board with two slots for tests of updates: its flash, the releases that it is offered, its starts. Holds no test itself."""

from firmware import boot
from firmware.slots import Updater
from simulator import release
from simulator.flash import Flash

KEY = release.public_key()
NOW = release.ISSUED
FREE = 1 << 20
OLD = {"firmware/main.py": b"print('old')\n", "firmware/gone.py": b"print('gone')\n", "protocol/__init__.py": b""}
NEW = {
    "firmware/__init__.py": b"",
    "firmware/boards/unix.py": b"PANIC = 4\n" * 60,
    "firmware/main.py": b"print('new')\n",
    "protocol/__init__.py": b"",
    "protocol/cbor.mpy": bytes(range(256)) * 3,
    "protocol/keys.mpy": b"M" * 400,
}
NEWER = {"firmware/main.py": b"print('newer')\n"}

_signed = {}


class Device:
    """Flash that a factory filled (release 5 in slot a), and what starts from it."""

    def __init__(self, flash=None, factory=True):
        self.flash = flash or Flash()
        if factory:
            put(self.flash, "a", OLD, 5)

    def start(self):
        """A restart: (slot, updater)."""
        self.path = ["", ".frozen"]
        self.slot = boot.choose("", self.flash, self.flash.open, self.path)
        self.updater = Updater("", self.flash, KEY, "unix", self.flash.open, self.slot)
        return self.slot, self.updater

    def program(self):
        """The files of the slot that was started, without `contents`."""
        place = self.slot + "/"
        return {
            path[len(place) :]: octets
            for path, octets in self.flash.files.items()
            if path.startswith(place) and not path.startswith(place + "contents")
        }

    def update(self, files, sequence, restart=True):
        """Offer, fetch, finish, restart; as it goes on from wherever it is."""
        octets, manifest = made(files, sequence)
        if self.updater.running_sequence != sequence and not self.updater.ready:
            reason = self.updater.offer(manifest, NOW, FREE, False)
            assert reason is None, reason
            fetch(self.updater, octets)
            while self.updater.step():
                pass
            assert self.updater.ready, self.updater.status()
        if restart:
            self.start()


def put(flash, slot, files, sequence):
    """A slot with a whole release, as the factory leaves it."""
    from hashlib import sha256

    lines = b"%d 0.%d\n" % (sequence, sequence)
    folders = [slot]
    for path in sorted(files):
        lines += b"%s %s\n" % (sha256(files[path]).digest().hex().encode(), path.encode())
        flash.files[slot + "/" + path] = files[path]
        parts = path.split("/")[:-1]
        folders += ["/".join([slot] + parts[: count + 1]) for count in range(len(parts))]
    for folder in folders:
        flash.folders.add(folder)
    flash.files[slot + "/contents"] = lines + sha256(lines).digest().hex().encode()


def made(files, sequence, **other):
    """(image, signed manifest), the signature reckoned once."""
    octets = release.image(files)
    what = (octets, sequence, str(sorted(other.items())))
    if what not in _signed:
        _signed[what] = release.manifest(octets, sequence, **other)
    return octets, _signed[what]


def fetch(updater, octets, spoil=None):
    """Give every block that is wanted; `spoil` may change one."""
    while updater.wanted():
        sequence, offset = updater.wanted()
        block = octets[offset : offset + 512]
        updater.block(sequence, offset, spoil(offset, block) if spoil else block)
