"""A board's flash in memory that can lose its power at any operation, for tests and campaigns on both interpreters.

It stands for the os module and for `open`. A write that is cut leaves a part of its octets, the last of them perhaps changed.
"""

_FOLDER = 0x4000
_FILE = 0x8000
_MODES = ("rb", "wb", "r+b")


class PowerCut(BaseException):
    """The supply is gone; nothing that runs may catch it."""


class Flash:
    """`dies_at` is the number of the operation at which the power goes, `torn` the share in 255 that a cut write leaves.

    With `late`, as on littlefs, what is written to a file is there when the file is closed, not before.
    """

    def __init__(self, late: bool = False) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()
        self.operations = 0
        self.dies_at: int | None = None
        self.torn = 128
        self.late = late
        self.blocks = 212  # a Pico W's

    def revive(self) -> None:
        """The power is back."""
        self.operations = 0
        self.dies_at = None

    def cut(self) -> bool:
        """Count an operation; whether the power goes at it."""
        self.operations += 1
        return self.dies_at is not None and self.operations >= self.dies_at

    def open(self, path: str, mode: str = "r") -> "File":
        """A file in one of the binary modes of the firmware."""
        if mode not in _MODES:
            raise ValueError(mode)
        if mode == "wb":
            self._spend()
            if path in self.folders or ("/" in path and path.rsplit("/", 1)[0] not in self.folders):
                raise OSError(2)
            if not (self.late and path in self.files):
                self.files[path] = b""
        elif path not in self.files:
            raise OSError(2)
        return File(self, path, mode)

    def rename(self, old: str, new: str) -> None:
        """Atomic, also over a file that is there."""
        self._spend()
        if old not in self.files:
            raise OSError(2)
        self.files[new] = self.files.pop(old)

    def remove(self, path: str) -> None:
        """A file."""
        if path not in self.files:
            raise OSError(2)
        self._spend()
        del self.files[path]

    def mkdir(self, path: str) -> None:
        """A folder whose parent is there."""
        self._spend()
        if path in self.folders:
            raise OSError(17)
        if "/" in path and path.rsplit("/", 1)[0] not in self.folders:
            raise OSError(2)
        self.folders.add(path)

    def rmdir(self, path: str) -> None:
        """A folder in which nothing is."""
        self._spend()
        if path not in self.folders or self.listdir(path):
            raise OSError(39)
        self.folders.remove(path)

    def listdir(self, path: str) -> list[str]:
        """The names in a folder."""
        if path not in self.folders:
            raise OSError(2)
        below = [
            name[len(path) + 1 :] for name in sorted(self.files) + sorted(self.folders) if name.startswith(path + "/")
        ]
        return [name for name in below if "/" not in name]

    def stat(self, path: str) -> tuple[int, ...]:
        """Mode and size, at their places in os.stat."""
        if path in self.folders:
            return (_FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        if path not in self.files:
            raise OSError(2)
        return (_FILE, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def statvfs(self, _path: str) -> tuple[int, ...]:
        """Size of a block and free blocks, at their places in os.statvfs."""
        taken = sum([(len(octets) + 4095) // 4096 for octets in self.files.values()]) + 2 * len(self.folders)
        return (4096, 4096, self.blocks, max(self.blocks - taken, 0), 0, 0, 0, 0, 0, 255)

    def _spend(self) -> None:
        if self.cut():
            raise PowerCut()


class File:
    """An open file; `place` is where the next octet goes."""

    def __init__(self, flash: Flash, path: str, mode: str) -> None:
        self._flash = flash
        self._path = path
        self._writes = mode != "rb"
        self._content = b"" if mode == "wb" else flash.files[path]
        self._place = 0

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> "File":
        return self

    def __next__(self) -> bytes:
        end = self._content.find(b"\n", self._place) + 1
        line = self.read(end - self._place if end else -1)
        if not line:
            raise StopIteration
        return line

    def seek(self, place: int) -> None:
        """From the start."""
        self._place = place

    def read(self, count: int = -1) -> bytes:
        """At most `count` octets, or all that are left."""
        end = len(self._content) if count < 0 else self._place + count
        octets = self._content[self._place : end]
        self._place += len(octets)
        return octets

    def write(self, octets: bytes) -> None:
        """At the place, over what is there."""
        dies = self._flash.cut()
        if dies:
            octets = bytes(octets[: len(octets) * self._flash.torn // 255])
            octets = octets[:-1] + bytes([octets[-1] ^ 0x55]) if octets else octets
        self._content = self._content[: self._place] + bytes(octets) + self._content[self._place + len(octets) :]
        self._place += len(octets)
        if not self._flash.late:
            self._flash.files[self._path] = self._content
        if dies:
            raise PowerCut()

    def close(self) -> None:
        """What was written is there from now on."""
        if self._writes and self._flash.late:
            if self._flash.cut():
                raise PowerCut()
            self._flash.files[self._path] = self._content
        self._writes = False
