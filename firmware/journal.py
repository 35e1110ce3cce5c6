"""The event journal: a ring of records in two segment files that survives power cuts. Called by app, which decides when.

It decides nothing and knows no meaning of what it keeps. A flash that fails costs records, never the program.
"""

import struct

from firmware.slotted import settle, sync
from protocol.framing import crc16

NAMES = ("journal-a", "journal-b")
SEGMENT = 128
WAITING = 32

SIZE = 16
# Order number, lifetime second, boot, what, detail; the CRC-16 of these follows.
_RECORD = ">HIHHI"
_BODY = SIZE - 2


class Journal:
    """Every record has an order number (16 bits, wrapping), so a gap shows that some were lost.

    `folder` has a slash at its end; `files` is the os module, or one that fails in a test.
    """

    def __init__(self, folder, files, opened=open):
        self._folder = folder
        self._files = files
        self._open = opened
        self._waiting = []
        self._next = None  # order number of the first that waits
        self._known = False  # whether the following describes the flash
        self._active = 0
        self._count = 0  # records in the active segment
        self._torn = False

    def add(self, lifetime_s, boot, what, detail=0):
        """One record, kept in memory until `flush`: lifetime second u32, boot count u16, what u16, detail u32.

        `what` is a status of protocol.codes, or from 0x100 a kind of the program's own. Of more than 32 that wait the
        oldest is lost.
        """
        self._waiting.append((lifetime_s & 0xFFFFFFFF, boot & 0xFFFF, what & 0xFFFF, detail & 0xFFFFFFFF))
        if len(self._waiting) > WAITING:
            self._written(1)

    def flush(self):
        """Write what waits, in one append (two where a segment ends); False when it still waits."""
        try:
            while self._waiting:
                if not self._known:
                    self._look()
                self._write()
        except OSError:
            # How much of it arrived shows the flash itself, at the next attempt.
            self._known = False
            return False
        return True

    def last(self, n):
        """The last `n` records as (lifetime_s, boot, what, detail), newest last; those that wait are among them."""
        try:
            if not self._known:
                self._look()
        except OSError:
            pass  # What can be read is shown all the same.
        found = self._waiting[::-1]
        for index in (self._active, 1 - self._active):
            try:
                octets = self._read(index)
            except OSError:
                continue
            at = len(octets) - len(octets) % SIZE
            while at and len(found) < n:
                at -= SIZE
                record = _unpack(octets[at : at + SIZE])
                if record:
                    found.append(record[1:])
        return found[:n][::-1]

    def _write(self):
        """One file operation: as many as the active segment still takes, or the beginning of the next segment."""
        active, count, mode, octets = self._active, self._count, "ab", b""
        if count >= SEGMENT:
            active, count, mode = 1 - active, 0, "wb"
        elif self._torn:
            octets = self._whole()
            count, mode = len(octets) // SIZE, "wb"
        records = self._waiting[: SEGMENT - count]
        octets += b"".join([_pack(self._next + index, record) for index, record in enumerate(records)])
        path = self._folder + NAMES[active]
        written = path if mode == "ab" else self._folder + "journal-new"
        with self._open(written, mode) as file:
            file.write(octets)
        sync(self._files)
        if written != path:
            self._files.rename(written, path)
            sync(self._files)
        self._active, self._count, self._torn = active, count + len(records), False
        self._written(len(records))

    def _written(self, count):
        del self._waiting[:count]
        if self._next is not None:
            self._next = self._next + count & 0xFFFF

    def _look(self):
        """See which segment is the newer one, and how it ends; forget of what waits what did arrive."""
        settle(self._folder, self._files)
        newest = None
        self._active, self._count, self._torn = 0, 0, False
        for index in (0, 1):
            octets = self._read(index)
            at = whole = len(octets) // SIZE * SIZE
            record = None
            while at and not record:
                at -= SIZE
                record = _unpack(octets[at : at + SIZE])
            if record is None and (newest is not None or not octets):
                continue
            if newest is not None and (record[0] - newest & 0xFFFF) > 0x7FFF:
                continue
            newest = record[0] if record else None
            self._active, self._count = index, whole // SIZE
            self._torn = len(octets) != at + SIZE or not record
        after = 0 if newest is None else newest + 1 & 0xFFFF
        if self._next is None:
            self._next = after
        elif (after - self._next & 0xFFFF) <= len(self._waiting):
            self._written(after - self._next & 0xFFFF)
        self._known = True

    def _whole(self):
        """The undamaged records of the active segment."""
        octets = self._read(self._active)
        pieces = [octets[at : at + SIZE] for at in range(0, len(octets), SIZE)]
        return b"".join([piece for piece in pieces if _unpack(piece)])

    def _read(self, index):
        try:
            with self._open(self._folder + NAMES[index], "rb") as file:
                return file.read()
        except OSError as error:
            if error.args[0] != 2:  # ENOENT: not begun yet.
                raise
        return b""


def _pack(number, record):
    body = struct.pack(_RECORD, number & 0xFFFF, *record)
    return body + crc16(body).to_bytes(2, "big")


def _unpack(octets):
    """(order number, lifetime_s, boot, what, detail), or None for octets that are no whole record."""
    if len(octets) != SIZE or crc16(octets[:_BODY]) != int.from_bytes(octets[_BODY:], "big"):
        return None
    return struct.unpack(_RECORD, octets[:_BODY])
