"""A board with two slots on a flash that may lose its power: what it starts, and updates from the gateway's side. On both interpreters.

It runs the firmware's own boot and updater; only the programs in the slots are not run.
"""

from hashlib import sha256

from firmware import boot
from firmware.slots import Updater
from simulator import release
from simulator.flash import Flash

KEY = release.public_key()
NOW = release.ISSUED
FREE = 1 << 20
BLOCK = 512


class Device:
    """Starts from `flash`; `updater` and `slot` are those of the newest start."""

    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self.slot = ""
        self.updater = Updater("", flash, KEY, "unix", flash.open)

    def start(self) -> "Device":
        """A restart."""
        self.slot = boot.choose("", self.flash, self.flash.open, [])
        self.updater = Updater("", self.flash, KEY, "unix", self.flash.open, self.slot)
        return self

    def program(self) -> dict[str, bytes]:
        """The files of the slot that was started, without `contents`."""
        place = self.slot + "/"
        return {
            path[len(place) :]: octets
            for path, octets in self.flash.files.items()
            if path.startswith(place) and not path.startswith(place + "contents")
        }

    def fetch(self, image: bytes) -> None:
        """Give every block that is wanted while they are taken, and let the updater do what follows."""
        refused = None
        while True:
            wanted = self.updater.wanted()
            if not wanted:
                if not self.updater.step() and not self.updater.wanted():
                    return
            elif wanted == refused:
                return
            else:
                self.updater.block(wanted[0], wanted[1], image[wanted[1] : wanted[1] + BLOCK])
                refused = wanted if self.updater.wanted() == wanted else None

    def take(self, image: bytes, manifest: bytes) -> str:
        """Offer and fetch; why it did not become ready, empty when it did."""
        reason: str | None = self.updater.offer(manifest, NOW, FREE, False)
        if reason is not None:
            return reason
        self.fetch(image)
        return "" if self.updater.ready else f"not ready: {self.updater.status()}"


def put(flash: Flash, slot: str, files: dict[str, bytes], sequence: int) -> None:
    """A whole release in a slot, as the factory leaves it."""
    lines = b"%d 0.%d\n" % (sequence, sequence)
    flash.folders.add(slot)
    for path in sorted(files):
        lines += b"%s %s\n" % (sha256(files[path]).digest().hex().encode(), path.encode())
        flash.files[slot + "/" + path] = files[path]
        parts = path.split("/")[:-1]
        for count in range(len(parts)):
            flash.folders.add(slot + "/" + "/".join(parts[: count + 1]))
    flash.files[slot + "/contents"] = lines + sha256(lines).digest().hex().encode()


def activate(flash: Flash, slot: str) -> None:
    """The state of a board that has run from this slot for long."""
    state = boot.found("", flash.open)
    state.update({"active": slot, "trial": "", "tries": 0})
    boot.store("", flash, state, flash.open)
    flash.revive()
