"""The heavy part of an update: judges a signed offer, makes room for its image, lays the image down in the slot that does not
run, and sets its trial. Called by install at a start; boot.py does the rest. It never touches the slot that runs, and starts nothing.
"""

from firmware import boot, manifest
from firmware.boot import TRIES
from firmware.fetched import Fetched
from firmware.package import Reader
from firmware.unpack import Needed, emptied, held, unpack
from protocol.errors import Malformed, ProtocolError
from protocol.manifest import unpack as unpacked

# So much of flash stays free for state, settings and journal, whatever is fetched or unpacked.
SPARE = 24576


class Updater:
    """`folder` ends with a slash; `files` is the os module. `slot` is the one that runs, "" where the program came from none,
    and `sequence` its release, 0 for a program that came by none.

    `offered` is the manifest that was taken, None for none; `ready`: its release waits in the other slot for a restart;
    `stopped`: flash or memory gave way, and nothing more is done before the offer is made again. `error` is the last one.
    """

    def __init__(self, folder, files, release_key, board_class, slot, sequence, opened=open):
        self._folder = folder
        self._files = files
        self._key = release_key
        self._board = board_class
        self._slot = slot
        self._sequence = sequence
        self._open = opened
        self.ready = self.stopped = False
        self.error = ""
        self._state = boot.read(folder, opened) or boot.found(folder, opened)
        self._image = Fetched(folder, files, opened)
        self._look()

    def offer(self, octets, now, free):
        """None when this signed manifest is taken (or was), else why it is not. Raises OSError for a flash that fails.

        `now`: Unix seconds of central's time when it came; `free`: octets of flash that are free. Takes the second or two of a
        signature once all the rest is well.
        """
        if not self._slot:
            return "not started from a slot"
        if self.offered and octets == self._offer:
            return None
        try:
            one = unpacked(octets)
            free += held(self._folder + self._other(), self._files)
            # No alarm runs at a start.
            reason = self._against(one, now) or manifest.acceptable(one, self._sequence, self._board, now, free)
            if reason:
                return reason
            manifest.read(octets, self._key)
        except ProtocolError as error:
            return str(error)
        self._take(octets)
        return None

    def work(self):
        """A generator of small pieces of the work on flash, between which the watchdog wants to be fed.

        It makes room for the image. Once all of that was fetched, it checks the digest, unpacks it, reads it back, sets the trial;
        then `ready`. An image that is not the signed one, or does not fit, is forgotten with its offer.
        """
        try:
            if self.offered:
                yield from self._make_room()
            if self.offered and self._have >= self.offered.size:
                yield from self._finish()
        except ProtocolError as error:
            self._forget(error)
        except (OSError, MemoryError) as error:
            self.error = "flash failed" if isinstance(error, OSError) else "memory failed"
            self.stopped = True

    def _against(self, one, now):
        """What flash remembers against a release."""
        if one.sequence == self._state["failed"]:
            return "failed before"
        if one.sequence < self._state["highest"]:
            return "older than what ran"
        pending = self.offered
        if pending and one.sequence < pending.sequence and now < pending.expiry:
            return "older than what is offered"
        return None

    def _take(self, octets):
        self._drop()
        with self._open(self._folder + "offer-new", "wb") as file:
            file.write(octets)
        self._files.rename(self._folder + "offer-new", self._folder + "offer")
        self._look()

    def _look(self):
        """Read what flash has of an offer and of its image; remove what is of no use any more."""
        try:
            with self._open(self._folder + "offer", "rb") as file:
                self._offer = file.read()
            one = unpacked(self._offer)
        except (OSError, ProtocolError):
            return self._drop()
        if one.sequence <= self._sequence or one.sequence == self._state["failed"]:
            return self._drop()
        self.offered = one
        self._have = self._image.length(one.size)
        return None

    def _drop(self):
        """Forget offer and image."""
        self.offered = None
        self._offer = b""
        self._have = 0
        try:
            self._files.remove(self._folder + "offer")
        except OSError:
            pass
        self._image.remove()

    def _make_room(self):
        """The other slot gives way before the first block where both would not fit."""
        missing = self._image.taken(self.offered.size - self._have) + SPARE
        if self._free() < missing:
            yield from emptied(self._folder + self._other(), self._files)
            if self._free() < missing:
                self._forget("too large")

    def _forget(self, why):
        """What was offered comes to nothing: begin with an offer again."""
        self.error = "%s: %d" % (why, self.offered.sequence)
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
        yield from emptied(self._folder + slot, self._files)
        if self._free() + self._image.taken(offered.size) < needed.octets + SPARE:
            return self._forget("too large")
        yield from unpack(self._folder, slot, self._files, self._image.blocks(offered.size, True), offered, self._open)
        sync = getattr(self._files, "sync", None)
        if sync:
            sync()
        self.ready = self._store(active=self._slot, trial=slot, tries=TRIES, sequence=offered.sequence)
        if not self.ready:
            raise OSError(5)

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
        return "b" if self._slot == "a" else "a"
