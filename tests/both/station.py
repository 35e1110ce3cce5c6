"""A center on a bench whose program came by a release, for tests on both interpreters."""

from firmware.identity import Identity
from simulator import release
from simulator.flash import Flash
from simulator.slots import Device, activate, enrol, put
from tests.both.bench import Bench, device

OLD = {"firmware/main.mpy": b"old" * 300, "protocol/codes.mpy": b"codes"}
NEW = {"firmware/main.mpy": b"new" * 500, "protocol/codes.mpy": b"other"}
IMAGE = release.image(NEW)
MANIFEST = release.manifest(IMAGE, 2, expiry=2000000000)


class Station(Bench, Device):
    """Release 1 runs in slot a; all that a bench can do, and all that a device of simulator.slots can."""

    def __init__(self, release_key=None):
        files = Flash()
        put(files, "a", OLD, 1)
        activate(files, "a")
        content = device()
        content["release_key"] = (release.public_key() if release_key is None else release_key).hex()
        enrol(files, **content)
        Device.__init__(self, files, files.open)
        Bench.__init__(self)
        self.identity = Identity(content)
        self.start()


def on_trial():
    """A station whose new program runs for the first time."""
    station = Station()
    station.offer(MANIFEST)
    station.start()
    station.fetch(IMAGE)
    assert station.start() == "b"
    return station
