"""The release image: files with their paths, one behind the other, read as a stream. Called by slots and by the installer.

    SRI 1 | (length of path u8, path, size u32, content) for each file, by path | 0

It opens no file itself, and hands out no path but those of a program: nothing else of the flash can be written by a release.
"""

from hashlib import sha256

from protocol.errors import Malformed

MAGIC = b"SRI\x01"
TOPS = ("firmware", "protocol")
MAX_PATH = 63
_WORD = "abcdefghijklmnopqrstuvwxyz0123456789_"


class Reader:
    """`begin(path, size)` gives what a file is written to: an object with `write(octets)` and `close()`."""

    def __init__(self, begin):
        self._begin = begin
        self._total = sha256()
        self._head = bytearray()
        self._started = self._ended = False
        self._path = ""
        self._file = None
        self._left = 0

    def feed(self, octets):
        """The next octets of the image, any number; raises Malformed, and what writing raises."""
        self._total.update(octets)
        at = 0
        while at < len(octets):
            if self._left:
                part = octets[at : at + self._left]
                at += len(part)
                self._left -= len(part)
                self._file.write(part)
                self._close_if_whole()
            elif self._ended:
                raise Malformed("octets behind the end of an image")
            else:
                self._head.append(octets[at])
                at += 1
                self._look()

    def end(self):
        """The SHA-256 of all that was fed; raises Malformed when the image is not at its end."""
        if not self._ended:
            raise Malformed("an image that is not whole")
        return self._total.digest()

    def _look(self):
        head = self._head
        if not self._started:
            if len(head) < len(MAGIC):
                return
            if head != MAGIC:
                raise Malformed("not a release image")
            self._started = True
        elif not head[0]:
            self._ended = True
        elif head[0] > MAX_PATH:
            raise Malformed("a path of %d octets in an image" % head[0])
        elif len(head) < head[0] + 5:
            return
        else:
            path = checked(bytes(head[1:-4]))
            if path <= self._path:
                raise Malformed("%s is not in its order in the image" % path)
            self._path = path
            self._left = int.from_bytes(head[-4:], "big")
            self._file = self._begin(path, self._left)
            self._close_if_whole()
        self._head = bytearray()

    def _close_if_whole(self):
        if not self._left:
            self._file.close()


def checked(octets):
    """A path as text: below a top folder of the program, words and one dot before `py` or `mpy`; raises Malformed."""
    text = "".join([chr(octet) for octet in octets])
    parts = text.split("/")
    name, _, kind = parts[-1].partition(".")
    words = parts[:-1] + [name]
    if parts[0] not in TOPS or kind not in ("py", "mpy") or len(text) > MAX_PATH:
        raise Malformed("no path of a program: %r" % text)
    for word in words:
        if not word or [letter for letter in word if letter not in _WORD]:
            raise Malformed("no path of a program: %r" % text)
    return text
