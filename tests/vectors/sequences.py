"""Serial lines, replay windows and topics: what is not a sealed frame."""

from __future__ import annotations

import binascii
import random
import struct

from tests.vectors.frames import octets_of, reported


def stuffed(data: bytes) -> bytes:
    """COBS without the closing zero: runs between zeros, in blocks of 254."""
    out = b""
    for run in data.split(b"\x00"):
        full, rest = divmod(len(run), 254)
        for block in range(full):
            out += b"\xff" + run[254 * block : 254 * block + 254]
        out += bytes([rest + 1]) + run[254 * full :]
    return out


def lines() -> list[dict[str, str]]:
    """Frames as they stand on a serial line; the CRC is binascii's."""
    dice = random.Random(20_000)
    frames = [b"\x00", b"\x01", bytes(5), b"123456789", octets_of("command"), reported(b"{}"), bytes(range(1, 253))]
    frames += [bytes(range(1, 256)) * 4, b"\x00" * 300, dice.randbytes(251), dice.randbytes(252), dice.randbytes(1100)]
    frames += [bytes([0x55]) * count for count in (251, 252, 253, 254, 506, 507, 508)]
    checked = [frame + struct.pack(">H", binascii.crc_hqx(frame, 0xFFFF)) for frame in frames]
    return [
        {"frame": f.hex(), "crc": c[-2:].hex(), "line": (stuffed(c) + b"\x00").hex()}
        for f, c in zip(frames, checked, strict=True)
    ]


class Seen:
    """A replay window as the contract tells it: a set of all that was used, the newest, the floor."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        self.top = 0
        self.floor = 0

    def take(self, counter: int) -> str:
        """The verdict, and the counter is used when it was new."""
        if counter <= 0 or counter <= self.top - 64:
            return "old"
        if counter in self.used:
            return "repeat"
        if counter <= self.floor:
            return "old"
        self.used.add(counter)
        self.top = max(self.top, counter)
        return "new"

    def packed(self) -> bytes:
        """Newest, floor, and a bit for each of the 64 counters up to the newest."""
        bits = sum(1 << back for back in range(64) if self.top - back in self.used)
        return struct.pack(">IIQ", self.top, self.floor, bits)


def windows() -> list[dict[str, object]]:
    """Sequences of taking a counter and raising the floor, with the verdict of each step."""
    top = 0xFFFFFFFF
    dice = random.Random(64)
    near = [("take", max(0, 3 * n + dice.randrange(-90, 12))) for n in range(400)]
    wild = [("take", dice.choice((dice.randrange(200), dice.randrange(top + 1)))) for _ in range(60)]
    floors = [("floor" if dice.random() < 0.1 else "take", 2 * n + dice.randrange(60)) for n in range(300)]
    scripts = {
        "in order": [("take", n) for n in range(1, 70)],
        "zero is never new": [("take", 0), ("take", 1), ("take", 0)],
        "the first one may be anything": [("take", 5), ("take", 5), ("take", 4), ("take", 6)],
        "63 behind is judged, 64 behind is old": [("take", n) for n in (100, 37, 36, 35, 37, 100)],
        "a jump of 63 keeps what was seen": [("take", n) for n in (10, 73, 10, 9, 11)],
        "a jump of 64 forgets it": [("take", n) for n in (10, 74, 10, 11, 74, 12)],
        "a jump of thousands": [("take", n) for n in (1, 2, 5000, 1, 2, 4999, 4937, 4936, 5000)],
        "backwards": [("take", n) for n in range(64, -1, -1)],
        "the floor kills the unused": [("take", 10), ("floor", 20), *(("take", n) for n in (9, 10, 20, 21, 15, 21))],
        "a floor never goes down": [("floor", 50), ("floor", 3), ("take", 40), ("take", 50), ("take", 51)],
        "a repeat under the floor is a repeat": [("take", 7), ("take", 8), ("floor", 8), ("take", 7), ("take", 6)],
        "a floor ahead of the newest": [("floor", 1000), ("take", 1000), ("take", 1064), ("take", 1001)],
        "the last counters there are": [("take", n) for n in (top - 1, top, top, top - 63, top - 64)],
        "everything is dead": [("floor", top), ("take", top), ("take", 1)],
        "noise near the newest": near,
        "noise everywhere": wild,
        "noise with floors": floors,
    }
    made: list[dict[str, object]] = []
    for name, steps in scripts.items():
        seen = Seen()
        told = []
        for what, counter in steps:
            if what == "floor":
                seen.floor = max(seen.floor, counter)
                told.append([what, counter, ""])
            else:
                told.append([what, counter, seen.take(counter)])
        made.append({"name": name, "steps": told, "packed": seen.packed().hex()})
    return made


def topics() -> dict[str, object]:
    """Names and topics that are ours, and near misses that are not."""
    names = [("C", 1), ("C", 42), ("C", 999_999), ("G", 1), ("G", 65_535), ("S", 1), ("S", 99)]
    written = [(letter, number, f"{letter}{number:0{2 if letter == 'S' else 6}d}") for letter, number in names]
    bad_names = ["", "C", "C1", "C00001", "C0000001", "C000000", "G000000", "G065536", "S00", "S1", "S001", "c000001"]
    bad_names += ["D000001", "C-00001", "C+00001", "C 00001", "C00001 ", "C00001\n", " C000001", "C00_001", "000001"]
    bad_names += ["C\u0660\u0660\u0660\u0660\u0660\u0661", "C00000\u00b9", "+", "#", "C00000+", "C000001/", "C0x0001"]
    bad = ["", "/", "sereno", "sereno/1", "sereno/1/C000001", "sereno/1/C000001/", "sereno/1/C000001/DOWN"]
    bad += ["sereno/1/C000001/down/", "sereno/1/C000001/down/x", "/sereno/1/C000001/down", "sereno/2/C000001/down"]
    bad += ["sereno/1/+/down", "sereno/1/#", "sereno/1/C000001/+", "sereno/1/C000001/up ", "sereno/1//C000001/up"]
    bad += ["sereno/1/c000001/up", "sereno/1/C000000/up", "Sereno/1/C000001/up", "sereno/1/C000001/down\u0000"]
    bad += ["$SYS/broker/uptime", "sereno/10/C000001/up", "sereno/1/C000001\\up", "sereno/1/up/C000001"]
    return {
        "names": [list(line) for line in written],
        "numbers_refused": [["C", 0], ["C", -1], ["C", 1_000_000], ["G", 0], ["G", 65_536], ["S", 0], ["S", 100]],
        "names_refused": bad_names,
        "topics": [[f"sereno/1/{n}/{d}", n, d] for _, _, n in written for d in ("down", "up", "link")],
        "topics_refused": bad,
    }
