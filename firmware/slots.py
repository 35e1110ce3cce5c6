"""Updates of the program: takes a signed offer, keeps what is fetched, lays it down in the slot that does not run, and asks
for a restart. Called by app; boot.py does the rest. It never touches the slot that runs, and starts nothing itself.
"""

import sys

from firmware import boot, manifest
from firmware.boot import SLOTS, TRIES
from firmware.fetched import BLOCK, Fetched
from firmware.package import Reader
from firmware.unpack import Needed, emptied, held, unpack
from protocol.errors import Malformed, ProtocolError
from protocol.manifest import unpack as unpacked

# So much of flash stays free for state, settings and journal, whatever is fetched or unpacked.
SPARE = 24576
# So often an image may turn out not to be the signed one before its offers are refused until the next start: flash wears.
SPOILED = 3


class Updater:
    """`folder` ends with a slash; `files` is the os module. `running` is the slot that runs, by default from sys.path.

    `ready`: a release waits in the other slot for a restart, which the caller makes when no alarm runs. `on_trial`: this
    program must be confirmed. `running_sequence` is 0 for a program that came by no release.
    """

    def __init__(self, folder, files, release_key, board_class, opened=open, running=None):
        self._folder = folder
        self._files = files
        self._key = release_key
        self._board = board_class
        self._open = opened
        self._running = running or _started(folder)
        self._work = None
        self._stopped = False
        self._spoiled = (0, 0)
        self._error = ""
        self.ready = False
        self._state = boot.read(folder, opened) or boot.found(folder, opened)
        self.on_trial = self._running is not None and self._state["trial"] == self._running
        self.running_sequence = self._sequence()
        self._offer = b""
        self._offered = None
        self._have = 0
        self._roomy = False
        self._image = Fetched(folder, files, opened)
        self._look()

    def offer(self, octets, now, free, alarm):
        """None when this signed manifest is taken (or was), else why it is not.

        `now`: Unix seconds of central's time or None; `free`: octets of flash that are free; `alarm`: whether one runs.
        Takes the second or two of a signature once all the rest is well.
        """
        if self._running is None:
            return "not started from a slot"
        if self.on_trial or self.ready:
            return "a trial comes first"
        if self._offered and octets == self._offer:
            self._stopped = False
            return None
        try:
            one = unpacked(octets)
            free += held(self._folder + self._other(), self._files)
            reason = self._against(one, now) or manifest.acceptable(
                one, self.running_sequence, self._board, now, free, alarm
            )
            if reason:
                return reason
            manifest.read(octets, self._key)
        except ProtocolError as error:
            return str(error)
        return self._take(octets)

    def wanted(self):
        """(sequence, offset) of the block to fetch next, or None."""
        if self._offered is None or self._stopped or self.ready or not self._roomy or self._have >= self._offered.size:
            return None
        return self._offered.sequence, self._have

    def block(self, sequence, offset, octets):
        """Keep a block (512 octets, the last one what is left) if it is the wanted one; how much is there, in percent.

        It writes to flash: not while an alarm runs.
        """
        if self.wanted() == (sequence, offset) and len(octets) == min(BLOCK, self._offered.size - offset):
            try:
                self._image.write(offset, octets)
                self._have = offset + len(octets)
            except OSError:
                self._fault("flash failed")
        return self._percent()

    def step(self):
        """A small piece of the work on flash; False when there is no more for now: perhaps a block is wanted. Not in an alarm.

        Before the first block it makes room; after the last it checks the digest of all that was fetched, unpacks it, reads
        it back, sets the trial; then `ready`.
        """
        if self._work is None:
            if self._offered is None or self._stopped or self.ready or self.wanted():
                return False
            self._work = self._finish() if self._roomy else self._make_room()
        try:
            next(self._work)
            return True
        except StopIteration:
            self._work = None
            return self._offered is not None and not self.ready and not self.wanted()
        except ProtocolError as error:
            self._spoil(str(error))
        except (OSError, MemoryError) as error:
            self._fault("flash failed" if isinstance(error, OSError) else "memory failed")
        self._work = None
        return False

    def confirm(self):
        """The link is up and the self-test passed: this program stays. False when flash does not take it."""
        if not self.on_trial:
            return True
        if not self._store(
            active=self._running, trial="", why="", highest=max(self._state["highest"], self.running_sequence)
        ):
            return False
        self.on_trial = False
        self._look()
        return True

    def failed(self):
        """The release that was tried last and did not come up, 0 for none."""
        return self._state["failed"]

    def status(self):
        """For the report: what runs, what is offered, how far it is, what went wrong last."""
        state = "fetching" if self._offered else "idle"
        if self._offered and self._have >= self._offered.size:
            state = "checking"
        for name, holds in (("stopped", self._stopped), ("ready", self.ready), ("trial", self.on_trial)):
            if holds:
                state = name
        known = self._state
        failed = "%s: %d" % (known["why"], known["failed"]) if known["why"] else ""
        return {
            "running": self.running_sequence,
            "sequence": self._offered.sequence if self._offered else 0,
            "percent": self._percent(),
            "state": state,
            "last_error": self._error or failed,
        }

    def _against(self, one, now):
        """What flash remembers against a release."""
        if one.sequence == self._state["failed"]:
            return "failed before"
        if one.sequence < self._state["highest"]:
            return "older than what ran"
        pending = self._offered
        if pending and one.sequence < pending.sequence and (now is None or now < pending.expiry):
            return "older than what is offered"
        if self._spoiled[0] == one.sequence and self._spoiled[1] >= SPOILED:
            return "its image was spoiled too often"
        return None

    def _take(self, octets):
        self._drop()
        try:
            with self._open(self._folder + "offer-new", "wb") as file:
                file.write(octets)
            self._files.rename(self._folder + "offer-new", self._folder + "offer")
        except OSError:
            return "flash failed"
        self._error = ""
        self._look()
        return None

    def _look(self):
        """Read what flash has of an offer and of its image; remove what is of no use any more."""
        try:
            with self._open(self._folder + "offer", "rb") as file:
                self._offer = file.read()
            one = unpacked(self._offer)
        except (OSError, ProtocolError):
            return self._drop()
        if one.sequence <= self.running_sequence or one.sequence == self._state["failed"]:
            return self._drop()
        self._offered = one
        self._roomy = False
        self._have = self._image.length(one.size)
        return None

    def _drop(self):
        """Forget offer and image."""
        if self._work:
            self._work.close()
        self._work = self._offered = None
        self._offer = b""
        self._have = 0
        self._stopped = False
        try:
            self._files.remove(self._folder + "offer")
        except OSError:
            pass
        self._image.remove()

    def _make_room(self):
        """The other slot gives way before the first block where both would not fit."""
        missing = self._image.taken(self._offered.size - self._have) + SPARE
        if self._free() < missing:
            for _ in emptied(self._folder + self._other(), self._files):
                yield
            if self._free() < missing:
                return self._too_large()
        self._roomy = True

    def _too_large(self):
        self._work = None
        self._error = "too large: %d" % self._offered.sequence
        self._drop()

    def _free(self):
        found = self._files.statvfs(self._folder or ".")
        return found[0] * found[3]

    def _finish(self):
        offered = manifest.read(self._offer, self._key)
        yield
        needed = Needed()
        reader = Reader(needed.begin)
        for block in self._image.blocks(offered.size):
            reader.feed(block)
            yield
        if reader.end() != offered.digest:
            raise Malformed("the image is not the one that was signed")
        if self._state["trial"] and not self._store(trial=""):
            raise OSError(5)
        slot = self._other()
        for _ in emptied(self._folder + slot, self._files):
            yield
        if self._free() + self._image.taken(offered.size) < needed.octets + SPARE:
            return self._too_large()
        for _ in unpack(self._folder, slot, self._files, self._image.blocks(offered.size, True), offered, self._open):
            yield
        sync = getattr(self._files, "sync", None)
        if sync:
            sync()
        self.ready = self._store(active=self._running, trial=slot, tries=TRIES, sequence=offered.sequence)
        if not self.ready:
            raise OSError(5)

    def _spoil(self, why):
        """What was fetched is no release: begin with the offer again, not too often."""
        sequence = self._offered.sequence
        self._spoiled = (sequence, self._spoiled[1] + 1 if self._spoiled[0] == sequence else 1)
        self._error = "%s: %d" % (why, sequence)
        self._drop()

    def _fault(self, why):
        """Flash or memory gave way: rest until the offer is made again, or until the next start."""
        self._error = why
        self._look()
        self._stopped = True

    def _store(self, **changes):
        state = dict(self._state)
        state.update(changes)
        try:
            boot.store(self._folder, self._files, state, self._open)
        except OSError:
            return False
        self._state = state
        return True

    def _other(self):
        return "b" if self._running == "a" else "a"

    def _percent(self):
        return 100 * self._have // self._offered.size if self._offered else 0

    def _sequence(self):
        try:
            with self._open("%s%s/contents" % (self._folder, self._running), "rb") as file:
                return int(file.read(11).split()[0].decode())
        except (OSError, ValueError, IndexError):
            return 0


def _started(folder):
    for slot in SLOTS:
        if folder + slot in sys.path:
            return slot
    return None
