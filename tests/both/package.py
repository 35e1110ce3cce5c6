"""The release image as a stream: what comes out whole, and what may not be in one."""

from hashlib import sha256

from firmware.package import Reader, checked
from protocol.errors import Malformed
from simulator.release import image

FILES = {
    "firmware/main.mpy": bytes(range(256)) * 5,
    "firmware/boards/unix.py": b"PANIC = 1\n",
    "firmware/__init__.py": b"",
    "protocol/cbor.mpy": b"M\x06",
}


class Shelf:
    """Keeps what a reader writes."""

    def __init__(self):
        self.files = {}
        self.closed = []

    def begin(self, path, size):
        """A new file."""
        self.files[path] = b""
        self.path = path
        self.size = size
        return self

    def write(self, octets):
        """More of it."""
        self.files[self.path] += octets

    def close(self):
        """It is whole."""
        assert len(self.files[self.path]) == self.size
        self.closed.append(self.path)


def read(octets, piece=512):
    """What comes out of an image, fed in pieces."""
    shelf = Shelf()
    reader = Reader(shelf.begin)
    for at in range(0, len(octets), piece):
        reader.feed(octets[at : at + piece])
    return shelf, reader.end()


def refused(octets):
    """Whether an image is refused, however it is fed."""
    for piece in (1, 512):
        try:
            read(octets, piece)
        except Malformed:
            continue
        return False
    return True


def entry(path, content=b"x", size=None):
    """One file of an image, with a size that may lie."""
    return bytes([len(path)]) + path + (len(content) if size is None else size).to_bytes(4, "big") + content


def test_all_files_come_out_however_it_is_cut():
    """Octet by octet, in blocks, at once; the empty file too; each closed once, and the digest is of all of it."""
    octets = image(FILES)
    for piece in (1, 2, 7, 512, 100000):
        shelf, digest = read(octets, piece)
        assert shelf.files == FILES
        assert shelf.closed == sorted(FILES)
        assert digest == sha256(octets).digest()


def test_what_is_cut_is_not_whole():
    """At every octet."""
    octets = image(FILES)
    for count in range(0, len(octets), 3):
        assert refused(octets[:count]), count
    assert refused(octets[:-1])


def test_nothing_stands_behind_the_end():
    """One octet more is one too many; so is a second image."""
    assert refused(image(FILES) + b"\x00")
    assert refused(image(FILES) + image(FILES))


def test_only_paths_of_a_program_are_written():
    """Neither above, nor beside, nor another kind of file, nor another spelling."""
    for path in (b"/firmware/a.py", b"../firmware/a.py", b"firmware/../a.py", b"firmware/./a.py", b"firmware//a.py",
                 b"a.py", b"main.py", b"firmware", b"firmware/", b"firmware.py", b"device/a.py", b"firmware2/a.py",
                 b"firmware/a", b"firmware/a.json", b"firmware/a.py.py", b"firmware/.py", b"firmware/a.", b"firmware/a.pyc",
                 b"firmware/A.py", b"Firmware/a.py", b"firmware/a b.py", b"firmware/a\x00.py", b"firmware/\xc3\xa1.py",
                 b"firmware/x.d/a.py", b"firmware\\a.py", b"firmware/a-b.py", b"firmware/" + b"a" * 52 + b".py", b"firmware/a.PY",
                 b"contents", b"firmware/contents", b"lib/firmware/a.py"):  # fmt: skip
        assert refused(b"SRI\x01" + entry(path) + b"\x00"), path
        try:
            checked(path)
            raise AssertionError(path)
        except Malformed:
            pass
    assert checked(b"firmware/" + b"a" * 51 + b".py")


def test_files_come_in_order_and_once():
    """So none is written twice, and the same files make the same image."""
    one, other = entry(b"firmware/a.py"), entry(b"firmware/b.py")
    assert not refused(b"SRI\x01" + one + other + b"\x00")
    assert refused(b"SRI\x01" + other + one + b"\x00")
    assert refused(b"SRI\x01" + one + one + b"\x00")


def test_a_size_that_lies_makes_no_image():
    """Longer than what follows, or shorter."""
    for size in (0, 1, 3, 4, 1000, 0xFFFFFFFF):
        assert refused(b"SRI\x01" + entry(b"firmware/a.py", b"xx", size) + b"\x00"), size


def test_another_head_is_no_image():
    """Another version, another magic, nothing."""
    octets = image(FILES)
    for head in (b"SRI\x02", b"SRM\x01", b"\x00\x00\x00\x00"):
        assert refused(head + octets[4:])
    assert refused(b"")
    assert refused(b"SRI\x01")


def test_it_asks_for_little_memory():
    """A path without end is refused at its first octet, not collected."""
    reader = Reader(Shelf().begin)
    reader.feed(b"SRI\x01")
    try:
        reader.feed(b"\x40")
        raise AssertionError
    except Malformed:
        pass
