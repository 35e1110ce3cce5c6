"""Lays a release image down in a slot, in small steps. Called by slots on the board and by the installer at the factory.

It decides nothing: that the image is the one that was signed is checked, that it may run is the caller's business.
"""

from hashlib import sha256

from firmware import boot
from firmware.package import Reader
from protocol.errors import Malformed

_FOLDER = 0x4000
_FLASH_BLOCK = 4096


def unpack(folder, slot, files, blocks, offered, opened=open):
    """A generator of small steps; after the last one boot.complete() of the slot is `offered.sequence`.

    `blocks` is an image as octets piece by piece. Raises Malformed when it is not the one of the manifest `offered`, OSError
    when flash fails. The slot is no program from the first step on; `contents` is written last, so that one half unpacked
    never is.
    """
    place = folder + slot
    for _ in emptied(place, files):
        yield
    writer = _Writer(place + "/", files, opened)
    try:
        reader = Reader(writer.begin)
        for block in blocks:
            reader.feed(block)
            yield
        if reader.end() != offered.digest:
            raise Malformed("an image of another release")
    finally:
        writer.close()
    total = sha256()
    with opened(place + "/contents-new", "wb") as file:
        for line in [b"%d %s\n" % (offered.sequence, offered.version.encode())] + writer.lines:
            total.update(line)
            file.write(line)
        file.write(total.digest().hex().encode())
    yield
    files.rename(place + "/contents-new", place + "/contents")
    yield
    # Every file is read back; what flash did not keep must not be started.
    if boot.complete(folder, slot, opened) != offered.sequence:
        raise OSError(5)


class Needed:
    """What a slot takes of littlefs, in `octets`: a Reader's `begin` that writes nothing. Within two blocks of what was measured."""

    def __init__(self):
        # The folder of the slot, and what littlefs keeps twice while it grows.
        self.octets = 8 * _FLASH_BLOCK
        self._folders = set()

    def begin(self, path, size):
        """One file more, and perhaps a folder."""
        above = path.rsplit("/", 1)[0]
        if above not in self._folders:
            self._folders.add(above)
            self.octets += 2 * _FLASH_BLOCK
        # An entry in the folder, a line of `contents`; up to 512 octets lie in the folder, which is never full.
        self.octets += 350 + (_blocks(size) if size > 512 else 5 * size)
        return self

    def write(self, _octets):
        """Nothing."""

    def close(self):
        """Nothing."""


def held(place, files):
    """Octets of flash that emptying a folder gives back, rather too few; littlefs keeps up to 512 in the folder itself."""
    total = 0
    try:
        for name in files.listdir(place):
            mode, size = [files.stat(place + "/" + name)[index] for index in (0, 6)]
            if mode & _FOLDER:
                total += 2 * _FLASH_BLOCK + held(place + "/" + name, files)
            elif size > 512:
                total += _blocks(size)
    except OSError:
        pass
    return total


def _blocks(size):
    return (size + _FLASH_BLOCK - 1) & -_FLASH_BLOCK


class _Writer:
    """The file that is being written, and a line of `contents` for each that was."""

    def __init__(self, place, files, opened):
        self._place = place
        self._files = files
        self._open = opened
        self._file = None
        self._made = ""
        self.lines = []

    def begin(self, path, _size):
        """Open a file, its folders made."""
        above = path.rsplit("/", 1)[0]
        if above != self._made:
            self._made = above
            below = ""
            for part in above.split("/"):
                below += part
                try:
                    self._files.mkdir(self._place + below)
                except OSError:
                    # It is there; if it is not, opening the file fails.
                    pass
                below += "/"
        self._path = path
        self._total = sha256()
        self._file = self._open(self._place + path, "wb")
        return self

    def write(self, octets):
        """The next octets of this file."""
        self._total.update(octets)
        self._file.write(octets)

    def close(self):
        """This file is whole, or given up."""
        if self._file:
            self._file.close()
            self._file = None
            self.lines.append(b"%s %s\n" % (self._total.digest().hex().encode(), self._path.encode()))


def emptied(place, files):
    """A generator of small steps to a folder in which nothing is, made if need be; `contents` goes first."""
    try:
        files.remove(place + "/contents")
    except OSError:
        pass
    yield
    try:
        files.mkdir(place)
    except OSError:
        for _ in _without(place, files):
            yield


def _without(place, files):
    for name in files.listdir(place):
        path = place + "/" + name
        if files.stat(path)[0] & _FOLDER:
            for _ in _without(path, files):
                yield
            files.rmdir(path)
        else:
            files.remove(path)
        yield
