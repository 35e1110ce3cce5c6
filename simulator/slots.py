"""A board with two slots on a flash that may lose its power: what it starts, and updates as central sees them. On both interpreters.

It runs the firmware's own boot, install and updating, spoken to in sealed frames; only the programs in the slots are not run.
"""

import json
from hashlib import sha256

from firmware import boot, install
from firmware.center import Center
from firmware.clock import Clock
from firmware.identity import Identity
from firmware.state import State
from firmware.updating import ASK_AGAIN_MS, Updating
from protocol import codes
from protocol.body import BodyLayout
from protocol.messages import FETCH, HELLO, TIME, Time
from protocol.release import BLOCK, BLOCK_SIZE, OFFER
from simulator import release
from simulator.flash import Flash

KEY = release.public_key()
NOW = release.ISSUED
CENTER = 42
# What enrolment wrote; nothing is loud here.
DOCUMENT = {"center": CENTER, "group": 7, "root": bytes(range(32)).hex(), "release_key": KEY.hex()}
# A board that restarts so often without running its program never will.
STARTS = 30


class Restart(Exception):
    """The board was told to restart."""


class Board:
    """What the firmware asks of a board for an update; a restart is an exception. `room` are the octets that are free."""

    kind = "unix"

    def __init__(self, folder: str) -> None:
        self.flash = folder
        self.room = 1 << 20
        self.logged: list[str] = []

    def outputs_off(self) -> None:
        """Nothing is wired."""

    def feed(self) -> None:
        """A piece of the work is done."""

    def free(self) -> int:
        """Octets of flash that are free."""
        return self.room

    def log(self, text: str) -> None:
        """A line for an installer."""
        self.logged.append(text)

    def restart(self) -> None:
        """Ends whatever runs."""
        raise Restart


class Device:
    """A center on `files` (the os module, or a Flash) and `opened`; `sent` and `noted` is what it says about updates.

    `slot` and `updating` are those of the newest start, `starts` counts them; `now` is central's time, None while it is silent.
    """

    def __init__(self, files: Flash, opened: object, folder: str = "") -> None:
        self.files = files
        self.opened = opened
        self.board = Board(folder)
        self.identity = Identity(DOCUMENT)
        self.sent: list[bytes] = []
        self.noted: list[int] = []
        self.slot = ""
        self.starts = 0
        self.ticks = 1000
        self.now: int | None = NOW

    def start(self) -> str:
        """Start, and again as often as the board restarts before its program runs; the slot that runs then."""
        for _ in range(STARTS):
            self.starts += 1
            path: list[str] = []
            self.slot = boot.choose(self.board.flash, self.files, self.opened, path)
            try:
                known = install.finish(self.board, self.files, self.opened, path)
            except Restart:
                continue
            self.boot()
            self.updating = Updating(
                self.board, self.files, known, self.identity, self.center, self.clock, self.sent.append, self.noted.append,
                self.opened,
            )  # fmt: skip
            return self.slot
        raise AssertionError(f"it starts for ever: {self.board.logged[-3:]}")

    def boot(self) -> None:
        """The program of the slot begins, and central answers its hello."""
        self.nonce = self.starts.to_bytes(8, "big")
        self.clock = Clock(lambda: self.ticks)
        self.center = Center(self.identity, State(), self.clock, self.nonce, 1)
        hellos = [HELLO.peek(action[1]) for action in self.center.tick(0) if action[0] == "hello"]
        for hello in hellos if self.now is not None else ():
            if hello.authority == codes.CENTRAL:
                time = Time(codes.CENTRAL, 0, CENTER, self.now, 0, 0, hello.request)
                self.center.receive(TIME.seal(self.identity.pairs[codes.CENTRAL].down, time, self.nonce))

    def offer(self, manifest: bytes) -> bool:
        """Hear an offer; whether it was kept for the next start."""
        self.hear(OFFER, (), manifest)
        return self.has(install.INCOMING)

    def block(self, sequence: int, offset: int, octets: bytes) -> None:
        """Hear a block."""
        self.hear(BLOCK, (sequence, offset), octets)

    def hear(
        self, layout: BodyLayout, about: tuple[int, ...], body: bytes,
        authority: int = codes.CENTRAL, key: int = codes.CENTRAL, epoch: int = 0, center: int = CENTER,
        nonce: "bytes | None" = None,
    ) -> None:  # fmt: skip
        """A frame from central for this boot, if nothing else is said."""
        head = (authority, epoch, center) + about  # noqa: RUF005 - MicroPython unpacks into no tuple
        self.updating.receive(layout.seal(self.identity.pairs[key].down, head, body, nonce or self.nonce))

    def turn(self, passed_ms: int = 20, linked: bool = True, healthy: bool = True) -> bool:
        """Time passes; whether the board shall restart. A program on trial that is linked and healthy is confirmed by it."""
        self.tick(passed_ms)
        restarts: bool = self.updating.tick(linked, healthy)
        return restarts

    def tick(self, passed_ms: int) -> None:
        """Time passes."""
        self.ticks += passed_ms

    def wanted(self) -> "tuple[int, int] | None":
        """(release, offset) of the block that is asked for, or None."""
        before = len(self.sent)
        self.turn(ASK_AGAIN_MS)
        if len(self.sent) == before:
            return None
        fetch = FETCH.open(self.identity.pairs[codes.CENTRAL].up, self.sent[-1])
        return fetch.release, fetch.offset

    def fetch(self, image: bytes) -> int:
        """Answer each fetch while the blocks are taken; how many there were."""
        count = 0
        before, wanted = None, self.wanted()
        while wanted and wanted != before:
            count += 1
            self.block(wanted[0], wanted[1], image[wanted[1] : wanted[1] + BLOCK_SIZE])
            before, wanted = wanted, self.wanted()
        return count

    def update(self, image: bytes, manifest: bytes) -> str:
        """Offer, fetch, install, begin its trial, going on from wherever it is; empty, or why another program runs.

        Not for a program on trial, which it may confirm.
        """
        before = self.updating.running
        if self.offer(manifest):
            self.start()
        if self.fetch(image):
            self.start()
        return "" if self.updating.running > before else self.error() or f"release {before} runs"

    def error(self) -> str:
        """What went wrong last, for the report."""
        status = self.updating.status()
        return str(status["error"]) if status else ""

    def confirm(self) -> bool:
        """Link and health are good; whether no trial is left."""
        self.turn()
        return not self.updating.busy

    def has(self, name: str) -> bool:
        """Whether a file is in flash."""
        try:
            self.files.stat(self.board.flash + name)
        except OSError:
            return False
        return True

    def program(self) -> dict[str, bytes]:
        """The files of the slot that was started, without `contents`."""
        place = self.slot + "/"
        return {
            path[len(place) :]: octets
            for path, octets in self.files.files.items()
            if path.startswith(place) and not path.startswith(place + "contents")
        }


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


def enrol(flash: Flash, **changes: object) -> None:
    """What enrolment writes; `changes` of its fields."""
    document: dict[str, object] = dict(DOCUMENT)
    document.update(changes)
    flash.files["device.json"] = json.dumps(document).encode()


def activate(flash: Flash, slot: str) -> None:
    """The state of a board that has run from this slot for long."""
    state = boot.found("", flash.open)
    state.update({"active": slot, "trial": "", "tries": 0})
    boot.store("", flash, state, flash.open)
    flash.revive()
