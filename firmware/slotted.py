"""One value kept in two files, a digest and a generation on each. Used by vault (state), settings and slots of a program.

The older file is replaced whole by a rename and the newer one never touched, so a cut at any moment leaves at least the
value before. On littlefs remove-then-rename lost counters on a model of power cuts: nothing is removed first.
"""

from hashlib import sha256

from protocol.errors import Malformed

_SLOTS = ("-a", "-b")
_GENERATION = 4
_DIGEST = 32


class Slotted:
    """Files `<name>-a`, `<name>-b` and, while one is written, `<name>-new` in `folder` (with a slash at its end).

    `files` is the os module, or one that fails in a test.
    """

    def __init__(self, folder, name, files, opened=open):
        self._path = folder + name
        self._files = files
        self._open = opened
        self._generation = 0
        self._slot = 0

    def read(self, parse):
        """What `parse` makes of the newest whole body that it takes, or None.

        `parse` raises Malformed or ValueError for octets that are none of its own; then the other file counts.
        """
        settle(self._path, self._files)
        best = None
        self._generation = 0
        for index in (0, 1):
            body = self._body(index)
            generation = int.from_bytes(body[:_GENERATION], "big")
            if generation <= self._generation:
                continue
            try:
                best = parse(body[_GENERATION:])
            except (Malformed, ValueError):
                continue
            self._generation = generation
            self._slot = index
        return best

    def write(self, body):
        """Write over the older file; after it returns, `body` survives a power cut. Raises OSError."""
        self._generation += 1
        target = 1 - self._slot
        body = self._generation.to_bytes(_GENERATION, "big") + body
        with self._open(self._path + "-new", "wb") as file:
            file.write(sha256(body).digest() + body)
        self._files.rename(self._path + "-new", self._path + _SLOTS[target])
        sync(self._files)
        self._slot = target

    def _body(self, index):
        """Generation and value of one file, or nothing when it is missing or damaged."""
        try:
            with self._open(self._path + _SLOTS[index], "rb") as file:
                content = file.read()
        except OSError:
            return b""
        body = content[_DIGEST:]
        return body if sha256(body).digest() == content[:_DIGEST] else b""


def sync(files):
    """What was written reaches the medium; littlefs has done so when a file is closed, and has no call for it."""
    call = getattr(files, "sync", None)
    if call:
        call()


def settle(folder, files):
    """Finish what a cut interrupted, before anything is read: to be called first by whoever reads after a start.

    After a rename that a cut halved, littlefs does not find the file that follows the renamed one in its folder, until
    something is changed (the shift in its lfs_dir_getslice): the newer state would be missing, or device.json. Removing
    what is not there makes it consistent.
    """
    remove = getattr(files, "remove", None)
    try:
        if remove:
            remove(folder + "none")
    except OSError:
        pass
