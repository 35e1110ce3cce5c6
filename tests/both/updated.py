"""Releases for tests of updates, and a board of the factory that is offered them. Holds no test itself."""

from simulator import release, slots
from simulator.flash import Flash
from simulator.slots import enrol, put

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
        enrol(flash)
        slots.Device.__init__(self, flash, flash.open)

    def install(self, files, sequence):
        """Offer, fetch, install, begin its trial, from wherever it is; it must succeed."""
        why = self.update(*made(files, sequence))
        assert not why, why

    def judged(self, manifest):
        """What the start after an offer says of it."""
        assert self.offer(manifest)
        self.start()
        return self.error()


def begun():
    """A started board of release 5."""
    device = Device()
    device.start()
    return device


def fetching(manifest, device=None):
    """A started board that has taken this offer."""
    device = device or begun()
    assert device.judged(manifest) == ""
    return device


def made(files, sequence, **other):
    """(image, signed manifest), the signature reckoned once."""
    octets = release.image(files)
    what = (octets, sequence, str(sorted(other.items())))
    if what not in _signed:
        _signed[what] = release.manifest(octets, sequence, **other)
    return octets, _signed[what]
