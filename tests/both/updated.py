"""Releases for tests of updates, and a board of the factory that is offered them. Holds no test itself."""

from simulator import release, slots
from simulator.flash import Flash
from simulator.slots import put

OLD = {"firmware/main.py": b"print('old')\n", "firmware/gone.py": b"print('gone')\n", "protocol/__init__.py": b""}
NEW = {
    "firmware/__init__.py": b"",
    "firmware/boards/unix.py": b"PANIC = 4\n" * 60,
    # The image takes two parts in flash.
    "firmware/large.mpy": bytes(range(200)) * 45,
    "firmware/main.py": b"print('new')\n",
    "protocol/__init__.py": b"",
    "protocol/cbor.mpy": bytes(range(256)) * 3,
    "protocol/keys.mpy": b"M" * 400,
}
NEWER = {"firmware/main.py": b"print('newer')\n"}

_signed = {}


class Device(slots.Device):
    """What a factory filled: release 5 in slot a."""

    def __init__(self, flash=None):
        flash = flash or Flash()
        put(flash, "a", OLD, 5)
        slots.Device.__init__(self, flash)

    def update(self, files, sequence, restart=True):
        """Offer, fetch, finish, restart; it goes on from wherever it is, and must succeed."""
        if self.updater.running_sequence != sequence and not self.updater.ready:
            why = self.take(*made(files, sequence))
            assert not why, why
        if restart:
            self.start()


def made(files, sequence, **other):
    """(image, signed manifest), the signature reckoned once."""
    octets = release.image(files)
    what = (octets, sequence, str(sorted(other.items())))
    if what not in _signed:
        _signed[what] = release.manifest(octets, sequence, **other)
    return octets, _signed[what]


def wanted(updater):
    """The block that is wanted, once there is room for it; without a step of what follows the last block."""
    while updater.wanted() is None and updater.status()["percent"] < 100 and updater.step():
        pass
    return updater.wanted()


def fetch(updater, octets, spoil=None):
    """Give every block that is wanted; `spoil` may change one."""
    while wanted(updater):
        sequence, offset = updater.wanted()
        block = octets[offset : offset + 512]
        updater.block(sequence, offset, spoil(offset, block) if spoil else block)
