"""A center with two slots on a flash in memory, whose board restarts when it is told to, for tests on both interpreters."""

import json

from firmware import boot, install
from firmware.updating import Updating
from protocol.messages import FETCH
from protocol.release import BLOCK, BLOCK_SIZE, OFFER
from simulator import release
from simulator.flash import Flash
from simulator.slots import activate, put
from tests.both.bench import Bench, device

OLD = {"firmware/main.mpy": b"old" * 300, "protocol/codes.mpy": b"codes"}
NEW = {"firmware/main.mpy": b"new" * 500, "protocol/codes.mpy": b"other"}
IMAGE = release.image(NEW)
MANIFEST = release.manifest(IMAGE, 2, expiry=2000000000)


class Restart(Exception):
    """The board was told to restart."""


class Board:
    """A board's flash in memory; a restart is an exception."""

    flash = ""
    kind = "unix"

    def __init__(self, files):
        self.files = files
        self.logged = []

    def outputs_off(self):
        pass

    def feed(self):
        pass

    def free(self):
        return 1 << 20

    def log(self, text):
        self.logged.append(text)

    def restart(self):
        raise Restart


class Station(Bench):
    """A center with slots; `sent` and `noted` are what it says about updates. `starts` counts its starts."""

    def __init__(self, release_key=None):
        Bench.__init__(self)
        key = release.public_key() if release_key is None else release_key
        self.files = Flash()
        content = device()
        content["release_key"] = key.hex()
        self.files.files["device.json"] = json.dumps(content).encode()
        put(self.files, "a", OLD, 1)
        activate(self.files, "a")
        self.identity.release_key = key
        self.board, self.sent, self.noted = Board(self.files), [], []
        self.starts = 0
        self.start()

    def start(self):
        """Start, and again as often as the board restarts before its program runs; the slot that runs then."""
        while True:
            self.starts += 1
            assert self.starts < 60, self.board.logged[-3:]
            path = []
            self.slot = boot.choose("", self.files, self.files.open, path)
            try:
                known = install.finish(self.board, self.files, self.files.open, path)
                break
            except Restart:
                pass
        self.boot()
        self.updating = Updating(
            self.board, self.files, known, self.identity, self.center, self.clock, self.sent.append, self.noted.append,
            self.files.open,
        )  # fmt: skip
        return self.slot

    def offer(self, manifest=MANIFEST, authority=0, key=0, epoch=0, center=42, nonce=None):
        """Hear an offer; whether it was kept."""
        head = (authority, epoch, center)
        self.updating.receive(OFFER.seal(self.identity.pairs[key].down, head, manifest, nonce or self.nonce))
        return install.INCOMING in self.files.files

    def block(self, offset, octets, authority=0, key=0, epoch=0, center=42, nonce=None):
        """Hear a block."""
        head = (authority, epoch, center, 2, offset)
        self.updating.receive(BLOCK.seal(self.identity.pairs[key].down, head, octets, nonce or self.nonce))

    def turn(self, passed_ms=20, linked=True, healthy=True):
        """Time passes; whether the board shall restart."""
        self.tick(passed_ms)
        return self.updating.tick(linked, healthy)

    def fetch(self, image=IMAGE):
        """Answer fetches until the board wants to restart; how many there were."""
        for count in range(60):
            before = len(self.sent)
            if self.turn():
                return count
            assert len(self.sent) == before + 1
            offset = FETCH.open(self.identity.pairs[0].up, self.sent[-1]).offset
            self.block(offset, image[offset : offset + BLOCK_SIZE])
        raise AssertionError("it never ends")


def on_trial():
    """A station whose new program runs for the first time."""
    station = Station()
    station.offer()
    station.start()
    station.fetch()
    assert station.start() == "b"
    return station
