"""The release image as octets: files to image and back. The layout is firmware.package's, which reads it on boards.

An image tells in one of its files, firmware/release.py, which release it is; so it needs no paper beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware.package import MAGIC, Reader, checked
from installer.errors import WrongUse
from protocol.errors import Malformed
from protocol.manifest import MAX_IMAGE

RELEASE = "firmware/release.py"
MAIN = "firmware/main.mpy"
_RELEASE = re.compile(rb'SEQUENCE = (\d{1,10})\nVERSION = "([a-z0-9_.+-]{1,16})"\nBOARD = "([a-z0-9_]{1,16})"\n')


@dataclass(frozen=True)
class Identity:
    """Which release an image is."""

    sequence: int
    version: str
    board: str

    def source(self) -> bytes:
        """The content of firmware/release.py."""
        return f'SEQUENCE = {self.sequence}\nVERSION = "{self.version}"\nBOARD = "{self.board}"\n'.encode()


def pack(files: dict[str, bytes]) -> bytes:
    """The image of these files (path to content), in the order of their paths; raises WrongUse for what no board takes."""
    parts = [MAGIC]
    for path in sorted(files):
        try:
            checked(path.encode())
        except Malformed as error:
            raise WrongUse(f"{path} cannot be in a release: {error}") from error
        parts += [bytes([len(path)]), path.encode(), len(files[path]).to_bytes(4, "big"), files[path]]
    octets = b"".join(parts) + b"\0"
    if len(octets) > MAX_IMAGE:
        raise WrongUse(f"the image has {len(octets)} octets, boards take at most {MAX_IMAGE}")
    return octets


def unpack(octets: bytes) -> dict[str, bytes]:
    """The files of an image, read as a board reads it; raises Malformed."""
    shelf = _Shelf()
    reader = Reader(shelf.begin)
    reader.feed(octets)
    reader.end()
    return {path: bytes(content) for path, content in shelf.files.items()}


def identity(octets: bytes) -> Identity:
    """Which release an image says it is; raises WrongUse for what is no image of `release build`."""
    try:
        files = unpack(octets)
    except Malformed as error:
        raise WrongUse(f"this is no release image: {error}; make one with `sereno-install release build`") from error
    told = _RELEASE.fullmatch(files.get(RELEASE, b""))
    if told is None or MAIN not in files:
        raise WrongUse(f"this image does not hold {RELEASE} and {MAIN}; make one with `sereno-install release build`")
    return Identity(int(told[1]), told[2].decode(), told[3].decode())


class _Shelf:
    """Keeps what a Reader writes."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self._path = ""

    def begin(self, path: str, _size: int) -> _Shelf:
        self.files[path] = bytearray()
        self._path = path
        return self

    def write(self, octets: bytes) -> None:
        self.files[self._path] += octets

    def close(self) -> None:
        pass
