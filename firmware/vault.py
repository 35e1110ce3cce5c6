"""What a center keeps in flash: what enrolment wrote, its state in two slots, and how all of it is erased. Called by app.

An erasure begins with the marker file `erased`: from then on nothing is read any more, and each start goes on with the
erasure until nothing secret is left. It ends as a factory-new folder.
"""

import json

from firmware.fetched import PARTS
from firmware.slotted import Slotted, settle, sync
from firmware.state import State, unpack

MARKER = "erased"
# In this order: the root key first, from which all others come. `-new` and `-put` (firmware.factory) are what a cut left of
# a file being written.
SECRETS = (
    "device.json", "device.json-put", "key.der", "key.der-put", "settings-a", "settings-b", "settings-new", "state-a",
    "state-b", "state-new", "cert.der", "cert.der-put", "journal-a", "journal-b", "journal-new", "offer", "offer-new",
    "offer-in", "offer-in-new", "judged", "judged-new",
)  # fmt: skip
# Larger file systems are no board's; there the files are overwritten in place, and the rest is not filled.
SCRUB_OCTETS = 16 << 20
_ZEROS = bytes(256)
_MISSING = 2  # ENOENT
_FULL = 28  # ENOSPC


class Unprovisioned(Exception):
    """There is nothing to be a center with.

    Unprovisioned    no device.json: factory-new, or erased before
    └── Erased       the erasure is under way, or has just ended
    """


class Erased(Unprovisioned):
    """This vault is erased; the program must end, and the center be commissioned again."""


class Vault:
    """`folder` is the device's folder with a slash at its end; `files` the os module, or one that fails in a test.

    `feed` is called about every 256 octets of an erasure, which may take half a minute: longer than a watchdog waits.
    """

    def __init__(self, folder, files, opened=open, feed=None):
        self._folder = folder
        self._files = files
        self._open = opened
        self._feed = feed or (lambda: None)
        self._state = Slotted(folder, "state", files, opened)
        self._erasing = False

    def device(self):
        """The file that enrolment wrote; raises Unprovisioned or Erased."""
        self._refuse()
        try:
            with self._open(self._folder + "device.json", "rb") as file:
                return json.loads(file.read())
        except OSError as error:
            if error.args[0] != _MISSING:
                raise
        raise Unprovisioned("%sdevice.json is missing: commission this center" % self._folder)

    def load(self, epoch):
        """The newest whole state, or a new one; of one from another key epoch only the counters are not continued.

        Its boot count must be: central believes no hello with a lower one. Raises Erased.
        """
        self._refuse()
        state = self._state.read(unpack)
        if state is None:
            return State(epoch)
        if state.epoch != epoch:
            state.renew(epoch)
        return state

    def save(self, state):
        """Write to the slot that is not the newest one; after it returns, the state survives a power cut.

        Raises OSError, and Erased after `erase`: nothing may come back.
        """
        if self._erasing:
            raise Erased("the vault is erased")
        self._state.write(state.pack())

    def erase(self):
        """Make the folder factory-new. False when the flash refused a part of it: the next start tries again.

        Takes up to half a minute on a board; outputs must be off. The program ends after it.
        """
        self._erasing = True
        marked = False
        whole = True
        # The parts of an image are no secret, but a factory-new folder has none.
        for name in SECRETS + tuple(["image-%d" % number for number in range(PARTS)]):
            # A full flash has no room for the marker before something is gone.
            marked = marked or self._mark()
            whole = self._destroy(self._folder + name) and whole
        whole = self._scrub() and whole
        return whole and self._remove(self._folder + MARKER)

    def doom(self):
        """From here on this vault is to be erased: a power cut before `erase` does not save it. False: flash refuses."""
        return self._mark()

    def _refuse(self):
        """Go on with an erasure that was begun, and refuse everything else."""
        settle(self._folder, self._files)
        if not self._erasing and not self._exists(self._folder + MARKER):
            return
        whole = self.erase()
        raise Erased("the vault is erased: commission this center" if whole else "the flash refuses to be erased")

    def _exists(self, path):
        try:
            with self._open(path, "rb"):
                return True
        except OSError as error:
            # A flash that cannot be read is no reason to erase it.
            if error.args[0] != _MISSING:
                raise
        return False

    def _mark(self):
        path = self._folder + MARKER
        try:
            if not self._exists(path):
                with self._open(path, "wb"):
                    pass  # That it is there says all.
                sync(self._files)
        except OSError:
            return False
        return True

    def _destroy(self, path):
        """Overwrite a file in place, where the file system does that, and remove it; whether it is gone."""
        try:
            with self._open(path, "r+b") as file:
                left = file.seek(0, 2)
                file.seek(0)
                while left > 0:
                    left -= file.write(_ZEROS[:left] if left < len(_ZEROS) else _ZEROS)
                    self._feed()
            sync(self._files)
        except OSError:
            pass  # Missing, or a flash without room for a copy: it is removed all the same.
        return self._remove(path)

    def _remove(self, path):
        try:
            self._files.remove(path)
            sync(self._files)
        except OSError as error:
            return error.args[0] == _MISSING
        return True

    def _scrub(self):
        """Write over what removed files left behind; False when the flash failed at it.

        littlefs never writes in place: the old octets stay in free blocks, and small files in the log of their folder,
        until those are used anew. So the log is made to turn over, then every free block is filled.
        """
        measure = getattr(self._files, "statvfs", None)
        if not measure:
            return True
        path = self._folder + "image-new"
        try:
            blocks = measure(self._folder or ".")
            if blocks[1] * blocks[2] > SCRUB_OCTETS:
                return True
            # At 32 octets and more each, these fill the two blocks of the log twice over.
            for _ in range(blocks[0] // 8):
                with self._open(path, "wb") as file:
                    file.write(_ZEROS[:16])
                self._feed()
            with self._open(path, "wb") as file:
                while file.write(_ZEROS):
                    self._feed()
        except OSError as error:
            if error.args[0] != _FULL:
                return False
        return self._remove(path)
