"""The image that is being fetched, in parts, so that each can go as soon as it is unpacked: flash does not hold two slots and an
image at once. Called by slots; it knows sizes, and nothing of what the octets mean.
"""

from protocol.manifest import MAX_IMAGE

BLOCK = 512
# Two blocks of 4 kB, in each of which littlefs keeps some octets for itself.
PART = 15 * BLOCK
PARTS = MAX_IMAGE // PART + 1


class Fetched:
    """Files `image-0` and so on in `folder`."""

    def __init__(self, folder, files, opened=open):
        self._folder = folder
        self._files = files
        self._open = opened

    def length(self, size):
        """How many octets of an image of `size` are there, in whole blocks: a cut may have torn the last one."""
        length = 0
        for number in range(PARTS):
            try:
                octets = self._files.stat(self._part(number))[6]
            except OSError:
                break
            if octets > PART:
                return 0
            length += octets
            if octets < PART:
                break
        # Too much is none of ours.
        return 0 if length > size else length if length == size else length // BLOCK * BLOCK

    def taken(self, size):
        """Octets of flash that an image takes."""
        return (size + PART - 1) // PART * 8192

    def write(self, offset, octets):
        """Keep a block; raises OSError."""
        at = offset % PART
        with self._open(self._part(offset // PART), "r+b" if at else "wb") as file:
            file.seek(at)
            file.write(octets)

    def blocks(self, size, spend=False):
        """The octets, block by block; with `spend` each part is removed when it has been given. Raises OSError."""
        for number in range((size + PART - 1) // PART):
            with self._open(self._part(number), "rb") as file:
                while True:
                    block = file.read(BLOCK)
                    if not block:
                        break
                    yield block
            if spend:
                self._files.remove(self._part(number))

    def remove(self):
        """Forget all of it, whatever of it is there."""
        for number in range(PARTS):
            try:
                self._files.remove(self._part(number))
            except OSError:
                pass

    def _part(self, number):
        return "%simage-%d" % (self._folder, number)
